import { newest, revisions } from '../../mcp/revisions.ts'
import { changedMethod, changeKinds, type ChangeKind } from '../changes.ts'
import { Refusal } from '../message.ts'
import type { OutboundAuth } from '../outbound/credentials.ts'
import type { Answer, Upstream } from '../outbound/upstream.ts'
import { TargetFailure } from '../tool.ts'
import { EventReader } from './sse.ts'

export interface McpSessionOptions {
  name: string
  upstream: Upstream
  /** Path and query of the endpoint. */
  path: string
  auth: OutboundAuth
  timeoutMs: number
  /** Told of each `list_changed` of the server, wherever it comes. */
  onChange?: (kind: ChangeKind) => void
}

/** One request to an MCP server. */
export interface McpRequest {
  method: string
  params?: Record<string, unknown>
  headers?: Record<string, string>
  /** Added in the era that has them (`Mcp-Param-…`). */
  modernHeaders?: Record<string, string>
  /** Query parameters, encoded. */
  query?: readonly string[]
  signal?: AbortSignal
  onProgress?: (params: Record<string, unknown>) => void
  timeoutMs?: number
}

export interface McpAnswer {
  result: Record<string, unknown>
  headers: Record<string, string | string[] | undefined>
}

interface Agreed {
  era: 'legacy' | 'modern'
  revision: string
  sessionId?: string
  capabilities: Record<string, unknown>
}

const clientInfo = { name: 'fairlead-gateway', version: '1.0.0' }
const maxBytes = 6 * 1024 * 1024
const handshakeMs = 10_000
/** A stream of changes is opened again after a day. */
const followMs = 86_400_000

/**
 * Speaks MCP with one server, in the era that it speaks. What was agreed, a session too, is kept for every call and made
 * again when the server has lost it. Ids are the gateway's own: two clients with the same one do not meet here.
 */
export class McpSession {
  readonly #options: McpSessionOptions
  #agreed: Agreed | undefined
  #agreeing: Promise<Agreed> | undefined
  #nextId = 1

  constructor(options: McpSessionOptions) {
    this.#options = options
  }

