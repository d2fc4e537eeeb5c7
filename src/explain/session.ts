import { runtimeHeaders } from '../aws/agentcore-runtime.ts'
import type { KeptRequest } from './kept.ts'
import { headerOf } from './kept.ts'

/** What the start of a session's process did to a call that was let in. */
export interface SessionEvent {
  cause: 'cold-start' | 'session-expired'
  why: string
  fix: string
}

/** Clients wait ten seconds and more, but not for ever. */
const longStartMs = 10_000

/** Says what a call met in its session, where a process was started for it. Otherwise there is nothing to say. */
export function sessionEvents({ process, ms }: KeptRequest): SessionEvent[] {
  if (!process) return []
  const events: SessionEvent[] = []
  if (process.successor)
    events.push({
      cause: 'session-expired',
      why: 'The process of its session had ended, after its idle time, its lifetime or a crash. A new one answered under the same id, and remembers nothing of what was before.',
      fix: 'Keep what a session must remember outside of its process, or raise idleRuntimeSessionTimeout; a client that meets this begins again with initialize.',
    })
  if (process.startedMs >= longStartMs)
    events.push({
      cause: 'cold-start',
      why: `${seconds(process.startedMs)} of its ${seconds(ms)} went by until the process of a new session was there.`,
      fix: 'Begin the session before it is needed, make the image and what the server loads at its start smaller, and let clients wait for 30 s at least.',
    })
  return events
}

/** Clients have to send a call again that was answered -32005. Says whether this one has. */
export function retryOf(busy: KeptRequest, others: readonly KeptRequest[]): string {
  const again = others.find(
    (each) =>
      each.id !== busy.id &&
      each.at >= busy.at &&
      each.platform === busy.platform &&
      each.code !== busy.code &&
      each.call === busy.call &&
      headerOf(each, 'user-agent') === headerOf(busy, 'user-agent') &&
      sessionOf(each) === sessionOf(busy),
  )
  return again
    ? `The client sent it again ${seconds(again.at - busy.at)} later, and was answered ${again.status}${again.code ? ` ${again.code}` : ''}.`
    : 'The client has not sent it again: -32005 asks for that, and MCP clients take it for the end.'
}

function sessionOf(request: KeptRequest): string | undefined {
  return headerOf(request, runtimeHeaders.mcpSession) ?? headerOf(request, runtimeHeaders.session)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
