import { setTimeout as sleep } from 'node:timers/promises'
import { sign } from '../auth/sigv4/sign.ts'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import { send, type Answered, type Failed, type Sent } from './send.ts'

/** With what the doctor may call. */
export type Access =
  | { kind: 'none' }
  | { kind: 'token'; token: () => Promise<string> }
  | { kind: 'iam'; credentials: Credentials; service: string; region: string }

export interface Target {
  url: string
  access: Access
  /** How long one answer may take, in milliseconds; 8 s by default. */
  patienceMs?: number
  /** How long each answer is waited for at least, where a first one takes long to begin. */
  slowMs?: number
}

export const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }

export const both = 'application/json, text/event-stream'

type SentTo = Omit<Sent, 'url'> & { url?: string }

/**
 * The doctor asks many things at once: who is asked too much (429) is asked again after about these milliseconds. Each
 * request waits for a time of its own, so that they do not all come back at once.
 */
const pausesMs = [200, 500, 1000, 2000, 4000]

/** Sends with what the target asks for: signed, with a token, or as it is. */
export async function sendTo(target: Target, sent: SentTo): Promise<Answered | Failed> {
  for (const pause of pausesMs) {
    const answer = await sendOnce(target, sent)
    if ('failed' in answer || answer.status !== 429) return answer
    await sleep(pause * (0.5 + Math.random()))
  }
  return sendOnce(target, sent)
}

async function sendOnce(target: Target, sent: SentTo): Promise<Answered | Failed> {
  const url = new URL(sent.url ?? target.url)
  const headers: Record<string, string> = { host: url.host, ...lowered(sent.headers) }
  const { access } = target
  if (access.kind === 'token') headers.authorization ??= `Bearer ${await access.token()}`
  if (access.kind === 'iam') {
    const rawHeaders = Object.entries(headers).flat()
    const request = {
      method: sent.method ?? 'GET',
      target: url.pathname + url.search,
      rawHeaders,
      body: Buffer.from(sent.body ?? ''),
    }
    Object.assign(headers, sign(request, access.credentials, access))
  }
  const timeoutMs = Math.min(Math.max(sent.timeoutMs ?? 8000, target.slowMs ?? 0), target.patienceMs ?? Infinity)
  return send({ ...sent, url: url.href, headers, timeoutMs })
}

/** Posts JSON-RPC, as MCP does. */
export function post(
  target: Target,
  message: unknown,
  more: { headers?: Record<string, string>; timeoutMs?: number; until?: (text: string) => boolean } = {},
): Promise<Answered | Failed> {
  return sendTo(target, {
    method: 'POST',
    body: typeof message === 'string' ? message : JSON.stringify(message),
    ...more,
    headers: { 'content-type': 'application/json', accept: both, ...more.headers },
  })
}

function lowered(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

interface Message {
  id?: unknown
  result?: Record<string, unknown>
  error?: { code?: unknown; message?: unknown }
  method?: unknown
}

/** The JSON-RPC messages of an answer, whether it is JSON or an event stream. */
export function messagesIn(answer: Answered): Message[] {
  const type = answer.headers['content-type']?.[0] ?? ''
  const texts = type.startsWith('text/event-stream') ? eventsIn(answer.body) : [answer.body]
  return texts.flatMap((text) => {
    try {
      const value = JSON.parse(text) as Message | Message[] | null
      return value === null || typeof value !== 'object' ? [] : value
    } catch {
      return []
    }
  })
}

function eventsIn(body: string): string[] {
  return body.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trim())
    return data.length > 0 ? [data.join('\n')] : []
  })
}

/** The answer to a request: the message with its id. */
export function replyIn(answer: Answered | Failed, id: number): Message | undefined {
  return 'failed' in answer ? undefined : messagesIn(answer).find((each) => each.id === id)
}

export function seen(answer: Answered | Failed): string {
  if ('failed' in answer) return answer.says
  const error = messagesIn(answer).find((each) => each.error)?.error
  const said = error
    ? `: ${JSON.stringify(error.code)} ${String(error.message)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, 160)}`
    : ''
  return `It was answered ${answer.status}${said}.`
}

export function isLoopback(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}