  /** What the server says that it has. */
  async capabilities(): Promise<Record<string, unknown>> {
    return (await this.#agree()).capabilities
  }

  /** Throws Refusal for a JSON-RPC error, TargetFailure for all else. */
  async request(request: McpRequest): Promise<McpAnswer> {
    const agreed = this.#agreed ?? (await this.#agree())
    try {
      return await this.#send(request, agreed)
    } catch (error) {
      if (!(error instanceof SessionLost)) throw error
      if (this.#agreed === agreed) this.#agreed = undefined
      return this.#send(request, await this.#agree())
    }
  }

  /** Reads what the server says has changed, until its stream ends. False: it has no such stream, or promises none. */
  async follow(signal: AbortSignal): Promise<boolean> {
    const agreed = await this.#agree()
    const kinds = changeKinds.filter((kind) => {
      const capability = agreed.capabilities[kind]
      return isObject(capability) && capability.listChanged === true
    })
    if (kinds.length === 0) return false
    if (agreed.era === 'legacy') return this.#readStream(agreed, signal)
    const notifications = Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true]))
    await this.#send({ method: 'subscriptions/listen', params: { notifications }, signal, timeoutMs: followMs }, agreed)
    return true
  }

  /** The GET stream of the revisions with `initialize`. */
  async #readStream(agreed: Agreed, signal: AbortSignal): Promise<boolean> {
    const { upstream, path, auth, onChange } = this.#options
    const headers: Record<string, string> = {
      host: upstream.host,
      accept: 'text/event-stream',
      'mcp-protocol-version': agreed.revision,
      ...(agreed.sessionId === undefined ? {} : { 'mcp-session-id': agreed.sessionId }),
    }
    const outgoing = { method: 'GET', origin: upstream.origin, path, headers }
    await auth.apply(outgoing)
    const events = new AnswerReader(undefined, undefined, onChange)
    const answer = await upstream.exchange({ ...outgoing, signal, timeoutMs: followMs, once: true }, events.read)
    if (answer.status === 404 && agreed.sessionId !== undefined) {
      if (this.#agreed === agreed) this.#agreed = undefined
      return true
    }
    return answer.status === 200 && String(answer.headers['content-type'] ?? '').startsWith('text/event-stream')
  }

  async close(): Promise<void> {
    const { sessionId, revision } = this.#agreed ?? {}
    this.#agreed = undefined
    if (sessionId === undefined) return
    const { upstream, path } = this.#options
    const headers = { 'mcp-session-id': sessionId, 'mcp-protocol-version': revision! }
    await upstream.exchange({ method: 'DELETE', path, headers, timeoutMs: 1000 }).catch(() => {})
  }

  /** Once, however many calls wait for it. */
  async #agree(): Promise<Agreed> {
    if (this.#agreed) return this.#agreed
    this.#agreeing ??= this.#handshake().finally(() => (this.#agreeing = undefined))
    return (this.#agreed = await this.#agreeing)
  }

  /** The newest era first: a server that does not know it says so in one way or another. */
  async #handshake(): Promise<Agreed> {
    const modern: Agreed = { era: 'modern', revision: newest.modern, capabilities: {} }
    const discovered = await this.#send({ method: 'server/discover', timeoutMs: handshakeMs }, modern).catch(
      (error: unknown) => {
        if (error instanceof Refusal || error instanceof SessionLost || error instanceof Answered) return undefined
        throw error
      },
    )
    const versions = discovered?.result.supportedVersions
    if (Array.isArray(versions) && versions.includes(newest.modern))
      return { ...modern, capabilities: capabilitiesIn(discovered!.result) }
    return this.#initialize()
  }

  async #initialize(): Promise<Agreed> {
    const params = { protocolVersion: newest.legacy, capabilities: {}, clientInfo }
    const none: Agreed = { era: 'legacy', revision: '', capabilities: {} }
    const { result, headers } = await this.#send({ method: 'initialize', params, timeoutMs: handshakeMs }, none)
    const revision = String(result.protocolVersion)
    if (revisions[revision as keyof typeof revisions]?.era !== 'legacy')
      throw new TargetFailure(
        'McpServerException',
        `${this.#options.name} speaks ${revision.slice(0, 40)}, which is not known here`,
      )
    const sessionId = headers['mcp-session-id']
    const agreed: Agreed = {
      era: 'legacy',
      revision,
      capabilities: capabilitiesIn(result),
      ...(typeof sessionId === 'string' ? { sessionId } : {}),
    }
    await this.#post(
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { method: '', timeoutMs: handshakeMs },
      agreed,
    )
    return agreed
  }

  async #send(request: McpRequest, agreed: Agreed): Promise<McpAnswer> {
    const id = this.#nextId++
    const { method, onProgress } = request
    const given = request.params ?? {}
    const meta = metaOf(given, agreed, onProgress ? id : undefined)
    const params = meta ? { ...given, _meta: meta } : without(given, '_meta')
    const answer = await this.#post({ jsonrpc: '2.0', id, method, params }, request, agreed).catch((error: unknown) => {
      if (request.signal?.aborted) this.#tellCancelled(id, agreed)
      throw error
    })
    if (answer.message === undefined) throw new Answered(`${this.#options.name} answered ${method} with nothing`)
    const { result, error } = answer.message
    if (isObject(error)) throw refusalOf(error)
    if (!isObject(result)) throw new Answered(`${this.#options.name} answered ${method} with neither result nor error`)
    return { result: plainResult(result, this.#options.name), headers: answer.headers }
  }

  /** To a server of 2026-07-28 the closed connection says it; one of a revision before has to be told. */
  #tellCancelled(requestId: number, agreed: Agreed): void {
    if (agreed.era === 'modern') return
    const method = 'notifications/cancelled'
    const params = { requestId, reason: 'the client went away' }
    void this.#post({ jsonrpc: '2.0', method, params }, { method, timeoutMs: 2000 }, agreed).catch(() => {})
  }

  async #post(message: Record<string, unknown>, request: McpRequest, agreed: Agreed, again = true): Promise<Posted> {
    const { upstream, path, auth, name } = this.#options
    const body = JSON.stringify(message)
    const outgoing = {
      method: 'POST',
      origin: upstream.origin,
      path:
        request.query && request.query.length > 0
          ? `${path}${path.includes('?') ? '&' : '?'}${request.query.join('&')}`
          : path,
      headers: { host: upstream.host, ...request.headers, ...headersOf(message, request, agreed) },
      body,
    }
    await auth.apply(outgoing)
    const timing = {
      timeoutMs: request.timeoutMs ?? this.#options.timeoutMs,
      ...(request.signal ? { signal: request.signal } : {}),
    }
    const events = new AnswerReader(message.id, request.onProgress, this.#options.onChange)
    const { status, headers, bytes } = await upstream.exchange({ ...outgoing, ...timing }, events.read)
    const type = String(headers['content-type'] ?? '')
    const found = message.id === undefined ? undefined : (events.found ?? parsed(bytes.toString('utf8'), type))
    const posted: Posted = { status, headers, message: found }
    if (status === 401 && again && auth.refused?.()) return this.#post(message, request, agreed, false)
    // 404 is how a server says that a session is gone; some say 400 to an id that they do not know.
    if (agreed.sessionId !== undefined && (status === 404 || (status === 400 && !posted.message)))
      throw new SessionLost()
    if (status >= 200 && status < 300) return posted
    if (isObject(posted.message?.error)) throw refusalOf(posted.message.error)
    throw new Answered(`${name} answered ${status}`)
  }
}

interface Posted {
  status: number
  headers: Record<string, string | string[] | undefined>
  message: Record<string, unknown> | undefined
}

class SessionLost extends Error {}

