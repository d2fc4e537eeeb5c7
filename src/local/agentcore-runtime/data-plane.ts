import { randomUUID } from 'node:crypto'
import { runtimeErrors, runtimeHeaders, runtimeLimits } from '../../aws/agentcore-runtime.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { annotate } from '../../http/note.ts'
import { originHeaders, preflight } from '../../mcp/cors.ts'
import { isHostAllowed, isOriginAllowed } from '../../mcp/origin.ts'
import type { Inbound } from './inbound.ts'
import { invoke, type Invoked } from './invoke.ts'
import { challenge, metadata } from './metadata.ts'
import { checkRuntime, checkSessionIds, invalid, readOperation } from './operation.ts'
import { noted, plain, refuse, type Asked, type Refused } from './refusal.ts'
import type { Sessions } from './sessions.ts'

export interface DataPlaneOptions {
  arn: string
  accountId: string
  sessions: Sessions
  inbound: Inbound
  /** Of a JWT authorizer: what its protected resource metadata says. */
  oauth?: { issuer: string; scopes: readonly string[] }
  modernSessions: 'each' | 'pool'
  /** Names of `requestHeaderAllowlist`, in lower case. */
  allowlist: readonly string[]
  rotates: () => boolean
  requestMs?: number
  streamMs?: number
}

/**
 * The data plane of AgentCore Runtime in front of its sessions. What it refuses is an error of MCP inside HTTP 200, mostly.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html
 */
export function dataPlane(options: DataPlaneOptions): FetchHandler {
  const known = { ...options, hasEndpoint: (name: string) => options.sessions.versions.artifactOf(name) !== undefined }
  const handle = async (request: LightRequest, requestId: string): Promise<Response> => {
    const operation = readOperation(request.target)
    if (!operation) return plain(404, 'UnknownOperationException', 'There is no such operation')
    const methods = operation.kind === 'metadata' ? ['GET'] : ['POST']
    if (request.method === 'OPTIONS') return preflight(request as unknown as Request, methods)
    if (!methods.includes(request.method))
      return plain(405, 'MethodNotAllowed', 'Method not allowed', methods.join(', '))
    const wrong = checkRuntime(operation, known)
    if (operation.kind === 'metadata')
      return wrong || !options.oauth
        ? plain(404, 'ResourceNotFoundException', runtimeErrors.ResourceNotFoundException.message)
        : Response.json(metadata(request, operation, options))
    const asked: Asked = { operation, request, requestId }
    const admitted = await options.inbound(request)
    if (!admitted.ok)
      return refuse(asked, { ...admitted, ...(admitted.challenge ? challenge(request, operation, options) : {}) })
    asked.principal = admitted.principal
    if (wrong) return refuse(asked, wrong)
    const ids = sessionIds(request)
    const badId = checkSessionIds(ids.mcp, ids.runtime)
    if (badId) return refuse(asked, badId)
    if (operation.kind === 'stop') return stop(asked, ids.runtime ?? ids.mcp, options.sessions)
    const unfit = checkInvocation(request, options.allowlist)
    if (unfit) return refuse(asked, unfit)
    const outcome = await invoke(
      request,
      { id: ids.mcp ?? ids.runtime, requestId, qualifier: operation.qualifier },
      options,
    )
    return outcome.ok ? answer(asked, outcome, options) : refuse(asked, outcome)
  }
  return async (request, { requestId }) => {
    // On AWS the service is reached by its own name alone. Here that keeps web pages out that had a name rebound to loopback.
    if (
      !isHostAllowed(request.headers.get('host'), 'loopback') ||
      !isOriginAllowed(request.headers.get('origin'), 'loopback')
    )
      return annotate(plain(403, 'AccessDeniedException', 'This Host or Origin is not served here'), {
        code: 'HOST_FOREIGN',
        why: 'The Host or Origin header is not of this machine.',
      })
    const response = await handle(request as unknown as LightRequest, requestId)
    response.headers.set('x-amzn-requestid', requestId)
    for (const [name, value] of Object.entries(originHeaders(request))) response.headers.set(name, value)
    return response
  }
}

function sessionIds(request: LightRequest): { mcp: string | null; runtime: string | null } {
  return { mcp: request.headers.get(runtimeHeaders.mcpSession), runtime: request.headers.get(runtimeHeaders.session) }
}

function checkInvocation(request: LightRequest, allowlist: readonly string[]): Refused | undefined {
  const accept = request.headers.get('accept') ?? ''
  if (!accept.includes('application/json') || !accept.includes('text/event-stream'))
    return {
      error: 'McpRequestUnacceptableException',
      code: 'RUNTIME_ACCEPT',
      why: `Accept is ${accept === '' ? 'not there' : accept.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 100)}.`,
    }
  if (request.bytes.byteLength > runtimeLimits.payloadBytes)
    return invalid(`The payload has ${request.bytes.byteLength} bytes; 100,000,000 are allowed.`)
  const long = allowlist.find((name) => (request.headers.get(name)?.length ?? 0) > runtimeLimits.headerValueBytes)
  return long ? invalid(`The header ${long} has more than 4 KB.`) : undefined
}

async function stop(asked: Asked, id: string | null, sessions: Sessions): Promise<Response> {
  if (id === null) return refuse(asked, invalid('X-Amzn-Bedrock-AgentCore-Runtime-Session-Id is missing.'))
  const stopped = await sessions.stop(id, asked.operation.qualifier)
  if (stopped === 'busy')
    return refuse(asked, {
      error: 'RetryableConflictException',
      code: 'RUNTIME_SESSION_BUSY',
      why: 'The session is being created or torn down.',
    })
  if (!stopped)
    return refuse(asked, {
      error: 'ResourceNotFoundException',
      code: 'RUNTIME_NOT_FOUND',
      why: 'No such session runs.',
    })
  return noted(Response.json({}, { headers: { [runtimeHeaders.session]: id } }), asked)
}

function answer(
  asked: Asked,
  { response, note, id, fresh }: Invoked,
  { rotates, sessions }: DataPlaneOptions,
): Response {
  const shown = rotates() && !fresh ? randomUUID() : id
  if (shown !== id) remember(sessions.rotated, shown)
  response.headers.set(runtimeHeaders.mcpSession, shown)
  response.headers.set(runtimeHeaders.session, shown)
  if (asked.principal) note.principal = asked.principal
  return response
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id)
  if (ids.size > 10_000) ids.delete(ids.values().next().value!)
}
