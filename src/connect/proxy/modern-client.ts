import { randomBytes } from 'node:crypto'
import { newest } from '../../mcp/revisions.ts'
import { isRequest, metaKeys, metaOf, type Message, type Request } from './message.ts'
import type { Exchange, Upstream } from './upstream.ts'

/** A call that waits at the server for what the client must say. */
interface Call {
  answer: Promise<Message>
  abort: AbortController
  /** Questions of the server that the client has not been given yet. */
  questions: Request[]
  /** Questions that the client has been given. */
  asked: Request[]
  /** Wakes who waits for the next question. */
  wake: () => void
  timer?: NodeJS.Timeout
  /** Where notifications go: the request that the client has open. */
  onMessage: (message: Message) => void
  wantsLog: boolean
}

const waitMs = 10 * 60_000
const maxWaiting = 100
const cached = new Set(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'])
const kinds: Record<string, string> = {
  'notifications/tools/list_changed': 'toolsListChanged',
  'notifications/prompts/list_changed': 'promptsListChanged',
  'notifications/resources/list_changed': 'resourcesListChanged',
}

/**
 * Serves a client of 2026-07-28 at an endpoint that begins with `initialize`: what the server asks in the middle of a
 * call becomes an `input_required` answer, and the call goes on when the client comes back with what it was asked for.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/changelog
 */
export class ModernClient {
  readonly #upstream: Upstream
  readonly #send: (message: Message) => void
  readonly #waiting = new Map<string, Call>()
  readonly #open = new Set<Call>()
  readonly #listens = new Map<string | number, { filter: Record<string, unknown>; end: () => void }>()
  #server: Record<string, unknown> = {}
  #logLevel: unknown
  #count = 0

  constructor(upstream: Upstream, send: (message: Message) => void) {
    this.#upstream = upstream
    this.#send = send
  }

  /** Begins a session as the client that the request describes. False when the endpoint knows no `initialize`. */
  async start(first: Request, signal: AbortSignal): Promise<boolean> {
    const meta = metaOf(first)
    const params = {
      protocolVersion: newest.legacy,
      capabilities: meta[metaKeys.clientCapabilities] ?? {},
      clientInfo: meta[metaKeys.clientInfo] ?? { name: 'unnamed', version: '0' },
    }
    const request: Request = { jsonrpc: '2.0', id: this.#nextId(), method: 'initialize', params }
    try {
      const { result } = await this.#upstream.exchange(request, { signal, onMessage: () => {} })
      if (!result) return false
      this.#server = result
      await this.#upstream.notify({ jsonrpc: '2.0', method: 'notifications/initialized' })
      return true
    } catch {
      return false
    }
  }

  async request(request: Request, exchange: Exchange): Promise<Message> {
    if (request.method === 'server/discover') return this.#complete(request, { result: this.#discovered() })
    if (request.method === 'subscriptions/listen') return this.#listen(request, exchange)
    const state = request.params?.requestState
    const waiting = typeof state === 'string' ? this.#waiting.get(state) : undefined
    if (state !== undefined && !waiting)
      return { jsonrpc: '2.0', id: request.id, error: { code: -32602, message: 'The requestState is not known, or has ended' } } // prettier-ignore
    const call = waiting ?? (await this.#begin(request, exchange))
    if (waiting) await this.#resume(state as string, waiting, request, exchange)
    return this.#next(call, request, exchange)
  }

  /** Takes what the server says outside of an answer. */
  take(message: Message): void {
    if (isRequest(message)) {
      // Only a call that is open can carry the question to the client.
      const call = this.#open.size === 1 ? [...this.#open][0] : undefined
      if (call) return this.#question(call, message)
      this.#refuse(message)
      return
    }
    for (const [id, { filter }] of this.#listens) if (isWanted(message, filter)) this.#send(tagged(message, id))
  }

  /** Ends a listening. False when the request is another. */
  cancel(id: string | number): boolean {
    const listen = this.#listens.get(id)
    listen?.end()
    return listen !== undefined
  }

  async #begin(request: Request, exchange: Exchange): Promise<Call> {
    const level = metaOf(request)[metaKeys.logLevel]
    if (level !== undefined && level !== this.#logLevel) {
      this.#logLevel = level
      const setLevel: Request = { jsonrpc: '2.0', id: this.#nextId(), method: 'logging/setLevel', params: { level } }
      await this.#upstream.exchange(setLevel, { signal: exchange.signal, onMessage: () => {} })
    }
    const abort = new AbortController()
    const call: Call = {
      abort,
      questions: [],
      asked: [],
      wake: () => {},
      onMessage: exchange.onMessage,
      wantsLog: level !== undefined,
      answer: Promise.resolve({ jsonrpc: '2.0' }),
    }
    const onMessage = (message: Message) => {
      if (isRequest(message)) this.#question(call, message)
      else if (message.method !== 'notifications/message' || call.wantsLog) call.onMessage(message)
    }
    const legacy = asLegacy({ ...request, id: this.#nextId() })
    call.answer = this.#upstream.exchange(legacy, { signal: abort.signal, onMessage })
    call.answer.catch(() => {})
    this.#open.add(call)
    return call
  }

  /** Gives the server what the client answered, and goes on with the call. */
  async #resume(state: string, call: Call, request: Request, exchange: Exchange): Promise<void> {
    this.#waiting.delete(state)
    clearTimeout(call.timer)
    call.onMessage = exchange.onMessage
    this.#open.add(call)
    const given = (request.params?.inputResponses ?? {}) as Record<string, Record<string, unknown> | undefined>
    for (const question of call.asked.splice(0)) {
      const result = given[String(question.id)]
      const answer =
        result === undefined ? { error: { code: -32603, message: 'The client gave no answer' } } : { result }
      await this.#upstream.notify({ jsonrpc: '2.0', id: question.id, ...answer })
    }
  }

  /** Waits for the answer or for a question, whichever comes first. */
  async #next(call: Call, request: Request, exchange: Exchange): Promise<Message> {
    const cancelled = () => this.#end(call)
    exchange.signal.addEventListener('abort', cancelled, { once: true })
    try {
      const asked = new Promise<'asked'>((resolve) => {
        call.wake = () => resolve('asked')
        if (call.questions.length > 0) resolve('asked')
      })
      const first = await Promise.race([call.answer, asked])
      if (first === 'asked') return this.#inputRequired(call, request)
      this.#open.delete(call)
      return this.#complete(request, first)
    } catch (error) {
      this.#open.delete(call)
      throw error
    } finally {
      exchange.signal.removeEventListener('abort', cancelled)
    }
  }

  #inputRequired(call: Call, request: Request): Message {
    this.#open.delete(call)
    const requestState = randomBytes(24).toString('base64url')
    if (this.#waiting.size >= maxWaiting) this.#end([...this.#waiting.values()][0]!)
    this.#waiting.set(requestState, call)
    call.timer = setTimeout(() => this.#end(call), waitMs).unref()
    call.asked = call.questions.splice(0)
    const inputRequests = Object.fromEntries(
      call.asked.map(({ id, method, params }) => [String(id), { method, ...(params ? { params } : {}) }]),
    )
    return { jsonrpc: '2.0', id: request.id, result: { resultType: 'input_required', inputRequests, requestState } }
  }

  #question(call: Call, question: Request): void {
    if (question.method === 'ping') return void this.#upstream.notify({ jsonrpc: '2.0', id: question.id, result: {} }).catch(() => {}) // prettier-ignore
    call.questions.push(question)
    call.wake()
  }

  #refuse(question: Request): void {
    const answer = question.method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'The client cannot be asked now' } } // prettier-ignore
    this.#upstream.notify({ jsonrpc: '2.0', id: question.id, ...answer }).catch(() => {})
  }

  #end(call: Call): void {
    this.#open.delete(call)
    for (const [state, each] of this.#waiting) if (each === call) this.#waiting.delete(state)
    clearTimeout(call.timer)
    call.abort.abort()
  }

  async #listen(request: Request, exchange: Exchange): Promise<Message> {
    const filter = (request.params?.notifications ?? {}) as Record<string, unknown>
    const uris = Array.isArray(filter.resourceSubscriptions) ? (filter.resourceSubscriptions as unknown[]) : []
    const each = async (method: string) => {
      for (const uri of uris)
        await this.#upstream
          .exchange(
            { jsonrpc: '2.0', id: this.#nextId(), method, params: { uri } },
            { signal: AbortSignal.timeout(10_000), onMessage: () => {} },
          ) // prettier-ignore
          .catch(() => {})
    }
    await each('resources/subscribe')
    const acknowledged: Message = { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: filter } } // prettier-ignore
    exchange.onMessage(tagged(acknowledged, request.id))
    await new Promise<void>((resolve) => {
      this.#listens.set(request.id, { filter, end: resolve })
      exchange.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#listens.delete(request.id)
    await each('resources/unsubscribe')
    return this.#complete(request, { result: { _meta: { [metaKeys.subscriptionId]: request.id } } })
  }

  #discovered(): Record<string, unknown> {
    const { capabilities = {}, instructions, serverInfo } = this.#server
    return {
      supportedVersions: [newest.modern],
      capabilities,
      ...(instructions === undefined ? {} : { instructions }),
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { [metaKeys.serverInfo]: serverInfo },
    }
  }

  #complete(request: Request, { result, error }: Pick<Message, 'result' | 'error'>): Message {
    if (error || !result) return { jsonrpc: '2.0', id: request.id, ...(error ? { error } : { result: {} }) }
    const hints = cached.has(request.method) ? { ttlMs: 0, cacheScope: 'private' } : {}
    return { jsonrpc: '2.0', id: request.id, result: { resultType: 'complete', ...hints, ...result } }
  }

  #nextId(): string {
    return `fairlead-${this.#count++}`
  }
}

/** A request without what only modern servers read. */
function asLegacy(request: Request): Request {
  const { _meta, inputResponses: _, requestState: __, ...params } = request.params ?? {}
  const meta = Object.fromEntries(
    Object.entries((_meta ?? {}) as Record<string, unknown>).filter(
      ([key]) => !key.startsWith('io.modelcontextprotocol/'),
    ),
  )
  return { ...request, params: { ...params, ...(Object.keys(meta).length > 0 ? { _meta: meta } : {}) } }
}

function isWanted({ method, params }: Message, filter: Record<string, unknown>): boolean {
  if (method === 'notifications/resources/updated')
    return Array.isArray(filter.resourceSubscriptions) && filter.resourceSubscriptions.includes(params?.uri)
  return filter[kinds[method ?? ''] ?? ''] === true
}

function tagged(message: Message, id: string | number): Message {
  return { ...message, params: { ...message.params, _meta: { ...metaOf(message), [metaKeys.subscriptionId]: id } } }
}
