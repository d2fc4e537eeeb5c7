import { anonymous, type FetchHandler, type RequestContext } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import { annotate, noteOf, type Note } from '../http/note.ts'
import { originHeaders, preflight } from '../mcp/cors.ts'
import { codes, decodeUtf8, errorResponse, isDeeperThan } from '../mcp/json-rpc.ts'
import { isHostAllowed, isOriginAllowed, type Allowed } from '../mcp/origin.ts'
import { revisions } from '../mcp/revisions.ts'
import type { Changes } from './changes.ts'
import type { GatewayDefinition } from './definitions/types.ts'
import { noInbound, type Inbound } from './inbound.ts'
import { readMessages, Refusal, type Message } from './message.ts'
import type { PolicyEngine } from './policies/engine.ts'
import { Methods, type Outcome } from './methods.ts'
import type { MakeRanker } from './search/search-tool.ts'
import { streamed, wantsStream } from './stream.ts'
import type { Target } from './tool.ts'

export interface GatewayOptions {
  definition: GatewayDefinition
  targets: readonly Target[]
  /** Who may call; whoever reaches it, when `authorizerType` is NONE. */
  inbound?: Inbound
  allowedHosts?: Allowed
  allowedOrigins?: Allowed
  /** Who may call which tool; everyone who is let in, when absent. Its owner closes it. */
  policies?: PolicyEngine
  /** How tools are found; by their words when absent. */
  ranker?: MakeRanker
  /** Who listens for changes of lists; without it nobody can, and it is not promised. Its owner ends it. */
  changes?: Changes
  /** What is told to the owner of the gateway, and not to the client. */
  log?: (line: string) => void
}

export interface Gateway {
  fetch: FetchHandler
  targets: readonly Target[]
  /** Refuses what is new with 503, lets what is in flight finish, and ends the streams of those who listen. */
  drain(): void
  close(): Promise<void>
}

/** The quota of the managed service. */
const maxBodyBytes = 6 * 1024 * 1024
const maxDepth = 64
const methods = ['POST', 'OPTIONS']

/**
 * Serves many targets as one MCP server at /mcp, in every revision, as AgentCore Gateway does.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-using-mcp.html
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { definition, targets, inbound = noInbound } = options
  const versions = definition.protocolConfiguration?.mcp.supportedVersions ?? Object.keys(revisions)
  const served = new Methods({ ...options, versions })
  const streams = definition.protocolConfiguration?.mcp.streamingConfiguration?.enableResponseStreaming === true
  let draining = false

  const answer = async (request: Request, context: RequestContext): Promise<Response> => {
    if (request.method === 'OPTIONS') return preflight(request, methods)
    const admitted = await inbound.admit(request, context)
    if (admitted instanceof Response) return admitted
    const known = { ...context, principal: admitted }
    if (request.method === 'GET' && options.changes && listens(request)) return streamOf(options.changes, request)
    if (request.method !== 'POST')
      return errorResponse(405, codes.server, 'Method not allowed', {
        allow: (options.changes ? ['GET', ...methods] : methods).join(', '),
      })
    if (!/^application\/json *(;|$)/i.test(request.headers.get('content-type') ?? ''))
      return errorResponse(415, codes.server, 'Content-Type must be application/json')
    try {
      const body = await readJson(request)
      const messages = readMessages(body, request.headers, versions)
      const [first] = messages
      if (
        first?.method === 'subscriptions/listen' &&
        first.era === 'modern' &&
        first.id !== undefined &&
        options.changes
      )
        return options.changes.listen({ id: first.id, params: first.params }, served.changing, request.signal)
      const response =
        streams && wantsStream(request, messages)
          ? streamedWithNote((onProgress) => served.answer(messages[0]!, { request, context: known, onProgress }))
          : await whole(messages, Array.isArray(body), (message) => served.answer(message, { request, context: known }))
      return admitted === anonymous ? response : noted(response, admitted.id)
    } catch (error) {
      if (error instanceof Refusal) return refused(error)
      throw error
    }
  }

  return {
    targets,
    fetch: async (request, context) => {
      const path = pathOf(request)
      if (path === '/healthz') return draining ? new Response('draining', { status: 503 }) : new Response('ok')
      if (!isHostAllowed(request.headers.get('host'), options.allowedHosts ?? 'loopback'))
        return errorResponse(403, codes.server, 'This Host is not served here')
      if (!isOriginAllowed(request.headers.get('origin'), options.allowedOrigins ?? 'loopback'))
        return errorResponse(403, codes.server, 'This Origin is not allowed')
      if (inbound.metadata && metadataPaths.has(path) && (request.method === 'GET' || request.method === 'HEAD'))
        return inbound
          .metadata()
          .catch(() =>
            errorResponse(503, codes.server, 'The issuer of tokens cannot be reached', { 'retry-after': '5' }),
          )
      if (path !== '/mcp') return elsewhere()
      if (draining) return errorResponse(503, codes.server, 'The gateway is stopping', { 'retry-after': '1' })
      const response = await answer(request, context)
      const origin = originHeaders(request)
      for (const name of Object.keys(origin)) response.headers.set(name, origin[name]!)
      return response
    },
    drain: () => {
      draining = true
      options.changes?.end()
    },
    close: async () => {
      draining = true
      await Promise.all(targets.map((target) => target.close()))
    },
  }
}

/** A client of a revision with `initialize` that waits for what the server says of itself. */
function listens({ headers }: Request): boolean {
  const revision = headers.get('mcp-protocol-version')
  const era = revision === null ? 'legacy' : revisions[revision as keyof typeof revisions]?.era
  return era === 'legacy' && (headers.get('accept') ?? '').includes('text/event-stream')
}

