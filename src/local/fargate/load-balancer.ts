import { randomBytes } from 'node:crypto'
import { Agent, createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { FairleadError } from '../../errors.ts'
import { isHostAllowed } from '../../mcp/origin.ts'
import { answerFaults, breakAnswer, type Change } from '../faults/answers.ts'
import { breakToken, tokenFaults } from '../faults/tokens.ts'
import type { Faults } from '../faults.ts'
import { errorPage } from './error-page.ts'
import { stickyTarget, stickyCookie } from './stickiness.ts'
import type { Target } from './target.ts'

export interface LoadBalancerOptions {
  port: number
  /** Who may be sent to, asked for each request. */
  targets: () => readonly Target[]
  /** Seconds without a byte after which a connection is closed; 60 by default, as an ALB's. */
  idleTimeoutS?: number
  /** Seconds that a cookie binds a client to a task; off by default. */
  stickyS?: number
  /** Paths that begin so are not for clients: a listener rule answers 404. */
  closedPrefix?: string
  /** What is broken on purpose. */
  faults?: Faults
  /** Called when an answer has ended. */
  onEnd?: (exchange: Exchange) => void
}

/** One request through the load balancer, for the log. */
export interface Exchange {
  /** The `Root` of its X-Amzn-Trace-Id. */
  traceId: string
  at: number
  ms: number
  method: string
  path: string
  status: number
  requestBytes: number
  responseBytes: number
  /** The body when it was small enough to keep. */
  body: Buffer | undefined
  target: string
  rawHeaders: readonly string[]
  /** Of the answer, once there is one. */
  answerHeaders: readonly string[]
  /** The beginning of a refusal. */
  answerBody: string
}

export interface LoadBalancer {
  url: string
  close(): Promise<void>
}

const keptBody = 256 * 1024
const keptAnswer = 4 * 1024
/** A larger body is announced to the task before it is there. */
const maxAwaited = 1024 * 1024

/**
 * Spreads requests over tasks as an Application Load Balancer does: round robin over the healthy ones, an idle timeout,
 * X-Forwarded-For appended, the Host kept, its own pages for 502, 503 and 504, and bodies passed on as they come.
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
 */
export async function startLoadBalancer(options: LoadBalancerOptions): Promise<LoadBalancer> {
  const idleMs = (options.idleTimeoutS ?? 60) * 1000
  // What it keeps open to a task it gives up before the task does: a task that closes first makes a 502.
  const agent = new Agent({ keepAlive: true, maxSockets: 1024, timeout: idleMs - 1000 })
  let turn = 0
  const next = (req: IncomingMessage): Target | undefined => {
    const healthy = options.targets().filter(({ state }) => state === 'healthy')
    return stickyTarget(req, healthy, options.stickyS) ?? healthy[turn++ % healthy.length]
  }
  const server = createServer({ keepAliveTimeout: idleMs, requestTimeout: 0, headersTimeout: 15_000 }, (req, res) =>
    forward(req, res, { next, agent, idleMs, options }),
  )
  server.on('connection', (socket: Socket) => socket.setNoDelay(true))
  await bind(server, options.port)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      agent.destroy()
    },
  }
}

interface Forwarding {
  next: (req: IncomingMessage) => Target | undefined
  agent: Agent
  idleMs: number
  options: LoadBalancerOptions
}

function forward(req: IncomingMessage, res: ServerResponse, { next, agent, idleMs, options }: Forwarding): void {
  const traceId = `1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')}`
  const tokens = options.faults?.of(tokenFaults) ?? []
  const rawHeaders = tokens.length > 0 ? breakToken(req.rawHeaders, tokens) : req.rawHeaders
  const exchange = watch(req, res, { traceId, rawHeaders }, options.onEnd)
  // An ALB is reached by its own name alone. Here that keeps web pages out that had a name rebound to loopback.
  if (!isHostAllowed(req.headers.host ?? null, 'loopback')) return errorPage(req, res, 403)
  if (options.closedPrefix && isClosed(req.url ?? '/', options.closedPrefix)) return errorPage(req, res, 404)
  const target = next(req)
  if (!target) return errorPage(req, res, 503)
  target.inFlight++
  res.once('close', () => target.release())
  const out = send({
    host: '127.0.0.1',
    port: target.port,
    method: req.method,
    path: req.url,
    headers: forwardedHeaders(req, rawHeaders, traceId),
    agent,
    setHost: false,
  })
  // No byte from the task for that long: 504 when it has not answered, a cut stream when it has.
  out.setTimeout(idleMs, () => {
    if (!res.headersSent) errorPage(req, res, 504)
    out.destroy()
  })
  out.on('response', (answer) => {
    const cookie = stickyCookie(target, options.stickyS)
    const headers = [...hopFree(answer.rawHeaders), ...(cookie ? ['set-cookie', cookie] : [])]
    const change = changed(exchange, answer.statusCode ?? 502, headers, options.faults)
    exchange.answerHeaders = change?.headers?.flat() ?? headers
    answer.on('data', (chunk: Buffer) => {
      exchange.responseBytes += chunk.length
      if (res.statusCode >= 400 && exchange.answerBody.length < keptAnswer) exchange.answerBody += chunk.toString()
    })
    answer.on('error', () => res.destroy())
    res.statusCode = change?.status ?? answer.statusCode ?? 502
    if (change?.body || change?.hold) return held(answer, res, exchange.answerHeaders, change.body)
    res.writeHead(res.statusCode, [...exchange.answerHeaders])
    res.flushHeaders()
    answer.pipe(res)
  })
  out.on('error', () => {
    if (!res.headersSent) errorPage(req, res, 502)
    else res.destroy()
  })
  res.on('close', () => res.writableFinished || out.destroy())
  req.on('error', () => out.destroy())
  // A task may refuse by the length alone, before it has the body.
  if (Number(req.headers['content-length'] ?? 0) > maxAwaited) out.flushHeaders()
  req.pipe(out)
}

