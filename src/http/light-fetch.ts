import type { Agent, IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { LightHeaders } from './light-request.ts'

/** What a caller says of a request: a part of what the Fetch standard has. */
export interface LightInit {
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
  signal?: AbortSignal
  redirect?: 'manual' | 'follow' | 'error'
}

/** What is used of an answer: a `Response` is one. */
export interface LightAnswer {
  readonly status: number
  readonly ok: boolean
  readonly headers: Iterable<[string, string]> & { get(name: string): string | null }
  readonly body: LightBody | null
}

interface LightBody extends AsyncIterable<Uint8Array> {
  cancel(): Promise<void>
}

/** Sends a request: the global `fetch` is one. */
export type LightFetch = (url: string | URL, init?: LightInit) => Promise<LightAnswer>

/** Shorter than the 5 s of a Node server and the 60 s of a load balancer, so that a connection is seldom used as it ends. */
const idleMs = 4000
const connectMs = 10_000

/**
 * Sends a request over node:http or node:https and gives its answer: what `fetch` does, without loading undici, and
 * without undici's 300 s after which a silent answer is cut. Redirects are not followed. Throws what the socket throws;
 * `unsent` is set on an error that came before there was a connection.
 * @see https://nodejs.org/docs/latest-v24.x/api/http.html#httprequesturl-options-callback
 */
export async function lightFetch(url: string | URL, init: LightInit = {}): Promise<LightAnswer> {
  const { method = 'GET', headers = {}, body, signal } = init
  const { request, agent } = clientFor(new URL(url))
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    // Some firewalls refuse who does not say what it is.
    const req = request(url, { method, agent, headers: { 'user-agent': 'fairlead', ...headers } })
    let connected = false
    let answer: IncomingMessage | undefined
    const stop = () => {
      // A body without a length would end as if it were whole.
      answer?.destroy(signal?.reason as Error)
      req.destroy(signal?.reason as Error)
    }
    signal?.addEventListener('abort', stop, { once: true })
    req.once('close', () => signal?.removeEventListener('abort', stop))
    req.once('socket', (socket) => whenConnected(socket, req.reusedSocket, stopLate, () => (connected = true)))
    req.on('error', (error) => reject(connected ? error : Object.assign(error, { unsent: true })))
    req.once('response', (message) => resolve(new NodeAnswer((answer = message))))
    req.end(body)
    function stopLate(): void {
      req.destroy(Object.assign(new Error(`no connection within ${connectMs / 1000} s`), { code: 'ETIMEDOUT' }))
    }
  })
}

/** An answer once more, since its body was read. */
export function readAlready({ status, ok, headers }: LightAnswer, text = ''): LightAnswer {
  return { status, ok, headers, body: bodyOf(text) }
}

function bodyOf(text: string): LightBody {
  return {
    async *[Symbol.asyncIterator]() {
      yield Buffer.from(text)
    },
    cancel: async () => {},
  }
}

interface HttpClient {
  request: typeof request
  agent: Agent
}

const clients: Record<string, HttpClient> = {}

/** Who talks to this machine alone needs no TLS; and an `import` of node:http would load undici, for its `WebSocket`. */
function clientFor({ protocol }: URL): HttpClient {
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${protocol} is neither http: nor https:`)
  const known = clients[protocol]
  if (known) return known
  // As `fetch` does, a proxy of the environment is used only where Node is told so.
  const proxied = process.env.NODE_USE_ENV_PROXY === '1' ? { proxyEnv: process.env } : {}
  const { Agent, request } = process.getBuiltinModule(protocol === 'http:' ? 'node:http' : 'node:https')
  return (clients[protocol] = { request, agent: new Agent({ keepAlive: true, timeout: idleMs, ...proxied }) })
}

/** Tells when a socket is connected (over TLS: secured), or that it takes too long. */
function whenConnected(socket: Socket, reused: boolean, late: () => void, connected: () => void): void {
  if (reused || !socket.connecting) return connected()
  const timer = setTimeout(late, connectMs)
  socket.once('close', () => clearTimeout(timer))
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
    clearTimeout(timer)
    connected()
  })
}

class NodeAnswer implements LightAnswer {
  readonly status: number
  readonly headers: LightHeaders
  readonly body: LightBody

  constructor(message: IncomingMessage) {
    this.status = message.statusCode ?? 0
    this.headers = new LightHeaders(message.rawHeaders)
    // An answer that nobody reads may break off as well.
    message.on('error', () => {})
    const stream = decoded(message, this.headers.get('content-encoding'))
    this.body = {
      [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
      cancel: async () => void (isShort(message) ? message.resume() : message.destroy()),
    }
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }
}

/** Nothing is asked to be compressed, and some servers do it anyway. */
function decoded(message: IncomingMessage, encoding: string | null): NodeJS.ReadableStream {
  if (encoding === null || !/^(?:gzip|x-gzip|deflate|br)$/i.test(encoding)) return message
  const { createBrotliDecompress, createUnzip } = process.getBuiltinModule('node:zlib')
  const into = /^br$/i.test(encoding) ? createBrotliDecompress() : createUnzip()
  message.once('error', (error) => into.destroy(error))
  into.once('close', () => message.destroy())
  return message.pipe(into)
}

/** Reading a short rest costs less than another connection. */
function isShort({ headers, complete }: IncomingMessage): boolean {
  return complete || Number(headers['content-length'] ?? Number.NaN) < 65_536
}