function streamOf(changes: Changes, request: Request): Response {
  try {
    return changes.stream(request.signal)
  } catch (error) {
    if (error instanceof Refusal) return refused(error)
    throw error
  }
}

const metadataPaths = new Set(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])

/** As the service answers on a gateway that speaks MCP only. */
function elsewhere(): Response {
  const body = { success: false, error: 'Http operation is not supported for gateway protocol type MCP' }
  return new Response(JSON.stringify(body), { status: 404, headers: { 'content-type': 'application/json' } })
}

function pathOf(request: Request): string {
  const { target } = request as unknown as Partial<LightRequest>
  return target === undefined ? new URL(request.url).pathname : target.split('?', 1)[0]!
}

async function readJson(request: Request): Promise<unknown> {
  const light = request as unknown as Partial<LightRequest>
  const bytes = light.bytes ?? new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength > maxBodyBytes) throw new Refusal(413, codes.server, 'The request body is too large')
  if (isDeeperThan(bytes, maxDepth))
    throw new Refusal(400, codes.invalidRequest, `The JSON nests deeper than ${maxDepth} levels`)
  if (light.parsed) return light.parsed.value
  try {
    return JSON.parse(decodeUtf8(bytes)) as unknown
  } catch {
    throw new Refusal(400, codes.parseError, 'Parse error: the body is not JSON')
  }
}

async function whole(
  messages: readonly Message[],
  batch: boolean,
  answer: (message: Message) => Promise<Outcome | undefined>,
): Promise<Response> {
  if (messages.length === 1 && !batch) {
    const outcome = await answer(messages[0]!)
    return outcome ? withNote(json(outcome.status, outcome.body, outcome.headers), [outcome]) : accepted()
  }
  const outcomes = (await Promise.all(messages.map(answer))).filter((each) => each !== undefined)
  if (outcomes.length === 0) return accepted()
  return withNote(json(200, `[${outcomes.map(({ body }) => body).join(',')}]`), outcomes)
}

function accepted(): Response {
  return new Response('', { status: 202, headers: {} })
}

function json(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

function refused({ status, code, message, data, id }: Refusal): Response {
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  return json(status, JSON.stringify({ jsonrpc: '2.0', id, error }))
}

/** Of several answers a refusal is told, if there is one. */
function withNote(response: Response, outcomes: readonly Outcome[]): Response {
  const note = outcomes.find(({ note: each }) => each?.code)?.note ?? outcomes.find((each) => each.note)?.note
  return note ? annotate(response, note) : response
}

function noted(response: Response, principal: string): Response {
  return annotate(response, Object.assign(noteOf(response), { principal }))
}

/** What is noted of an answer that streams is known when it ends: whoever observes it to its end sees it. */
function streamedWithNote(answer: Parameters<typeof streamed>[0]): Response {
  const note: Note = {}
  const response = streamed(async (onProgress) => {
    const outcome = await answer(onProgress)
    Object.assign(note, outcome?.note)
    return outcome
  })
  return annotate(response, note)
}
