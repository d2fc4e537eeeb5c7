import type { RequestContext } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import type { Note } from '../http/note.ts'
import { codes } from '../mcp/json-rpc.ts'
import { newest, type Era } from '../mcp/revisions.ts'
import { changeKinds, type ChangeKind } from './changes.ts'
import { Catalog, described, pageOf, type Listed } from './catalog.ts'
import { failed, invalidArguments } from './failure.ts'
import type { GatewayOptions } from './gateway.ts'
import { isObject, Refusal, type Id, type Message } from './message.ts'
import { getPrompt, listPrompts, listResources, listTemplates, readResource } from './beside-tools.ts'
import { searchTool, ToolSearch } from './search/search-tool.ts'
import { denialOf, PolicyDenial } from './policies/denial.ts'
import type { PolicyDecision } from './policies/engine.ts'
import { TargetFailure, type ToolResult } from './tool.ts'

/** The answer to one message: its JSON, and the HTTP status that goes with it. */
export interface Outcome {
  status: number
  body: string
  headers?: Record<string, string>
  /** For logs, and not for the client. */
  note?: Note
}

export interface Asking {
  request: Request
  context: RequestContext
  onProgress?: (params: Record<string, unknown>) => void
  /** Filled in as the message is answered. */
  note?: Note
}

/** As AWS's own example has it. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-using-mcp-list.html */
const serverInfo = { name: 'agentcore-gateway', version: '1.0.0' }
const serverInfoKey = 'io.modelcontextprotocol/serverInfo'

/** The service does not say how many stand on a page. */
const pageSize = 100
/** With more tools than this the search tool is listed unasked: so many do not fit into a model's context. */
const manyTools = 100

/** Lists are the same for every caller, and good for a minute. @see https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching */
const shared = { ttlMs: 60_000, cacheScope: 'public' } as const
/** But where policies decide who sees what. */
const own = { ttlMs: 60_000, cacheScope: 'private' } as const

type Handler = (message: Message, asking: Asking) => Promise<Record<string, unknown>> | Record<string, unknown>

/** Answers the methods of MCP. A call passes here: what comes before it, after it, and for whom, has its place in `#call`. */
export class Methods {
  readonly #options: GatewayOptions & { versions: readonly string[] }
  readonly #catalog: Catalog
  readonly #search: ToolSearch
  readonly #debug: boolean
  readonly #handlers: Record<Era, Record<string, Handler>>

  constructor(options: GatewayOptions & { versions: readonly string[] }) {
    this.#options = options
    this.#catalog = new Catalog(options.targets)
    this.#search = new ToolSearch(this.#catalog, options.ranker)
    this.#debug = options.definition.exceptionLevel === 'DEBUG'
    const both: Record<string, Handler> = {
      'tools/list': (message, asking) => this.#list(message, asking),
      'tools/call': (message, asking) => this.#call(message, asking),
      ...(this.#hasMcp() ? this.#besideTools() : {}),
    }
    this.#handlers = {
      legacy: { ...both, initialize: (message) => this.#initialize(message), ping: () => ({}) },
      modern: { ...both, 'server/discover': () => this.#discover() },
    }
  }

  /** Undefined: a notification, which has no answer. It throws nothing that a client could cause. */
  async answer(message: Message, asking: Asking): Promise<Outcome | undefined> {
    const { id, era, method } = message
    if (id === undefined) return undefined
    const handlers = this.#handlers[era]
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined
    if (!handler)
      return failure(
        id,
        { code: codes.methodNotFound, message: `Method not found: ${method.slice(0, 100)}` },
        era === 'modern' ? 404 : 200,
      )
    const noting: Asking = { ...asking }
    try {
      return withNote(success(id, era, await handler(message, noting)), noting.note)
    } catch (error) {
      if (error instanceof PolicyDenial) return withNote(failure(id, error, 200), error.note)
      if (error instanceof Refusal) return failure(id, error, 200)
      this.#options.log?.(`${method} failed: ${error instanceof Error ? error.message : String(error)}`)
      const message =
        error instanceof TargetFailure && this.#debug ? `${error.exception} - ${error.message}` : 'Internal error'
      return failure(id, { code: codes.internalError, message }, 200)
    }
  }

  #hasMcp(): boolean {
    return this.#options.targets.some(({ mcp }) => mcp !== undefined)
  }

  /** The lists that there are, each of which may change. */
  get changing(): readonly ChangeKind[] {
    return this.#hasMcp() ? changeKinds : ['tools']
  }

  #capabilities(): Record<string, unknown> {
    const each = this.#options.changes ? { listChanged: true } : {}
    return Object.fromEntries(this.changing.map((kind) => [kind, each]))
  }

