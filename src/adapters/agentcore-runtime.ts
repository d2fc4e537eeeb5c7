import { timingSafeEqual } from 'node:crypto'
import { runtimeHeaders } from '../aws/agentcore-runtime.ts'
import { anonymous, type FetchHandler, type Principal } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'

/** Whether this process is a session of AgentCore Runtime: `deploy` and the local stack both say so. */
export function isAgentcoreRuntime(env: NodeJS.ProcessEnv): boolean {
  return env.FAIRLEAD_PLATFORM === 'agentcore-runtime'
}

/**
 * Puts an endpoint on AgentCore Runtime: answers `/ping`, takes the platform's request id, and says who calls. The session
 * ids that the platform adds are let through, as it asks: a server that keeps nothing has no use for them.
 * Leaves authentication to the platform, which lets nobody in without it. Where FAIRLEAD_SESSION_TOKEN is set, as the local
 * stack does, only who shows it as the workload access token is answered: on one machine others could reach the port.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html
 */
export function onAgentcoreRuntime(handler: FetchHandler, env: NodeJS.ProcessEnv, now = Date.now): FetchHandler {
  const since = Math.floor(now() / 1000)
  const token = env.FAIRLEAD_SESSION_TOKEN
  return async (request, context) => {
    const { target } = request as unknown as LightRequest
    if (request.method === 'GET' && target.split('?', 1)[0] === '/ping')
      return Response.json({ status: 'Healthy', time_of_last_update: since })
    if (token !== undefined && !isSame(request.headers.get(runtimeHeaders.identity), token))
      return Response.json({ message: 'Only the platform may call a session' }, { status: 403 })
    const requestId = request.headers.get(runtimeHeaders.request) ?? context.requestId
    return handler(request, { requestId, principal: callerOf(request) })
  }
}

function isSame(given: string | null, wanted: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Who calls, from the bearer token, where the configuration lets `Authorization` through. The platform has verified it: only
 * a runtime with a JWT authorizer can let that header through. Behind IAM the platform does not tell who calls.
 */
function callerOf(request: Request): Principal {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\./i.exec(request.headers.get('authorization') ?? '') ?? []
  if (payload === undefined) return anonymous
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    const { sub, client_id: clientId, scope } = claims
    if (typeof sub !== 'string') return anonymous
    return {
      kind: sub === clientId ? 'client' : 'user',
      id: sub,
      ...(typeof clientId === 'string' ? { clientId } : {}),
      scopes: typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : [],
    }
  } catch {
    return anonymous
  }
}

/**
 * The workload access token that AgentCore Identity exchanges for credentials of other services, from the context that the
 * SDK gives to a tool; undefined where the platform gives none.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/get-workload-access-token.html
 */
export function workloadAccessTokenOf(context: {
  http?: { req?: { headers: { get(name: string): string | null } } | undefined } | undefined
}): string | undefined {
  const headers = context.http?.req?.headers
  return headers?.get(runtimeHeaders.identity) ?? headers?.get(runtimeHeaders.legacyIdentity) ?? undefined
}