/** Something answered, and not as MCP. */
class Answered extends TargetFailure {
  constructor(message: string) {
    super('McpServerException', message)
  }
}

/** An error of the server is the client's to see: it is about what the client asked. */
function refusalOf({ code, message, data }: Record<string, unknown>): Refusal {
  const words = typeof message === 'string' ? message : 'The server refused'
  return new Refusal(
    200,
    Number.isInteger(code) ? (code as number) : -32_603,
    words,
    data === undefined ? {} : { data },
  )
}

const keys = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  client: 'io.modelcontextprotocol/clientInfo',
  server: 'io.modelcontextprotocol/serverInfo',
} as const

/** What a client says of itself stays here; what it says of the trace goes on. */
const passed = ['traceparent', 'tracestate', 'baggage'] as const

function metaOf(
  { _meta }: Record<string, unknown>,
  { era }: Agreed,
  progressToken: number | undefined,
): Record<string, unknown> | undefined {
  const given = isObject(_meta) ? _meta : {}
  const meta: Record<string, unknown> =
    era === 'modern' ? { [keys.version]: newest.modern, [keys.capabilities]: {}, [keys.client]: clientInfo } : {}
  for (const name of passed) if (typeof given[name] === 'string') meta[name] = given[name]
  if (progressToken !== undefined) meta.progressToken = progressToken
  return era === 'modern' || Object.keys(meta).length > 0 ? meta : undefined
}

function headersOf(
  { method, params }: Record<string, unknown>,
  { modernHeaders }: McpRequest,
  agreed: Agreed,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  if (agreed.revision !== '') headers['mcp-protocol-version'] = agreed.revision
  if (agreed.sessionId !== undefined) headers['mcp-session-id'] = agreed.sessionId
  if (agreed.era === 'legacy') return headers
  headers['mcp-method'] = String(method)
  const { name, uri } = (params ?? {}) as { name?: unknown; uri?: unknown }
  const named =
    method === 'resources/read' ? uri : method === 'tools/call' || method === 'prompts/get' ? name : undefined
  if (typeof named === 'string') headers['mcp-name'] = headerText(named)
  return { ...headers, ...modernHeaders }
}

/** @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports */
export function headerText(text: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
  return plain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}

/** A result as every era has it; what only the gateway needs to know of it is gone. */
function plainResult(result: Record<string, unknown>, name: string): Record<string, unknown> {
  const { resultType, _meta, ...rest } = result
  if (resultType !== undefined && resultType !== 'complete')
    throw new TargetFailure('McpServerException', `${name} asks for more than the arguments, which is not passed on`)
  if (!isObject(_meta)) return rest
  const { [keys.server]: _server, ...meta } = _meta
  return Object.keys(meta).length > 0 ? { ...rest, _meta: meta } : rest
}

function capabilitiesIn({ capabilities }: Record<string, unknown>): Record<string, unknown> {
  return isObject(capabilities) ? capabilities : {}
}

function parsed(text: string, type: string): Record<string, unknown> | undefined {
  if (!type.includes('json')) return undefined
  try {
    const message = JSON.parse(text) as unknown
    return isObject(message) ? message : undefined
  } catch {
    return undefined
  }
}

/** Reads events until the answer is there; a server that keeps its stream open after that is not waited for. */
class AnswerReader {
  found: Record<string, unknown> | undefined
  readonly #id: unknown
  readonly #onProgress: McpRequest['onProgress']
  readonly #onChange: McpSessionOptions['onChange']
  #events: EventReader | undefined
  #decoder: InstanceType<typeof TextDecoder> | undefined
  #size = 0

  constructor(id: unknown, onProgress: McpRequest['onProgress'], onChange: McpSessionOptions['onChange']) {
    this.#id = id
    this.#onProgress = onProgress
    this.#onChange = onChange
  }

  read = ({ status, headers }: Answer, chunk: Buffer): 'more' | 'enough' | undefined => {
    if (status > 299 || !String(headers['content-type'] ?? '').startsWith('text/event-stream')) return undefined
    this.#events ??= new EventReader((data) => this.#take(data))
    this.#decoder ??= new TextDecoder()
    this.#size += chunk.length
    if (this.#size > maxBytes) return 'enough'
    this.#events.push(this.#decoder.decode(chunk, { stream: true }))
    return this.found ? 'enough' : 'more'
  }

  #take(data: string): void {
    const message = parsed(data, 'json')
    if (!message) return
    const { id, method, params } = message
    if (id !== undefined && id === this.#id && ('result' in message || 'error' in message)) this.found = message
    else if (method === 'notifications/progress' && isObject(params) && params.progressToken === this.#id)
      this.#onProgress?.(params)
    else {
      const kind = this.#onChange && changeKinds.find((each) => method === changedMethod(each))
      if (kind) this.#onChange?.(kind)
    }
  }
}

function without(object: Record<string, unknown>, key: string): Record<string, unknown> {
  if (!Object.hasOwn(object, key)) return object
  const { [key]: _gone, ...rest } = object
  return rest
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
