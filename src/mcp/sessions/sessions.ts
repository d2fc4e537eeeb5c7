import { randomUUID } from 'node:crypto'
import type { McpServerFactory } from '@modelcontextprotocol/server'
import type { Principal, RequestContext } from '../../http/fetch-handler.ts'
import type { Peers } from '../peers/peers.ts'
import { codes, errorResponse } from '../json-rpc.ts'
import { SessionDirectory } from './directory.ts'
import { BoundedEventStore, type EventLimits } from './event-store.ts'
import { asksForNews, retryMs, Session, type SessionCall } from './session.ts'

export interface SessionOptions {
  /** Seconds without a request or an open stream after which a session ends; 1,800 by default. */
  idleS?: number
  /** How many at once; 10,000 by default. When there are more, the idle one that was used longest ago ends. */
  max?: number
  /** How many of one caller; a tenth of `max` by default. Callers that nobody asked who they are share `max`. */
  maxPerPrincipal?: number
  /**
   * How many keep their server while idle; 256 by default. The others' are made again with all that was negotiated:
   * a server that keeps more in its factory's closure wants `maxLive` as large as `max`.
   */
  maxLive?: number
  /** What is kept of each session for `Last-Event-ID`. */
  events?: EventLimits
  /** Bytes of events of all sessions together; 64 MiB by default. Those of the sessions used longest ago go first. */
  maxEventBytes?: number
  /** How long calls may go on after `drain()`, in milliseconds; 90,000 by default. */
  drainMs?: number
  now?: () => number
}

/** A legacy request with a session, or one that begins it. */
export interface SessionsCall extends SessionCall {
  context: RequestContext
  /** It came from another task already, and is not sent on. */
  forwarded: boolean
}

/** What a client says of itself fits in here; it is kept as long as the session. */
const maxInitializeBytes = 64 * 1024

