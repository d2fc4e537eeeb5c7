import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { FairleadError } from '../errors.ts'
import { anonymous, type FetchHandler, type RequestContext } from './fetch-handler.ts'
import { asRequest, LightRequest } from './light-request.ts'
import { LightResponse } from './light-response.ts'

export interface ListenOptions {
  /** 127.0.0.1 by default. */
  host?: string
  /** 0, the default, takes a free port. */
  port?: number
  /** A larger body is answered 413 and not read further; 4 MiB by default. */
  maxBodyBytes?: number
  /** The JSON of that answer; a JSON-RPC error by default. */
  tooLarge?: unknown
  /** How long a request may take to arrive; 30 s by default. */
  requestTimeoutMs?: number
  /** How long an idle connection is kept: longer than a proxy in front keeps it; 65 s by default. */
  keepAliveMs?: number
  context?: (request: LightRequest, socket: { remoteAddress: string }) => RequestContext
}

export interface Listening {
  /** `http://127.0.0.1:4101`, without a path. */
  url: string
  port: number
  /** Stops accepting, waits for what is in flight up to `graceMs` (0 by default), then ends every connection. */
  close(graceMs?: number): Promise<void>
}

/** Serves a FetchHandler on a port. Throws PORT_IN_USE. The body is read whole before the handler is called. */
export async function listen(handler: FetchHandler, options: ListenOptions = {}): Promise<Listening> {
  const { host = '127.0.0.1', maxBodyBytes = 4 * 1024 * 1024, requestTimeoutMs = 30_000 } = options
  LightResponse.install()
  let origin = ''
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(15_000, requestTimeoutMs),
      keepAliveTimeout: options.keepAliveMs ?? 65_000,
      // How often Node looks for requests that took too long.
      connectionsCheckingInterval: Math.min(30_000, requestTimeoutMs),
    },
    (req, res) => {
      const { context, tooLarge = jsonRpcTooLarge } = options
      void answer(req, res, { handler, origin, maxBodyBytes, tooLarge, ...(context ? { context } : {}) })
    },
  )
  await bind(server, host, options.port ?? 0)
  const { port } = server.address() as AddressInfo
  origin = `http://${host}:${port}`
  return { url: origin, port, close: (graceMs = 0) => closeServer(server, graceMs) }
}

interface Serving {
  handler: FetchHandler
  origin: string
  maxBodyBytes: number
  tooLarge: unknown
  context?: NonNullable<ListenOptions['context']>
}

async function answer(req: IncomingMessage, res: ServerResponse, serving: Serving): Promise<void> {
  try {
    const bytes = await readBody(req, serving.maxBodyBytes)
    if (!bytes) return refuseLarge(res, serving.tooLarge)
    const gone = new AbortController()
    res.on('close', () => res.writableFinished || gone.abort())
    const request = new LightRequest({
      method: req.method ?? 'GET',
      origin: serving.origin,
      target: req.url ?? '/',
      rawHeaders: req.rawHeaders,
      bytes,
      signal: gone.signal,
    })
    const context = serving.context?.(request, { remoteAddress: req.socket.remoteAddress ?? '' }) ?? {
      requestId: randomUUID(),
      principal: anonymous,
    }
    await writeResponse(res, await serving.handler(asRequest(request), context))
  } catch (error) {
    // Whoever has gone needs no answer. Anything else is a fault of ours: the client learns that, and the log what it was.
    if (!req.socket.destroyed) reportFault(error)
    if (!res.headersSent) res.writeHead(500).end()
    else res.destroy()
  }
}

function reportFault(error: unknown): void {
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
  console.error(JSON.stringify({ level: 'error', message: 'A request could not be answered', cause }))
}

/** Reads the body, or answers undefined when it is larger than it may be. */
async function readBody(req: IncomingMessage, max: number): Promise<Uint8Array | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > max) return undefined
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > max) {
        req.pause()
        resolve(undefined)
      } else chunks.push(chunk)
    })
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    req.on('error', reject)
    req.on('aborted', () => reject(new Error('the client went away')))
  })
}

const jsonRpcTooLarge = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32600, message: 'The request body is too large' },
}

function refuseLarge(res: ServerResponse, body: unknown): void {
  res.writeHead(413, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
}

/** Writes a Response to a Node response, with back-pressure; ends a stream's source when the client goes away. */
export async function writeResponse(res: ServerResponse, response: Response): Promise<void> {
  if ('lightBody' in response) return writeLight(res, response as unknown as LightResponse)
  const headers: string[] = []
  response.headers.forEach((value, name) => headers.push(name, value))
  // JSON is given whole, with its length; anything else of unknown length is passed on as it comes.
  const streams =
    !response.headers.has('content-length') && !response.headers.get('content-type')?.startsWith('application/json')
  if (!response.body) return void res.writeHead(response.status, headers).end()
  if (!streams) {
    const bytes = Buffer.from(await response.arrayBuffer())
    if (!response.headers.has('content-length')) headers.push('content-length', String(bytes.length))
    return void res.writeHead(response.status, headers).end(bytes)
  }
  res.writeHead(response.status, headers)
  res.flushHeaders()
  await pump(response.body, res)
}

function writeLight(res: ServerResponse, response: LightResponse): void {
  const headers = response.flatHeaders()
  const sized = headers.some((text, at) => at % 2 === 0 && text.toLowerCase() === 'content-length')
  if (!sized) headers.push('content-length', String(Buffer.byteLength(response.lightBody)))
  res.writeHead(response.status, headers).end(response.lightBody)
}

async function pump(body: ReadableStream<Uint8Array>, res: ServerResponse): Promise<void> {
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  res.on('close', cancel)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!res.write(value)) await drained(res)
    }
  } finally {
    res.off('close', cancel)
    res.end()
  }
}

/** Waits until more may be written, or nobody reads any more; no listener stays behind. */
async function drained(res: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = () => {
      res.off('drain', go).off('close', go)
      resolve()
    }
    res.once('drain', go).once('close', go)
  })
}

async function bind(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new FairleadError('PORT_IN_USE', `Port ${port} on ${host} is taken`, { cause: error })
          : error,
      )
    })
    server.listen(port, host, resolve)
  })
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(timer)
}
