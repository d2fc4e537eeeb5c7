import { Agent, request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { envelopeHeader } from './envelope.ts'

/** Headers of an answer that go on to the client. */
const passed = [
  'content-type',
  'cache-control',
  'mcp-session-id',
  'x-accel-buffering',
  'allow',
  'retry-after',
  'www-authenticate',
]

/** Errors of a task that is not there: nothing was sent to it. */
const absent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENOTFOUND', 'ETIMEDOUT'])

export interface Delivery {
  agent: Agent
  url: string
  envelope: string
  body: Uint8Array
  signal: AbortSignal
  /** How long a connection may take. */
  connectMs: number
}

/** Posts to another task. The answer streams, with back-pressure; who stops reading it, or aborts, ends the request. */
export async function send(delivery: Delivery): Promise<Response | 'gone' | 'failed'> {
  return new Promise((resolve) => {
    const { agent, signal, body, connectMs } = delivery
    if (signal.aborted) return resolve('failed')
    const sent = request(delivery.url, {
      method: 'POST',
      agent,
      headers: {
        [envelopeHeader]: delivery.envelope,
        'content-type': 'application/octet-stream',
        'content-length': body.byteLength,
      },
    })
    const abort = () => sent.destroy()
    signal.addEventListener('abort', abort, { once: true })
    sent.once('socket', (socket) => {
      if (!socket.connecting) return
      const timer = setTimeout(
        () => sent.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' })),
        connectMs,
      )
      socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
    })
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(absent.has(error.code ?? '') ? 'gone' : 'failed'))
    sent.once('close', () => signal.removeEventListener('abort', abort))
    sent.once('response', (answer) => resolve(responseOf(answer)))
    sent.end(body)
  })
}

function responseOf(answer: IncomingMessage): Response {
  const headers: Record<string, string> = {}
  for (const name of passed) {
    const value = answer.headers[name]
    if (value !== undefined) headers[name] = String(value)
  }
  const empty = answer.headers['content-length'] === '0' || [202, 204, 304].includes(answer.statusCode!)
  if (empty) answer.resume()
  // A stream that breaks is an ended one for its reader, who then resumes or asks again.
  answer.on('error', () => {})
  const body = empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
  return new Response(body, { status: answer.statusCode!, headers })
}