/**
 * Keeps a server for each `Mcp-Session-Id` of the revisions with `initialize`. Ids are random and belong to the caller
 * that got them; to another they do not exist. With `peers`, a session of another task is found and answered there.
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
export class Sessions {
  readonly #factory: McpServerFactory
  readonly #options: Required<Omit<SessionOptions, 'events'>> & { events: EventLimits }
  readonly #directory: SessionDirectory | undefined
  /** Used longest ago first. */
  readonly #sessions = new Map<string, Session>()
  readonly #byOwner = new Map<string, Set<Session>>()
  readonly #live = new Set<Session>()
  readonly #sweeper: NodeJS.Timeout
  #eventBytes = 0
  #drained: (() => void) | undefined
  #draining: Promise<void> | undefined

  constructor(factory: McpServerFactory, options: SessionOptions = {}, peers?: Peers) {
    const max = options.max ?? 10_000
    this.#factory = factory
    this.#options = {
      idleS: 1800,
      max,
      maxPerPrincipal: Math.max(1, Math.ceil(max / 10)),
      maxLive: 256,
      events: {},
      maxEventBytes: 64 * 1024 * 1024,
      drainMs: 90_000,
      now: Date.now,
      ...options,
    }
    this.#directory = peers && new SessionDirectory(peers, 2 * this.#options.idleS)
    const everyMs = Math.min(60_000, Math.max(1000, this.#options.idleS * 100))
    this.#sweeper = setInterval(() => this.sweep(), everyMs).unref()
  }

  /** How many there are, and how many of them have a server. */
  get size(): { all: number; live: number } {
    return { all: this.#sessions.size, live: this.#live.size }
  }

  async handle(call: SessionsCall): Promise<Response> {
    const { request, body, context } = call
    if (request.method === 'POST' && isInitialize(body)) return this.#begin(call)
    const id = request.headers.get('mcp-session-id')
    if (!id) return errorResponse(400, codes.server, 'Mcp-Session-Id is required')
    const owner = ownerOf(context.principal)
    const session = this.#find(id)
    if (!session) return this.#elsewhere(id, owner, call)
    if (session.owner !== owner) return notFound()
    if (this.#draining && (asksForNews(request) || asks(body))) return stopping()
    if (request.method === 'DELETE') {
      this.#end(session)
      await this.#directory?.remove(id)
      return new Response(null, { status: 200 })
    }
    return this.#serve(session, call)
  }

  /** Ends the streams that wait for news, and each session as soon as its calls are answered; at most `drainMs` later all. */
  async drain(): Promise<void> {
    this.#draining ??= this.#finish()
    return this.#draining
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    for (const session of this.#sessions.values()) this.#end(session)
    await this.#directory?.settled()
  }

  /** Ends what has been idle too long, and tells the directory of what has not. */
  sweep(): void {
    for (const session of this.#sessions.values()) {
      if (this.#isOver(session)) this.#end(session)
      else this.#renew(session)
    }
  }

  async #begin(call: SessionsCall): Promise<Response> {
    if (this.#draining) return stopping()
    if (JSON.stringify(call.body).length > maxInitializeBytes)
      return errorResponse(413, codes.invalidRequest, 'The initialize request is too large')
    const owner = ownerOf(call.context.principal)
    if (!this.#makeRoom(owner, call.context.principal))
      return errorResponse(503, codes.server, 'Too many sessions are in use', { 'retry-after': '10' })
    const session = this.#add(owner)
    try {
      const response = await this.#serve(session, call)
      if (response.status === 200 && !session.initialized) return unavailable()
      return response
    } finally {
      if (!session.initialized) this.#end(session)
    }
  }

  #add(owner: string): Session {
    const { events, now } = this.#options
    const session: Session = new Session({
      id: randomUUID(),
      owner,
      factory: this.#factory,
      events: new BoundedEventStore(events, (bytes) => this.#grow(bytes)),
      onInitialized: async () =>
        this.#register(session).then(
          () => true,
          () => false,
        ),
      onQuiet: () => this.#quieted(session),
    })
    session.usedAt = now()
    this.#sessions.set(session.id, session)
    const others = this.#byOwner.get(owner)
    if (others) others.add(session)
    else this.#byOwner.set(owner, new Set([session]))
    return session
  }

  async #serve(session: Session, call: SessionCall): Promise<Response> {
    this.#touch(session)
    const answer = session.handle(call)
    this.#live.delete(session)
    this.#live.add(session)
    return answer.finally(() => this.#settle())
  }

  #find(id: string): Session | undefined {
    const session = this.#sessions.get(id)
    if (!session || !this.#isOver(session)) return session
    this.#end(session)
    return undefined
  }

  #isOver(session: Session): boolean {
    return session.isQuiet && this.#options.now() - session.usedAt >= this.#options.idleS * 1000
  }

  async #elsewhere(id: string, owner: string, { request, forwarded, context }: SessionsCall): Promise<Response> {
    if (forwarded || !this.#directory || !/^[\x21-\x7e]{1,128}$/.test(id)) return notFound()
    const answer = this.#directory.forward({ id, owner, request, context }).catch(() => unavailable())
    return (await answer) ?? notFound()
  }

  async #register(session: Session): Promise<void> {
    session.registeredAt = this.#options.now()
    await this.#directory?.add(session.id, session.owner)
  }

  /** Keeps the entry of a session that is used, or has a stream open, from ending. */
  #renew(session: Session): void {
    if (!this.#directory || !session.initialized) return
    if (this.#options.now() - session.registeredAt <= this.#options.idleS * 500) return
    this.#register(session).catch(() => {})
  }

  #touch(session: Session): void {
    session.usedAt = this.#options.now()
    this.#renew(session)
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    const own = this.#byOwner.get(session.owner)!
    own.delete(session)
    own.add(session)
  }

  #quieted(session: Session): void {
    session.usedAt = this.#options.now()
    if (this.#draining) this.#end(session)
    else this.#settle()
  }

  /** Drops servers of idle sessions while there are more than may be. */
  #settle(): void {
    if (this.#live.size <= this.#options.maxLive) return
    for (const session of this.#live) {
      if (this.#live.size <= this.#options.maxLive) return
      if (session.sleep() || !session.isLive) this.#live.delete(session)
    }
  }

  #makeRoom(owner: string, principal: Principal): boolean {
    const { max, maxPerPrincipal } = this.#options
    const own = this.#byOwner.get(owner)
    const ownMax = principal.kind === 'anonymous' ? max : maxPerPrincipal
    if (own && own.size >= ownMax && !this.#endOldest(own)) return false
    return this.#sessions.size < max || this.#endOldest(this.#sessions.values())
  }

  #endOldest(sessions: Iterable<Session>): boolean {
    for (const session of sessions)
      if (session.isQuiet) {
        this.#end(session)
        return true
      }
    return false
  }

  #grow(bytes: number): void {
    this.#eventBytes += bytes
    if (bytes <= 0 || this.#eventBytes <= this.#options.maxEventBytes) return
    for (const session of this.#sessions.values()) {
      if (this.#eventBytes <= this.#options.maxEventBytes) return
      session.events.clear()
    }
  }

  #end(session: Session): void {
    if (!this.#sessions.delete(session.id)) return
    const own = this.#byOwner.get(session.owner)
    own?.delete(session)
    if (own?.size === 0) this.#byOwner.delete(session.owner)
    this.#live.delete(session)
    session.close()
    if (session.initialized) this.#directory?.forget(session.id)
    if (this.#sessions.size === 0) this.#drained?.()
  }

  async #finish(): Promise<void> {
    for (const session of this.#sessions.values()) {
      session.endStreams(false)
      if (!session.hasRequests) this.#end(session)
    }
    if (this.#sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#options.drainMs)
        this.#drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    await this.close()
  }
}

function isInitialize(body: unknown): boolean {
  return messagesOf(body).some((each) => each?.method === 'initialize')
}

/** Whether something in it wants an answer. */
function asks(body: unknown): boolean {
  return messagesOf(body).some((each) => each?.method !== undefined && each.id !== undefined)
}

function messagesOf(body: unknown): ({ method?: unknown; id?: unknown } | null | undefined)[] {
  return Array.isArray(body) ? (body as never[]) : [body as never]
}

/** The caller that a session belongs to. Its scopes may change from request to request. */
function ownerOf({ kind, id, clientId = '' }: Principal): string {
  return JSON.stringify([kind, id, clientId])
}

/** The answer that makes a client begin anew. */
function notFound(): Response {
  return errorResponse(404, -32001, 'Session not found')
}

/** The shared table does not answer. */
function unavailable(): Response {
  return errorResponse(503, codes.server, 'The sessions cannot be reached', { 'retry-after': '1' })
}

function stopping(): Response {
  return errorResponse(503, codes.server, 'The server is stopping', { 'retry-after': String(retryMs / 1000) })
}
