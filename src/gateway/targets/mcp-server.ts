import type { ChangeKind } from '../changes.ts'
import type { TargetDefinition } from '../definitions/types.ts'
import type { OutboundAuth } from '../outbound/credentials.ts'
import { encode } from '../openapi/serialize.ts'
import { Upstream } from '../outbound/upstream.ts'
import type { McpSide, Target, Tool, ToolCall, ToolResult } from '../tool.ts'
import { followChanges } from './follow.ts'
import { headerText, McpSession } from './mcp-session.ts'
import { propagated, returned } from './propagation.ts'

export interface McpServerTargetOptions {
  definition: TargetDefinition
  /** `mcpToolSchema`, parsed: the tools are these, and the server is not asked. */
  staticTools?: readonly Tool[]
  auth: OutboundAuth
  locate?: (origin: string) => string | undefined
  warn?: (warning: string) => void
  timeoutMs?: number
  /** Told when a list is another than before. With it the server is followed: what it says has changed is asked for again. */
  changed?: (kind: ChangeKind) => void
  /** As the managed service: a DEFAULT list changes by synchronization alone. */
  managed?: boolean
  /** How long a list may take before the one from before is given; 2,000 by default. */
  listMs?: number
}

const maxPages = 100
const maxTools = 10_000

/**
 * Makes a target of an MCP server. DEFAULT: its tools are those of the last synchronization. DYNAMIC: they are asked for each
 * time. In both, a server that does not answer leaves its last list, and delays nobody longer than `listMs`.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-target-MCPservers.html (read 2026-11-22)
 */
export function mcpServerTarget(options: McpServerTargetOptions): Target {
  const { definition, auth, staticTools, changed, warn = () => {}, listMs = 2000 } = options
  const { name, metadataConfiguration = {} } = definition
  const { endpoint, listingMode = 'DEFAULT', resourcePriority = 1000 } = definition.targetConfiguration.mcp.mcpServer!
  const url = new URL(endpoint)
  const at = options.locate?.(url.origin)
  const upstream = new Upstream(url.origin, at === undefined ? {} : { at })
  const session = new McpSession({
    name,
    upstream,
    path: url.pathname + url.search,
    auth,
    timeoutMs: options.timeoutMs ?? 300_000,
    ...(changed ? { onChange: (kind) => renewal.ask(kind) } : {}),
  })
  const lists = new Map<string, KeptList>()
  const toolList = new KeptList(() => readTools(session), listMs)
  const dynamic = listingMode === 'DYNAMIC'
  let version = 0
  let synchronizedAt: Date | undefined
  toolList.onNew = () => {
    version++
    changed?.('tools')
  }
  if (staticTools) toolList.set([...staticTools] as unknown as Record<string, unknown>[])

  const tools = async (): Promise<readonly Tool[]> => {
    if (staticTools) return staticTools
    return (await toolList.get(dynamic)) as unknown as Tool[]
  }
  const mcp: McpSide = {
    resourcePriority,
    request: async (method, params, signal) => (await session.request({ method, params, signal })).result,
    list: async (method, member) => {
      let list = lists.get(method)
      if (!list) {
        lists.set(method, (list = new KeptList(() => readList(session, method, member), listMs)))
        list.onNew = (first) => first || changed?.(kindOf(method))
      }
      return list.get(dynamic)
    },
  }
  const synchronize = async () => {
    if (!staticTools) await toolList.renew()
    await Promise.all([...lists.values()].map((each) => each.renew()))
    if (!staticTools) synchronizedAt = new Date()
  }
  const renewal = new Renewal((kind) => {
    if (options.managed && !dynamic) return
    if (kind === 'tools') return staticTools ? undefined : toolList.renew()
    const known = [...lists].filter(([method]) => kindOf(method) === kind)
    // Nobody has asked for it here: there is nothing to compare with.
    if (known.length === 0) changed?.(kind)
    return Promise.all(known.map(([, list]) => list.renew()))
  })
  const following = changed && !staticTools ? followChanges(session, synchronize) : undefined
  return {
    name,
    ...(definition.description ? { description: definition.description } : {}),
    get version() {
      return version
    },
    get synchronizedAt() {
      return synchronizedAt
    },
    mcp,
    tools,
    synchronize,
    call: async (call) => {
      const known = toolList.known as unknown as Tool[] | undefined
      const tool = known?.find((each) => each.name === call.tool)
      // A dynamic server may have a tool since the last list; of the others the list says what there is.
      if (!tool && !dynamic && (known ?? (await tools())).every((each) => each.name !== call.tool)) return undefined
      const { headers, query } = propagated(metadataConfiguration, call)
      const mirrored = tool ? parameterHeaders(tool, call.args) : {}
      const answer = await session.request({
        method: 'tools/call',
        params: { name: call.tool, arguments: call.args, ...traced(call) },
        headers,
        modernHeaders: mirrored,
        query: query.map(([key, value]) => `${encode(key)}=${encode(value)}`),
        signal: call.signal,
        ...(call.onProgress ? { onProgress: call.onProgress } : {}),
      })
      return { ...(answer.result as ToolResult), ...returned(metadataConfiguration, answer.headers) }
    },
    close: async () => {
      following?.close()
      renewal.close()
      await session.close().catch((error: unknown) => warn(`${name}: ${String(error)}`))
      await upstream.close()
    },
  }
}

