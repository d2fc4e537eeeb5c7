import type { Readable, Writable } from 'node:stream'
import { asFairleadError, FairleadError } from '../../errors.ts'
import { lightFetch, type LightFetch } from '../../http/light-fetch.ts'
import { codes } from '../../mcp/json-rpc.ts'
import { readJsonLines } from '../../server/json-lines.ts'
import { LegacyClient } from './legacy-client.ts'
import { eraOf, errorFor, isRequest, isResponse, type Message, type Request } from './message.ts'
import { ModernClient } from './modern-client.ts'
import { rpcErrorOf } from './refusal.ts'
import { ToolTable } from './tool-table.ts'
import { Upstream, type Exchange } from './upstream.ts'

export interface ProxyOptions {
  url: string
  /** Signs or authorizes; plain requests over node:http by default. */
  fetch?: LightFetch
  input: Readable
  /** Carries the protocol and nothing else. */
  output: Writable
  /** Takes one line at a time. */
  log: (line: string) => void
  /** Hides and refuses tools that are not annotated read-only. */
  readOnly?: boolean
  /** How long the endpoint may send nothing; 5 minutes by default. */
  timeoutMs?: number
}

/** How a conversation went, when it has ended. */
export interface ProxyEnd {
  /** Whether the endpoint ever answered as an MCP server. */
  answered: boolean
  lastError?: FairleadError
}

const graceMs = 30_000

/**
 * Joins an MCP client on a pair of streams to a Streamable HTTP endpoint, until the input ends. Either side may speak
 * either era. What goes wrong is answered as a JSON-RPC error and logged in one line.
 */
export async function runProxy(options: ProxyOptions): Promise<ProxyEnd> {
  return new Pump(options).run()
}

