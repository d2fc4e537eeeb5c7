import {
  type AuthInfo,
  type JSONRPCMessage,
  type McpServer,
  type McpServerFactory,
  type MessageExtraInfo,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { endable, type Endable } from './endable.ts'
import type { BoundedEventStore } from './event-store.ts'
import { Negotiated } from './negotiated.ts'

/** After how long a client whose stream was ended may come back. */
export const retryMs = 1000

/** How many messages may wait for a client that does not read before its stream is ended: it resumes where it was. */
const maxBacklog = 1000

/** How long each thing that was negotiated may take when a server is told it again. */
const replayMs = 5000

export interface SessionCall {
  request: Request
  /** The JSON body, parsed; undefined for GET and DELETE. */
  body: unknown
  authInfo?: AuthInfo
}

export interface SessionParts {
  id: string
  /** Who may use it. */
  owner: string
  events: BoundedEventStore
  factory: McpServerFactory
  /** Called after `initialize` was accepted, before it is answered. False: it could not be entered, and is not to be used. */
  onInitialized: () => Promise<boolean>
  /** Called when the last stream or request has ended. */
  onQuiet: () => void
}

type OnMessage = (message: JSONRPCMessage, extra?: MessageExtraInfo) => void

interface Live {
  product: McpServer | Server
  transport: WebStandardStreamableHTTPServerTransport
}

/** The parts of the SDK's transport that a rebuilt session sets and a cancelled request leaves behind. */
interface TransportInside {
  _initialized: boolean
  _requestToStreamMapping: Map<string | number, string>
  _streamMapping: Map<string, { controller?: ReadableStreamDefaultController; cleanup(): void }>
}

/**
 * One `Mcp-Session-Id`: a server and a transport of its own. While nothing is open or asked, the server may be dropped
 * (`sleep`); the next call makes it again and tells it everything that was negotiated.
 */
export class Session {
  readonly id: string
  readonly owner: string
  readonly events: BoundedEventStore
  /** When it was last used, and when the directory was last told of it. */
  usedAt = 0
  registeredAt = 0
  initialized = false
  #parts: SessionParts
  #live: Live | undefined
  #building: Promise<Live> | undefined
  readonly #negotiated = new Negotiated()
  readonly #streams = new Map<Endable, boolean>()
  readonly #requests = new Set<string>()
  #calls = 0
  #nextRequestId = 0
  #replay: ((message: JSONRPCMessage) => boolean) | undefined
  #closed = false

  constructor(parts: SessionParts) {
    this.id = parts.id
    this.owner = parts.owner
    this.events = parts.events
    this.#parts = parts
  }

  get isLive(): boolean {
    return this.#live !== undefined
  }

  /** Nothing is open, nothing is being answered, nothing is asked of the client. */
  get isQuiet(): boolean {
    return this.#calls === 0 && this.#streams.size === 0 && this.#requests.size === 0
  }

  get hasRequests(): boolean {
    return this.#calls > 0 || this.#requests.size > 0
  }

  async handle(call: SessionCall): Promise<Response> {
    this.#calls++
    try {
      const { transport } = await this.#ready(call)
      const auth = call.authInfo ? { authInfo: call.authInfo } : {}
      const response = await transport.handleRequest(call.request, { parsedBody: call.body, ...auth })
      const streams = response.headers.get('content-type')?.startsWith('text/event-stream')
      return streams && response.body ? this.#follow(response, asksForNews(call.request)) : response
    } finally {
      this.#calls--
      this.#quieted()
    }
  }

  /** Drops the server of a quiet session. False: it must stay. */
  sleep(): boolean {
    if (!this.#live || !this.isQuiet || !this.#negotiated.isComplete) return false
    const { product } = this.#live
    this.#live = undefined
    this.#nextRequestId = insideOf(product)._requestMessageId
    letGo(product)
    return true
  }

  /** Ends the streams that wait for news; with `all`, those of calls too. */
  endStreams(all: boolean): void {
    for (const [stream, isNews] of this.#streams) if (all || isNews) stream.end(retryMs)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.endStreams(true)
    if (this.#live) letGo(this.#live.product)
    this.#live = undefined
    this.#requests.clear()
    this.events.clear()
  }

  async #ready(call: SessionCall): Promise<Live> {
    this.#building ??= this.#live ? undefined : this.#build(call).finally(() => (this.#building = undefined))
    return this.#live ?? this.#building!
  }

  async #build({ request, authInfo }: SessionCall): Promise<Live> {
    const auth = authInfo ? { authInfo } : {}
    const product = await this.#parts.factory({ era: 'legacy', ...auth, requestInfo: request })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      eventStore: this.events,
      retryInterval: retryMs,
      onsessioninitialized: async () => {
        this.initialized = await this.#parts.onInitialized()
      },
    })
    await product.connect(transport)
    const onmessage = transport.onmessage as OnMessage
    this.#watch(transport, onmessage)
    if (this.initialized) {
      // No id of a request to this client is used twice in a session.
      insideOf(product)._requestMessageId = this.#nextRequestId
      await this.#replayInto(transport, (message) => onmessage(message, { ...auth, request }))
    }
    // Ended meanwhile: the transport answers 404.
    if (this.#closed) letGo(product)
    else this.#live = { product, transport }
    return { product, transport }
  }

  /** Follows every message, both ways: what is asked and not yet answered, and what was negotiated. */
  #watch(transport: WebStandardStreamableHTTPServerTransport, onmessage: OnMessage): void {
    const inside = transport as unknown as TransportInside
    const received: OnMessage = (message, extra) => {
      this.#negotiated.received(message)
      if ('method' in message && 'id' in message) this.#requests.add(`in ${message.id}`)
      else if ('method' in message) this.#cancelled(message, 'in', inside)
      else this.#requests.delete(`out ${message.id}`)
      onmessage(message, extra)
    }
    const send = transport.send.bind(transport)
    const sent: typeof send = async (message, options) => {
      if (this.#replay?.(message)) return
      this.#negotiated.sent(message)
      if ('method' in message && 'id' in message) this.#requests.add(`out ${message.id}`)
      try {
        await send(message, options)
      } finally {
        if ('method' in message && !('id' in message)) this.#cancelled(message, 'out')
        if (!('method' in message)) this.#requests.delete(`in ${message.id}`)
        for (const stream of inside._streamMapping.values())
          if ((stream.controller?.desiredSize ?? 0) < -maxBacklog) stream.cleanup()
        this.#quieted()
      }
    }
    Object.assign(transport, { onmessage: received, send: sent })
  }

  /** A request that was cancelled is never answered: its stream ends here. */
  #cancelled(message: JSONRPCMessage, way: 'in' | 'out', inside?: TransportInside): void {
    if (!('method' in message) || message.method !== 'notifications/cancelled') return
    const { requestId } = (message.params ?? {}) as { requestId?: string | number }
    if (requestId === undefined || !this.#requests.delete(`${way} ${requestId}`)) return
    const stream = inside?._requestToStreamMapping.get(requestId)
    if (!inside || stream === undefined) return
    inside._requestToStreamMapping.delete(requestId)
    if (![...inside._requestToStreamMapping.values()].includes(stream)) inside._streamMapping.get(stream)?.cleanup()
  }

  /** Tells a server made anew what its predecessor was told, and keeps its answers. */
  async #replayInto(
    transport: WebStandardStreamableHTTPServerTransport,
    tell: (message: JSONRPCMessage) => void,
  ): Promise<void> {
    transport.sessionId = this.id
    ;(transport as unknown as TransportInside)._initialized = true
    for (const message of this.#negotiated.messages()) {
      await new Promise<void>((resolve) => {
        if (!('id' in message)) {
          tell(message)
          return resolve()
        }
        // A handler that does not answer what it answered once is not waited for.
        const timer = setTimeout(resolve, replayMs).unref()
        this.#replay = (answer) => {
          if ('method' in answer || answer.id !== message.id) return false
          clearTimeout(timer)
          resolve()
          return true
        }
        tell(message)
      })
      this.#replay = undefined
    }
  }

  #follow(response: Response, isNews: boolean): Response {
    const stream = endable(response, () => {
      this.#streams.delete(stream)
      this.#quieted()
    })
    this.#streams.set(stream, isNews)
    return stream.response
  }

  #quieted(): void {
    if (this.isQuiet && !this.#closed) this.#parts.onQuiet()
  }
}

/** A GET for what comes, and not for the rest of a call whose stream was cut. */
export function asksForNews(request: Request): boolean {
  const last = request.headers.get('last-event-id')
  return request.method === 'GET' && (last === null || last.endsWith('._GET_stream'))
}

/** The SDK's counter for the ids of the server's own requests. */
function insideOf(product: McpServer | Server): { _requestMessageId: number } {
  return ('server' in product ? product.server : product) as unknown as { _requestMessageId: number }
}

function letGo(product: McpServer | Server): void {
  product.close().catch(() => {})
}