  #initialize({ params }: Message): Record<string, unknown> {
    const { versions, definition } = this.#options
    const legacy = versions.filter((each) => each !== newest.modern)
    const asked = params.protocolVersion
    const configured = definition.protocolConfiguration?.mcp.supportedVersions !== undefined
    const agreed = typeof asked === 'string' && legacy.includes(asked) ? asked : configured ? undefined : newest.legacy
    if (agreed === undefined)
      throw new Refusal(200, codes.invalidParams, `Unsupported MCP protocol version: ${String(asked).slice(0, 40)}`, {
        data: { supported: versions, requested: String(asked).slice(0, 40) },
      })
    return { protocolVersion: agreed, capabilities: this.#capabilities(), serverInfo, ...this.#instructions() }
  }

  #discover(): Record<string, unknown> {
    const supportedVersions = this.#options.versions.filter((each) => each === newest.modern)
    return { supportedVersions, capabilities: this.#capabilities(), ...this.#instructions(), ...shared }
  }

  #instructions(): { instructions?: string } {
    const instructions = this.#options.definition.protocolConfiguration?.mcp.instructions
    return instructions === undefined ? {} : { instructions }
  }

  async #list({ params, era }: Message, { context }: Asking): Promise<Record<string, unknown>> {
    const { mcp } = this.#options.definition.protocolConfiguration ?? {}
    const tools = await this.#visible(await this.#catalog.all(), context)
    const searches = mcp?.searchType === 'SEMANTIC' || tools.length > manyTools
    const all = [...(searches ? [{ name: searchTool.name, tool: searchTool }] : []), ...tools]
    const cursor = typeof params.cursor === 'string' ? params.cursor : undefined
    const found = pageOf(all, cursor, mcp?.disableMcpListToolsPagination ? Infinity : pageSize)
    if (!found)
      throw new Refusal(200, codes.invalidParams, 'Invalid params: the cursor is not one that this gateway gave')
    const { page, nextCursor } = found
    const hint = this.#options.policies?.mode === 'ENFORCE' ? own : shared
    return { tools: page.map(described), ...(nextCursor ? { nextCursor } : {}), ...(era === 'modern' ? hint : {}) }
  }

  /** What a caller may see: where policies are enforced, the tools that he could call. */
  async #visible(tools: readonly Listed[], { principal }: RequestContext): Promise<readonly Listed[]> {
    const { policies } = this.#options
    if (policies?.mode !== 'ENFORCE') return tools
    const names = await policies.visible(
      principal,
      tools.map(({ name }) => name),
    )
    return tools.filter(({ name }) => names.has(name))
  }

  async #call({ id, params }: Message, asking: Asking): Promise<Record<string, unknown>> {
    const { request, context, onProgress } = asking
    const { name, arguments: args = {} } = params
    if (typeof name !== 'string')
      throw new Refusal(200, codes.invalidParams, 'Invalid params: params.name is not a string')
    if (!isObject(args))
      throw new Refusal(200, codes.invalidParams, 'Invalid params: params.arguments is not an object')
    if (name === searchTool.name) return this.#searchFor(args, context)
    const found = this.#catalog.find(name)
    if (!found) throw unknownTool(name)
    const decision = await this.#judge(name, args, asking)
    try {
      const problems = found.target.check?.(found.tool, args, this.#catalog)
      if (problems && problems.length > 0) return invalidArguments(problems)
      if (decision?.unfit) throw denialOf(decision)
      const result = await found.target.call({
        tool: found.tool,
        args,
        messageId: id!,
        requestId: context.requestId,
        principal: context.principal,
        headers: request.headers,
        query: queryOf(request),
        signal: request.signal,
        ...(onProgress ? { onProgress: withToken(onProgress, params) } : {}),
      })
      if (!result) throw unknownTool(name)
      return result
    } catch (error) {
      if (error instanceof Refusal) throw error
      const why = error instanceof Error ? error.message : String(error)
      this.#options.log?.(
        `${name.slice(0, 100)} failed: ${error instanceof TargetFailure ? `${error.exception}: ` : ''}${why}`,
      )
      return failed(error, this.#debug)
    }
  }

  /** Asks the policies. Throws what the client is told of a refusal; one for arguments that are wrong anyway is left to them. */
  async #judge(name: string, args: Record<string, unknown>, asking: Asking): Promise<PolicyDecision | undefined> {
    const { policies, log } = this.#options
    if (!policies) return undefined
    const { principal } = asking.context
    const decision = await policies.decide(principal, name, args)
    if (!decision) throw unknownTool(name)
    if (decision.policies.length > 0) asking.note = { policies: decision.policies }
    if (decision.allowed) return decision
    if (policies.mode === 'LOG_ONLY') {
      log?.(`LOG_ONLY: ${name} would be denied to ${principal.id || 'anyone'} [${decision.reason}]`)
      return { ...decision, allowed: true, unfit: false }
    }
    if (decision.unfit) return decision
    // Nothing is noted beside an answer that has begun.
    if (asking.onProgress) log?.(`${name} is denied to ${principal.id || 'anyone'} [${decision.reason}]`)
    throw denialOf(decision)
  }

  async #searchFor(args: Record<string, unknown>, context: RequestContext): Promise<ToolResult> {
    const problems = this.#catalog.check(searchTool, args)
    if (problems.length > 0) return invalidArguments(problems)
    const found = await this.#search.search(args.query as string, (listed) => this.#visible(listed, context))
    const structuredContent = {
      tools: found.map((each) => {
        const { name, description, inputSchema } = described(each)
        return { name, description, inputSchema }
      }),
    }
    return { isError: false, content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
  }

  #besideTools(): Record<string, Handler> {
    const { targets } = this.#options
    const hint = (era: Era) => (era === 'modern' ? shared : {})
    return {
      'prompts/list': async ({ era }) => ({ prompts: await listPrompts(targets), ...hint(era) }),
      'resources/list': async ({ era }) => ({ resources: await listResources(targets), ...hint(era) }),
      'resources/templates/list': async ({ era }) => ({
        resourceTemplates: await listTemplates(targets),
        ...hint(era),
      }),
      'prompts/get': ({ params }, { request }) => getPrompt(targets, params, request.signal),
      'resources/read': async ({ params, era }, { request }) => ({
        ...(await readResource(targets, params, { era, signal: request.signal })),
        // What one caller reads may not be another's.
        ...(era === 'modern' ? { ttlMs: 0, cacheScope: 'private' } : {}),
      }),
    }
  }
}