class Pump {
  readonly #options: ProxyOptions
  readonly #tools: ToolTable
  readonly #upstream: Upstream
  readonly #inFlight = new Map<string | number, { request: Request; abort: AbortController; done: Promise<void> }>()
  readonly #acknowledged = new Set<string | number>()
  readonly #end: ProxyEnd = { answered: false }
  /** Set when the client speaks one era and the endpoint the other alone. */
  #legacyClient: LegacyClient | undefined
  #modernClient: ModernClient | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
    const { url, log, fetch: fetchFn = lightFetch, readOnly = false, timeoutMs = 300_000 } = options
    this.#tools = new ToolTable({ readOnly, log })
    this.#upstream = new Upstream({
      url,
      fetch: fetchFn,
      tools: this.#tools,
      timeoutMs,
      log,
      onMessage: (message) => (this.#modernClient ? this.#modernClient.take(message) : this.#send(message)),
    })
  }

  async run(): Promise<ProxyEnd> {
    const { input, output } = this.#options
    let head = ''
    const gone = new Promise<'gone'>((resolve) => output.once('error', () => resolve('gone')).once('close', () => resolve('gone'))) // prettier-ignore
    const ended = new Promise<'ended'>((resolve) => input.once('end', () => resolve('ended')).once('close', () => resolve('ended'))) // prettier-ignore
    readJsonLines(input, {
      onMessage: (message) => this.#take(message as unknown as Message),
      onGarbage: (line) => this.#takeGarbage(line),
      onTooLong: (start) => (head = start),
      onSkipped: (tail) => this.#refuse(idIn(head, tail), new FairleadError('MESSAGE_TOO_LARGE', 'A message on stdin has more than 10 MB')), // prettier-ignore
    })
    if ((await Promise.race([ended, gone])) === 'ended') await Promise.race([gone, this.#settled()])
    for (const { abort } of this.#inFlight.values()) abort.abort()
    this.#legacyClient?.close()
    await this.#upstream.close()
    return this.#end
  }

  /** What is under way may end; what listens for ever is not waited for. */
  async #settled(): Promise<void> {
    const timer = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref())
    const work = [...this.#inFlight.values()]
      .filter(({ request }) => request.method !== 'subscriptions/listen')
      .map(({ done }) => done)
    await Promise.race([timer, Promise.all(work)])
  }

  #send(message: Message): void {
    if (message.method === 'notifications/tools/list_changed') this.#tools.clear()
    this.#options.output.write(`${JSON.stringify(message)}\n`)
  }

  #take(message: Message): void {
    if (isRequest(message)) {
      const abort = new AbortController()
      const done = this.#answer(message, abort.signal).finally(() => this.#inFlight.delete(message.id))
      this.#inFlight.set(message.id, { request: message, abort, done })
    } else if (message.method === 'notifications/cancelled') this.#cancel(message)
    else void this.#notify(message)
  }

  async #answer(request: Request, signal: AbortSignal): Promise<void> {
    const exchange: Exchange = { signal, onMessage: (message) => this.#pass(request, message) }
    try {
      await this.#refuseWrites(request, signal)
      const answer = await this.#exchange(request, exchange)
      this.#end.answered = true
      if (!signal.aborted) this.#send(answer)
    } catch (error) {
      if (!signal.aborted) this.#refuse(request.id, asFairleadError(error))
    }
  }

  /** A stream that was asked for again is acknowledged again, and only the proxy should know. */
  #pass(request: Request, message: Message): void {
    if (message.method === 'notifications/subscriptions/acknowledged') {
      if (this.#acknowledged.has(request.id)) return
      this.#acknowledged.add(request.id)
    }
    this.#send(message)
  }

  async #exchange(request: Request, exchange: Exchange): Promise<Message> {
    if (eraOf(request) === 'legacy') {
      if (this.#legacyClient) return this.#legacyClient.request(request, exchange)
      const answer = await this.#upstream.exchange(request, exchange)
      if (request.method !== 'initialize' || !isModernOnly(answer)) return answer
      const client = new LegacyClient(this.#upstream, (message) => this.#send(message))
      const translated = await client.request(request, exchange)
      if (translated.error) return answer
      this.#legacyClient = client
      return translated
    }
    if (this.#modernClient) return this.#modernClient.request(request, exchange)
    const answer = await this.#upstream.exchange(request, exchange).catch((error: unknown) => {
      if (error instanceof FairleadError && error.code === 'NOT_MCP') return error
      throw error
    })
    if (!(answer instanceof FairleadError) && !isLegacyOnly(request, answer)) return answer
    const client = new ModernClient(this.#upstream, (message) => this.#send(message))
    if (await client.start(request, exchange.signal)) return (this.#modernClient = client).request(request, exchange)
    if (answer instanceof FairleadError) throw answer
    return answer
  }

  #cancel(message: Message): void {
    const current = this.#inFlight.get(message.params?.requestId as string | number)
    if (!current) return
    const legacy = eraOf(current.request) === 'legacy'
    if (!legacy && this.#modernClient?.cancel(current.request.id)) return
    // In revisions with `initialize` a closed connection is no cancellation: the server must be told.
    if (legacy && !this.#legacyClient) void this.#notify(message).then(() => current.abort.abort())
    else current.abort.abort()
  }

  async #notify(message: Message): Promise<void> {
    try {
      if (this.#legacyClient) return this.#legacyClient.notify(message)
      if (this.#modernClient && !isResponse(message)) return
      await this.#upstream.notify(message)
    } catch (error) {
      this.#note(asFairleadError(error))
    }
  }

  /** With `readOnly`, a tool that is not known to read only is not called. */
  async #refuseWrites(request: Request, signal: AbortSignal): Promise<void> {
    if (!this.#options.readOnly || request.method !== 'tools/call') return
    const { name } = request.params ?? {}
    if (!this.#tools.get(name)) {
      const like = { ...request, id: 'fairlead-tools', method: 'tools/list', params: { _meta: request.params?._meta } }
      await this.#exchange(like, { signal, onMessage: () => {} })
    }
    if (this.#tools.get(name)?.readOnly !== true)
      throw new FairleadError('READ_ONLY', `The tool ${String(name)} may change something`)
  }

  #takeGarbage(line: string): void {
    const batch = batchIn(line)
    if (batch) return batch.forEach((message) => this.#take(message))
    this.#note(new FairleadError('MESSAGE_UNREADABLE', 'A line on stdin is not a JSON-RPC message'))
    this.#send(errorFor(null, { code: codes.parseError, message: 'Parse error: one JSON-RPC message a line' }))
  }

  #refuse(id: Message['id'], error: FairleadError): void {
    this.#note(error)
    this.#send(errorFor(id, rpcErrorOf(error)))
  }

  #note(error: FairleadError): void {
    this.#end.lastError = error
    this.#options.log(`${error.code} ${error.message}. ${error.fix}`)
  }
}

/** The endpoint knows no `initialize`. */
function isModernOnly({ error }: Message): boolean {
  return error !== undefined && [-32022, -32020, codes.methodNotFound, codes.invalidParams, codes.invalidRequest].includes(error.code) // prettier-ignore
}

/** The endpoint knows no requests without `initialize`. */
function isLegacyOnly({ method }: Request, { error }: Message): boolean {
  if (!error || [-32020, -32021, -32022].includes(error.code)) return false
  return method === 'server/discover' || error.code === codes.server
}

/** Revision 2025-03-26 has batches; each message of one is answered alone, which JSON-RPC allows a receiver to take. */
function batchIn(line: string): Message[] | undefined {
  if (!line.trimStart().startsWith('[')) return undefined
  try {
    const list = JSON.parse(line) as Message[]
    return list.length > 0 && list.every((each) => each?.jsonrpc === '2.0') ? list : undefined
  } catch {
    return undefined
  }
}

const idPattern = '"id"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*"|-?\\d+)'
const atHead = new RegExp(`^\\s*\\{[^{\\[]*?${idPattern}`)
const atTail = new RegExp(`${idPattern}\\s*(?:,\\s*"(?:jsonrpc|method)"\\s*:\\s*"[^"]*"\\s*)*\\}\\s*$`)

/** The id of a message that was too long to be kept: it stands first or last. */
function idIn(head: string, tail: string): string | number | null {
  const found = (atHead.exec(head) ?? atTail.exec(tail))?.[1]
  return found === undefined ? null : (JSON.parse(found) as string | number)
}