function traced(call: ToolCall): { _meta?: Record<string, unknown> } {
  const traceparent = call.headers.get('traceparent')
  return traceparent === null ? {} : { _meta: { traceparent } }
}

type Items = Record<string, unknown>[]

/** A list that is kept when it cannot be had again. */
class KeptList {
  known: Items | undefined
  /** `first`: nothing was known before. */
  onNew: ((first: boolean) => void) | undefined
  readonly #read: () => Promise<Items>
  readonly #waitMs: number
  #reading: Promise<Items> | undefined
  #text = ''

  constructor(read: () => Promise<Items>, waitMs: number) {
    this.#read = read
    this.#waitMs = waitMs
  }

  set(items: Items): void {
    this.known = items
  }

  /** What is known, or what comes in time. `fresh`: asks again each time. */
  async get(fresh: boolean): Promise<Items> {
    if (this.known && !fresh) return this.known
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Items>((resolve) => {
      timer = setTimeout(() => resolve(this.known ?? []), this.#waitMs)
    })
    try {
      return await Promise.race([this.refresh().catch(() => this.known ?? []), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** One at a time, however many ask. */
  async refresh(): Promise<Items> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
    const items = await this.#reading
    const text = JSON.stringify(items)
    if (text === this.#text) return this.known!
    const first = this.known === undefined
    this.#text = text
    this.known = items
    this.onNew?.(first)
    return items
  }

  /** As it is from now on: an answer that is on its way may be from before. */
  async renew(): Promise<void> {
    await this.#reading?.catch(() => {})
    await this.refresh()
  }
}

/** Asks again for what has changed, once for all that comes within a tenth of a second: a server may say it a thousand times. */
class Renewal {
  readonly #waiting = new Map<ChangeKind, NodeJS.Timeout>()
  readonly #renew: (kind: ChangeKind) => Promise<unknown> | undefined | void

  constructor(renew: (kind: ChangeKind) => Promise<unknown> | undefined | void) {
    this.#renew = renew
  }

  ask(kind: ChangeKind): void {
    if (this.#waiting.has(kind)) return
    const timer = setTimeout(() => {
      this.#waiting.delete(kind)
      // What was known stays, where it cannot be had.
      void this.#renew(kind)?.catch(() => {})
    }, 100).unref()
    this.#waiting.set(kind, timer)
  }

  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer)
  }
}

function kindOf(method: string): ChangeKind {
  return method.split('/', 1)[0] as ChangeKind
}

async function readTools(session: McpSession): Promise<Items> {
  const items = await readList(session, 'tools/list', 'tools')
  // One without a name or schema is nothing that a client could call.
  return items
    .filter(({ name, inputSchema }) => typeof name === 'string' && name !== '' && isObject(inputSchema))
    .map(listedTool)
}

/** A client of the gateway mirrors nothing for us: the annotation that would ask it to is ours to follow. */
function listedTool(tool: Record<string, unknown>): Record<string, unknown> {
  const { properties } = tool.inputSchema as { properties?: unknown }
  if (!isObject(properties) || !Object.values(properties).some((each) => isObject(each) && 'x-mcp-header' in each))
    return tool
  const mirrored = new Map<string, string>()
  const plain = Object.entries(properties).map(([name, schema]) => {
    if (!isObject(schema)) return [name, schema]
    const { 'x-mcp-header': header, ...rest } = schema
    if (typeof header === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(header)) mirrored.set(name, header)
    return [name, rest]
  })
  const listed = {
    ...tool,
    inputSchema: { ...(tool.inputSchema as object), properties: Object.fromEntries(plain) as unknown },
  }
  mirrors.set(listed, mirrored)
  return listed
}

const mirrors = new WeakMap<object, Map<string, string>>()

function parameterHeaders(tool: Tool, args: Record<string, unknown>): Record<string, string> {
  const found = [...(mirrors.get(tool) ?? [])].flatMap(([name, header]) => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    return isPlain ? [[`mcp-param-${header.toLowerCase()}`, headerText(String(value))]] : []
  })
  return Object.fromEntries(found) as Record<string, string>
}

async function readList(session: McpSession, method: string, member: string): Promise<Items> {
  const capability = method.split('/')[0]!
  const capabilities = await session.capabilities()
  if (!(capability in capabilities)) return []
  const items: Items = []
  let cursor: unknown
  for (let page = 0; page < maxPages && items.length < maxTools; page++) {
    const { result } = await session.request({
      method,
      timeoutMs: 30_000,
      params: cursor === undefined ? {} : { cursor },
    })
    const found = result[member]
    if (Array.isArray(found)) items.push(...found.filter(isObject))
    cursor = result.nextCursor
    if (typeof cursor !== 'string' || cursor === '') break
  }
  return items.slice(0, maxTools)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
