import {
  classifyInboundRequest,
  createMcpHandler,
  isJsonContentType,
  PROTOCOL_VERSION_META_KEY,
  type AuthInfo,
  type McpHttpHandler,
} from '@modelcontextprotocol/server'
import type { FetchHandler, RequestContext } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import { withCacheHints } from './cache-hints.ts'
import { withChangeNotifications } from './change-notifications.ts'
import { originHeaders, preflight } from './cors.ts'
import { codes, decodeUtf8, errorResponse, isDeeperThan } from './json-rpc.ts'
import { lean } from './lean-server.ts'
import { serveLegacy } from './legacy.ts'
import { registerToolsLightly } from './light-tools.ts'
import { isHostAllowed, isOriginAllowed, type Allowed } from './origin.ts'
import { createEventBus } from './peers/event-bus.ts'
import { peerPath, type Peers } from './peers/peers.ts'
import { newest, revisions } from './revisions.ts'
import { Sessions, type SessionOptions } from './sessions/sessions.ts'
import type { ServerSource } from './source.ts'
import type { Tasks } from './tasks/tasks.ts'
import { guardTools, type ToolGuardOptions } from './tool-guard.ts'

export type { LogEntry } from './tool-guard.ts'

export interface EndpointOptions extends ToolGuardOptions {
  /** `/mcp` by default. */
  path?: string
  /** Answered without authentication; `/healthz` by default. */
  healthPath?: string
  /** `loopback` by default. */
  allowedHosts?: Allowed
  /** `loopback` by default. */
  allowedOrigins?: Allowed
  /** 4 MiB by default. */
  maxBodyBytes?: number
  /** How deep JSON may nest; 64 by default. */
  maxDepth?: number
  /** Keeps a server per `Mcp-Session-Id` for the revisions with `initialize`; they are stateless by default. */
  sessions?: SessionOptions
  /** The other tasks of the deployment: they share sessions, and what `subscriptions/listen` tells. Its caller closes it. */
  peers?: Peers
  /** Offers the tools that are marked as tasks: `createTasks({ table })` of mcp/tasks/tasks.ts. */
  tasks?: Tasks
}

export interface McpEndpoint {
  fetch: FetchHandler
  /** Refuses what is new with 503, ends the streams that wait for news, and lets what is in flight finish. */
  drain(): void
  close(): Promise<void>
}

const statelessMethods = ['POST', 'OPTIONS']
const sessionMethods = ['GET', 'POST', 'DELETE', 'OPTIONS']

/**
 * Serves MCP at one path, for every revision: 2026-07-28 through the SDK's handler, the older ones through a leg of our own.
 * A server is made afresh for each request, so that nothing of one client reaches another.
 * Checks Host, Origin, size, depth and JSON before the protocol is reached. Authentication is the caller's: the principal
 * comes in the context and goes to tools as `ctx.http.authInfo`.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function createMcpEndpoint(source: ServerSource, options: EndpointOptions = {}): McpEndpoint {
  const { path = '/mcp', healthPath = '/healthz', peers } = options
  const methods = methodsOf(options)
  const serve: Leg =
    source.kind === 'factory'
      ? serveFactory(source, options)
      : { handle: passOn(source.fetch, options), drain: () => {}, close: async () => {} }
  let draining = false
  return {
    fetch: async (request, context) => {
      const pathname = pathOf(request)
      if (pathname === healthPath) return draining ? new Response('draining', { status: 503 }) : new Response('ok')
      if (pathname !== path) {
        if (pathname === peerPath && peers) return peers.fetch(request)
        return errorResponse(404, codes.server, `Not found. The MCP endpoint is ${path}`)
      }
      const refused = refuse(request, draining, options)
      if (refused) return refused
      if (request.method === 'OPTIONS') return preflight(request, methods)
      return withHeaders(await serve.handle(request, context), originHeaders(request))
    },
    drain: () => {
      draining = true
      serve.drain()
    },
    close: async () => {
      draining = true
      await serve.close()
      await source.close?.()
    },
  }
}

/** A LightRequest has its target at hand; a whole URL need not be parsed for a path. */
function pathOf(request: Request): string {
  const { target } = request as unknown as Partial<LightRequest>
  return target === undefined ? new URL(request.url).pathname : target.split('?', 1)[0]!
}

function refuse(request: Request, draining: boolean, options: EndpointOptions): Response | undefined {
  if (!isHostAllowed(request.headers.get('host'), options.allowedHosts ?? 'loopback'))
    return errorResponse(403, codes.server, 'This Host is not served here')
  if (!isOriginAllowed(request.headers.get('origin'), options.allowedOrigins ?? 'loopback'))
    return errorResponse(403, codes.server, 'This Origin is not allowed')
  // What a session's client still owes to a call in flight is let in: the session refuses the rest itself.
  const owed = options.sessions && request.headers.has('mcp-session-id')
  return draining && !owed ? stopping() : undefined
}

function stopping(): Response {
  return errorResponse(503, codes.server, 'The server is stopping', { 'retry-after': '1' })
}

function methodsOf(options: EndpointOptions): readonly string[] {
  return options.sessions ? sessionMethods : statelessMethods
}

interface Leg {
  handle: FetchHandler
  drain(): void
  close(): Promise<void>
}

