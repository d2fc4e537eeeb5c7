import { newest } from '../../mcp/revisions.ts'
import { isLegacyRevision, metaKeys, metaOf, type Message, type Request, type RpcError } from './message.ts'
import type { Exchange, Upstream } from './upstream.ts'

interface InputRequest {
  method: string
  params?: Record<string, unknown>
}

type Capabilities = Record<string, { listChanged?: unknown } | undefined>

const maxRounds = 8

/**
 * Serves a client that begins with `initialize` at an endpoint that knows only 2026-07-28: what the endpoint asks for
 * within an answer (`input_required`) is asked of the client as a request, and what it subscribes to is listened for.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/changelog
 */
export class LegacyClient {
  readonly #upstream: Upstream
  readonly #send: (message: Message) => void
  readonly #asked = new Map<string, (answer: Message) => void>()
  readonly #uris = new Set<string>()
  #meta: Record<string, unknown> = {}
  #capabilities: Capabilities = {}
  #listening: AbortController | undefined
  #count = 0

  constructor(upstream: Upstream, send: (message: Message) => void) {
    this.#upstream = upstream
    this.#send = send
  }

  async request(request: Request, exchange: Exchange): Promise<Message> {
    const done = (result: Record<string, unknown>): Message => ({ jsonrpc: '2.0', id: request.id, result })
    const params = request.params ?? {}
    switch (request.method) {
      case 'initialize':
        return this.#initialize(request, exchange)
      case 'ping':
        return done({})
      case 'logging/setLevel':
        this.#meta[metaKeys.logLevel] = params.level
        return done({})
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        if (request.method === 'resources/subscribe') this.#uris.add(String(params.uri))
        else this.#uris.delete(String(params.uri))
        this.#listen()
        return done({})
      default:
        return this.#rounds(request, exchange)
    }
  }

  /** Takes the client's notifications, and its answers to what it was asked. */
  notify(message: Message): void {
    if (message.method === 'notifications/initialized') this.#listen()
    const answered = typeof message.id === 'string' ? this.#asked.get(message.id) : undefined
    answered?.(message)
  }

  async #initialize(request: Request, exchange: Exchange): Promise<Message> {
    const { capabilities = {}, clientInfo, protocolVersion } = request.params ?? {}
    this.#meta = {
      [metaKeys.protocolVersion]: newest.modern,
      [metaKeys.clientCapabilities]: capabilities,
      ...(clientInfo === undefined ? {} : { [metaKeys.clientInfo]: clientInfo }),
    }
    const answer = await this.#upstream.exchange(
      this.#modern({ ...request, method: 'server/discover', params: {} }),
      exchange,
    )
    if (!answer.result) return answer
    const { capabilities: offered = {}, instructions, _meta } = answer.result
    this.#capabilities = offered as Capabilities
    const serverInfo = (_meta as Record<string, unknown> | undefined)?.[metaKeys.serverInfo] ?? { name: 'unnamed', version: '0' } // prettier-ignore
    return {
      jsonrpc: '2.0',
      id: request.id,
      result: {
        protocolVersion: isLegacyRevision(protocolVersion) ? protocolVersion : newest.legacy,
        capabilities: offered,
        serverInfo,
        ...(instructions === undefined ? {} : { instructions }),
      },
    }
  }

  /** Sends a request, and again with what the client says to each question, until it is complete. */
  async #rounds(request: Request, exchange: Exchange): Promise<Message> {
    let extra: Record<string, unknown> = {}
    for (let round = 0; round <= maxRounds; round++) {
      const id = round === 0 ? request.id : this.#nextId()
      const sent = this.#modern({ ...request, id, params: { ...request.params, ...extra } })
      const answer = await this.#upstream.exchange(sent, exchange)
      if (answer.result?.resultType !== 'input_required') return { ...plain(answer), id: request.id }
      const { inputRequests = {}, requestState } = answer.result
      const responses = await this.#ask(inputRequests as Record<string, InputRequest>, exchange.signal)
      if ('error' in responses) return { jsonrpc: '2.0', id: request.id, error: responses.error }
      extra = { inputResponses: responses.given, ...(requestState === undefined ? {} : { requestState }) }
    }
    return { jsonrpc: '2.0', id: request.id, error: { code: -32603, message: `The server asked more than ${maxRounds} times` } } // prettier-ignore
  }

  async #ask(
    questions: Record<string, InputRequest>,
    signal: AbortSignal,
  ): Promise<{ given: Record<string, unknown> } | { error: RpcError }> {
    const given: Record<string, unknown> = {}
    for (const [key, { method, params }] of Object.entries(questions)) {
      const answer = await this.#askOne(method, params, signal)
      if (answer.error) return { error: answer.error }
      given[key] = answer.result
    }
    return { given }
  }

  async #askOne(method: string, params: InputRequest['params'], signal: AbortSignal): Promise<Message> {
    const id = this.#nextId()
    try {
      return await new Promise<Message>((resolve, reject) => {
        this.#asked.set(id, resolve)
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        this.#send({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) })
      })
    } finally {
      this.#asked.delete(id)
    }
  }

  /** Listens anew for what the client would be told unasked. */
  #listen(): void {
    this.#listening?.abort()
    const { tools, prompts, resources } = this.#capabilities
    const notifications = {
      ...(tools?.listChanged === true ? { toolsListChanged: true } : {}),
      ...(prompts?.listChanged === true ? { promptsListChanged: true } : {}),
      ...(resources?.listChanged === true ? { resourcesListChanged: true } : {}),
      ...(this.#uris.size > 0 ? { resourceSubscriptions: [...this.#uris] } : {}),
    }
    if (Object.keys(notifications).length === 0) return
    this.#listening = new AbortController()
    const request = this.#modern({ jsonrpc: '2.0', id: this.#nextId(), method: 'subscriptions/listen', params: { notifications } }) // prettier-ignore
    const onMessage = (message: Message) => {
      if (message.method !== 'notifications/subscriptions/acknowledged') this.#send(plain(message))
    }
    this.#upstream.exchange(request, { signal: this.#listening.signal, onMessage }).catch(() => {})
  }

  /** Ends the listening. */
  close(): void {
    this.#listening?.abort()
  }

  #nextId(): string {
    return `fairlead-${this.#count++}`
  }

  #modern(request: Request): Request {
    return { ...request, params: { ...request.params, _meta: { ...metaOf(request), ...this.#meta } } }
  }
}

/** A message without what only modern clients read. */
function plain(message: Message): Message {
  if (message.result) {
    const { resultType: _, ...result } = message.result
    return { ...message, result }
  }
  if (!message.params?._meta) return message
  const { [metaKeys.subscriptionId]: _, ...meta } = message.params._meta as Record<string, unknown>
  return { ...message, params: { ...message.params, _meta: meta } }
}