function withNote(outcome: Outcome, note: Note | undefined): Outcome {
  return note ? { ...outcome, note } : outcome
}

function unknownTool(name: string): Refusal {
  return new Refusal(200, codes.invalidParams, `Unknown tool: ${name.slice(0, 300)}`)
}

/** The token is the client's own; the upstream had another one. */
function withToken(onProgress: (params: Record<string, unknown>) => void, params: Record<string, unknown>) {
  const { progressToken } = (params._meta ?? {}) as { progressToken?: unknown }
  return (progress: Record<string, unknown>) => onProgress({ ...progress, progressToken })
}

const noQuery = new URLSearchParams()

function queryOf(request: Request): URLSearchParams {
  const { target } = request as unknown as Partial<LightRequest>
  if (target === undefined) return new URL(request.url).searchParams
  const at = target.indexOf('?')
  return at < 0 ? noQuery : new URLSearchParams(target.slice(at))
}

function success(id: Id, era: Era, given: Record<string, unknown>): Outcome {
  const { responseHeaders, ...result } = given as ToolResult
  const whole =
    era === 'legacy'
      ? result
      : { resultType: 'complete', ...result, _meta: { ...result._meta, [serverInfoKey]: serverInfo } }
  const body = JSON.stringify({ jsonrpc: '2.0', id, result: whole })
  return { status: 200, body, ...(responseHeaders ? { headers: responseHeaders } : {}) }
}

function failure(
  id: Id,
  { code, message, data }: { code: number; message: string; data?: unknown },
  status: number,
): Outcome {
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  return { status, body: JSON.stringify({ jsonrpc: '2.0', id, error }) }
}
