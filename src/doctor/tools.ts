import type { Finding } from './checks.ts'
import type { Speech } from './speech.ts'
import { header, type Answered, type Failed } from './send.ts'
import { messagesIn, seen } from './target.ts'

interface Tool {
  name?: unknown
  description?: unknown
  inputSchema?: { type?: unknown } | null
}

/** What a server says of its tools, and what it does when one is called that it has not. */
export async function tools({ ask, capabilities }: Speech): Promise<Finding[]> {
  if (!('tools' in capabilities)) return []
  const answer = await ask('tools/list', {})
  const list = 'failed' in answer ? undefined : messagesIn(answer).find((each) => each.result)?.result?.tools
  if (!Array.isArray(list)) return [{ id: 'tools-list', ok: false, says: seen(answer) }]
  const found = list as Tool[]
  const nameless = found.filter(({ name, inputSchema }) => typeof name !== 'string' || inputSchema?.type !== 'object')
  const names = found.map(({ name }) => String(name))
  const odd = names.filter((name, at) => !/^[\w./-]{1,128}$/.test(name) || names.indexOf(name) !== at)
  const mute = found.filter(({ description }) => typeof description !== 'string' || description.trim() === '')
  const call = await ask('tools/call', { name: 'doctor_no_such_tool', arguments: {} })
  return [
    { id: 'tools-list', ok: true, says: `It has ${found.length}.` },
    {
      id: 'tool-schemas',
      ok: nameless.length === 0,
      says: nameless.length === 0 ? 'All have.' : `Not so: ${shown(nameless)}.`,
    },
    {
      id: 'tool-names',
      ok: odd.length === 0,
      says:
        odd.length === 0
          ? 'All are.'
          : `Not so: ${odd
              .slice(0, 5)
              .map((each) => each.slice(0, 60))
              .join(', ')}.`,
    },
    {
      id: 'tool-descriptions',
      ok: mute.length === 0,
      says: mute.length === 0 ? 'All have.' : `Without: ${shown(mute)}.`,
    },
    { id: 'unknown-tool', ok: isError(call), says: seen(call) },
  ]
}

/** Opens a stream whose first event comes long before its end, and sees whether it does. */
export async function streaming(
  { ask, served }: Speech,
  tool?: { name: string; arguments: Record<string, unknown> },
): Promise<Finding[]> {
  if (tool) {
    const began = performance.now()
    let first = 0
    const answer = await ask(
      'tools/call',
      { ...tool, _meta: { progressToken: 'doctor' } },
      {
        timeoutMs: 60_000,
        until: (text) => {
          if (first === 0 && text.includes('notifications/progress')) first = performance.now() - began
          return false
        },
      },
    )
    if ('failed' in answer) return [{ id: 'stream-as-it-happens', ok: false, says: answer.says }]
    const events = messagesIn(answer).filter((each) => each.method === 'notifications/progress').length
    if (events < 2)
      return [
        {
          id: 'stream-as-it-happens',
          ok: false,
          says: `${tool.name} reported progress ${events} times: two are needed to tell.`,
        },
      ]
    return [
      {
        id: 'stream-as-it-happens',
        ok: first < answer.ms * 0.8,
        says: `${events} events; the first after ${Math.round(first)} ms, the end after ${Math.round(answer.ms)} ms.`,
      },
    ]
  }
  if (!served.includes('2026-07-28')) return []
  const answer = await ask(
    'subscriptions/listen',
    { notifications: { toolsListChanged: true } },
    { timeoutMs: 5000, until: (text) => text.includes('notifications/subscriptions/acknowledged') },
  )
  if ('failed' in answer)
    return [{ id: 'stream-as-it-happens', ok: false, says: `No event of a stream came within 5 s: ${answer.says}` }]
  // A server without change notifications refuses to listen, and then there is nothing to stream.
  if (!(header(answer, 'content-type') ?? '').startsWith('text/event-stream')) return []
  const came = answer.body.includes('notifications/subscriptions/acknowledged')
  return [
    {
      id: 'stream-as-it-happens',
      ok: came,
      says: came
        ? `The first event of a stream came after ${Math.round(answer.ms)} ms.`
        : 'The stream was opened, and its first event did not come.',
    },
  ]
}

function isError(answer: Answered | Failed): boolean {
  return (
    !('failed' in answer) &&
    messagesIn(answer).some((each) => each.error !== undefined || each.result?.isError === true)
  )
}

function shown(list: readonly Tool[]): string {
  return list
    .slice(0, 5)
    .map(({ name }) =>
      String(name)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, 60),
    )
    .join(', ')
}