function serveFactory(source: ServerSource & { kind: 'factory' }, options: EndpointOptions): Leg {
  registerToolsLightly()
  const guarded = guardTools(lean(withCacheHints(source.factory)), options)
  const noticed = withChangeNotifications(guarded, () => modern.notify)
  const factory = options.tasks?.wrap(noticed, options) ?? noticed
  const bus = createEventBus(options.peers)
  const modern: McpHttpHandler = createMcpHandler(factory, { legacy: 'reject', bus })
  // Subscriptions have a handler of their own: closing it answers them, and leaves other requests alone.
  const listening = createMcpHandler(factory, { legacy: 'reject', bus })
  const sessions = options.sessions && new Sessions(factory, options.sessions, options.peers)
  const inFlight = new Set<Promise<unknown>>()
  let draining = false
  const handle = async (request: Request, context: RequestContext, forwarded = false): Promise<Response> => {
    if (request.method !== 'POST') {
      if (sessions && (request.method === 'GET' || request.method === 'DELETE') && !namesModern(request))
        return sessions.handle({ request, body: undefined, context, forwarded, ...authInfoOf(context) })
      return errorResponse(405, codes.server, 'Method not allowed', { allow: methodsOf(options).join(', ') })
    }
    if (!isJsonContentType(request.headers.get('content-type')))
      return errorResponse(415, codes.server, 'Content-Type must be application/json')
    const read = await readJson(request, options)
    if (read instanceof Response) return read
    const auth = authInfoOf(context)
    if (isLegacy(read.body, request)) {
      if (sessions) return sessions.handle({ request, body: read.body, context, forwarded, ...auth })
      return serveLegacy(factory, { request, body: read.body, ...auth })
    }
    if (draining) return stopping()
    const refused = options.tasks?.refusal(read.body)
    if (refused) return refused
    if (isListen(read.body)) return listening.fetch(request, { parsedBody: read.body, ...auth })
    return modern.fetch(request, { parsedBody: read.body, ...auth })
  }
  const follow = async (answered: Promise<Response>) => {
    inFlight.add(answered)
    return answered.finally(() => inFlight.delete(answered))
  }
  if (sessions) options.peers?.on({ call: async (request, context) => follow(handle(request, context, true)) })
  return {
    handle: async (request, context) => follow(handle(request, context)),
    drain: () => {
      draining = true
      void listening.close()
      void sessions?.drain()
      options.tasks?.drain()
    },
    close: async () => {
      await sessions?.close()
      await listening.close()
      await Promise.allSettled(inFlight)
      await options.tasks?.close()
      await modern.close()
    },
  }
}

/** A request that says it is of the newest revision is; of others the SDK knows what they are. Its handler asks the same again. */
function isLegacy(body: unknown, request: Request): boolean {
  const { params } = (body ?? {}) as { params?: { _meta?: Record<string, unknown> } | null }
  if (params?._meta?.[PROTOCOL_VERSION_META_KEY] === newest.modern) return false
  return classifyInboundRequest({ httpMethod: 'POST', body, ...namedRevision(request) }).kind === 'legacy'
}

function isListen(body: unknown): boolean {
  return (body as { method?: unknown } | null)?.method === 'subscriptions/listen'
}

/** Modern requests are all POST. */
function namesModern(request: Request): boolean {
  const revision = request.headers.get('mcp-protocol-version')
  return revision !== null && revision in revisions && revisions[revision as keyof typeof revisions].era === 'modern'
}

function namedRevision(request: Request): {
  protocolVersionHeader?: string
  mcpMethodHeader?: string
  mcpNameHeader?: string
} {
  const [version, method, name] = ['mcp-protocol-version', 'mcp-method', 'mcp-name'].map((each) =>
    request.headers.get(each),
  )
  return {
    ...(version ? { protocolVersionHeader: version } : {}),
    ...(method ? { mcpMethodHeader: method } : {}),
    ...(name ? { mcpNameHeader: name } : {}),
  }
}

/** For a server that speaks HTTP itself: the same limits in front, then on to it. */
function passOn(fetch: FetchHandler, options: EndpointOptions): FetchHandler {
  return async (request, context) => {
    if (request.method === 'POST') {
      const read = await readJson(request, options)
      if (read instanceof Response) return read
    }
    return fetch(request, context)
  }
}

async function readJson(request: Request, options: EndpointOptions): Promise<{ body: unknown } | Response> {
  const { bytes: read } = request as unknown as Partial<LightRequest>
  // `Request` has a method of the name `bytes`.
  const bytes = read instanceof Uint8Array ? read : new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength > (options.maxBodyBytes ?? 4 * 1024 * 1024))
    return errorResponse(413, codes.server, 'The request body is too large')
  const maxDepth = options.maxDepth ?? 64
  if (isDeeperThan(bytes, maxDepth))
    return errorResponse(400, codes.invalidRequest, `The JSON nests deeper than ${maxDepth} levels`)
  const { parsed } = request as unknown as Partial<LightRequest>
  if (parsed) return { body: parsed.value }
  try {
    return { body: JSON.parse(decodeUtf8(bytes)) as unknown }
  } catch {
    return errorResponse(400, codes.parseError, 'Parse error: the body is not JSON')
  }
}

/** Tells tools who called. The token itself is never passed on. */
function authInfoOf({ principal }: RequestContext): { authInfo?: AuthInfo } {
  if (principal.kind === 'anonymous') return {}
  return {
    authInfo: {
      token: '',
      clientId: principal.clientId ?? principal.id,
      scopes: [...(principal.scopes ?? [])],
      extra: { principal },
    },
  }
}

function withHeaders(response: Response, headers: Record<string, string>): Response {
  const names = Object.keys(headers)
  if (names.length === 0) return response
  for (const name of names) response.headers.set(name, headers[name]!)
  return response
}