/** However it is written: what a task would read as that path is meant. */
function isClosed(target: string, prefix: string): boolean {
  const path = target.split('?')[0]!
  try {
    return decodeURIComponent(path).toLowerCase().includes(prefix)
  } catch {
    return true
  }
}

function changed(
  { method, path }: Exchange,
  status: number,
  raw: readonly string[],
  faults: Faults | undefined,
): Change | undefined {
  if (!faults || faults.none) return undefined
  const headers = raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, raw[at + 1]!]] : []))
  return breakAnswer({ method, path, status, headers }, faults.of(answerFaults))
}

/** Sends an answer only when it is whole. */
function held(
  answer: IncomingMessage,
  res: ServerResponse,
  headers: readonly string[],
  change: (text: string) => string = (text) => text,
): void {
  const chunks: Buffer[] = []
  answer.on('data', (chunk: Buffer) => chunks.push(chunk))
  answer.on('end', () => res.writeHead(res.statusCode, [...headers]).end(change(Buffer.concat(chunks).toString())))
}

/** Counts what passes, and keeps a small body for the log. */
function watch(
  req: IncomingMessage,
  res: ServerResponse,
  { traceId, rawHeaders }: { traceId: string; rawHeaders: readonly string[] },
  onEnd?: (exchange: Exchange) => void,
): Exchange {
  const started = performance.now()
  const exchange: Exchange = {
    traceId,
    at: Date.now(),
    ms: 0,
    method: req.method ?? 'GET',
    path: (req.url ?? '/').split('?')[0]!,
    status: 0,
    requestBytes: 0,
    responseBytes: 0,
    body: undefined,
    target: req.url ?? '/',
    rawHeaders,
    answerHeaders: [],
    answerBody: '',
  }
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => {
    exchange.requestBytes += chunk.length
    if (exchange.requestBytes <= keptBody) chunks.push(chunk)
  })
  res.once('close', () => {
    exchange.ms = performance.now() - started
    exchange.status = res.headersSent ? res.statusCode : 460
    if (exchange.requestBytes <= keptBody) exchange.body = Buffer.concat(chunks)
    onEnd?.(exchange)
  })
  return exchange
}

/** Headers that belong to one connection, and do not go beyond it. @see RFC 9110 section 7.6.1 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
])

function forwardedHeaders(req: IncomingMessage, rawHeaders: readonly string[], traceId: string): string[] {
  const before = req.headers['x-forwarded-for']
  const client = req.socket.remoteAddress?.replace('::ffff:', '') ?? '127.0.0.1'
  const own = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-amzn-trace-id'])
  const kept = hopFree(rawHeaders).filter((_, at, all) => !own.has(all[at - (at % 2)]!.toLowerCase()))
  const chunked = req.headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked']
  return [
    ...kept,
    ...chunked,
    'x-forwarded-for',
    before === undefined ? client : `${String(before)}, ${client}`,
    'x-forwarded-proto',
    'http',
    'x-forwarded-port',
    String(req.socket.localPort),
    'x-amzn-trace-id',
    `Root=${traceId}`,
  ]
}

function hopFree(raw: readonly string[]): string[] {
  return raw.filter((_, at) => !hopByHop.has(raw[at - (at % 2)]!.toLowerCase()))
}

async function bind(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new FairleadError('PORT_IN_USE', `Port ${port} on 127.0.0.1 is taken`, { cause: error })
          : error,
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
}
