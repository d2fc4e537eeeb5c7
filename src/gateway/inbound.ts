import type { CustomJwtAuthorizer } from '../auth/bearer/custom-jwt.ts'
import { TokenCache, tokenKey } from '../auth/bearer/token-cache.ts'
import { anonymous, type Principal, type RequestContext } from '../http/fetch-handler.ts'
import { annotate } from '../http/note.ts'
import { rememberClaims } from './policies/caller.ts'

/** Decides who calls: a principal, or the answer that refuses. */
export interface Inbound {
  admit(request: Request, context: RequestContext): Promise<Principal | Response> | Principal | Response
  /** Answers a request for protected resource metadata. */
  metadata?(): Promise<Response>
}

/** `authorizerType: NONE`. */
export const noInbound: Inbound = { admit: () => anonymous }

/** `authorizerType: AWS_IAM` where the platform has verified the signature: a function URL, or whoever stands in front. */
export const platformIam: Inbound = {
  admit: (_request, { principal }) =>
    principal.kind === 'iam' ? principal : refusal(403, 'AccessDeniedException', 'No IAM identity called'),
}

/** The authorizer as it is defined, but that the audience which is this gateway has the URL that the gateway has. */
export function withOwnAudience(
  given: Record<string, unknown>,
  audience: string | undefined,
  resource: string,
): Record<string, unknown> {
  const allowed = given.allowedAudience as string[] | undefined
  if (!allowed || audience === undefined) return given
  return { ...given, allowedAudience: allowed.map((each) => (each === audience ? resource : each)) }
}

export interface JwtInboundOptions {
  authorizer: CustomJwtAuthorizer
  /** The URL of the gateway, as clients have it; asked late, since a port may be known late. */
  resource: () => string
  now?: () => number
}

/**
 * `authorizerType: CUSTOM_JWT`, with the service's own challenges: 401 names the metadata and the scopes, 403 says that a
 * scope is missing. Good tokens are remembered for a minute at most; refusals are not.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-inbound-auth.html (read 2026-11-22)
 */
export function jwtInbound({ authorizer, resource, now = Date.now }: JwtInboundOptions): Inbound {
  const cache = new TokenCache()
  const scope = authorizer.advertisedScopes.join(' ')
  const metadata = () => new URL('/.well-known/oauth-protected-resource', resource()).href
  const challenge = (error?: string) => {
    const parts = [
      ...(error ? [`error="${error}"`] : []),
      `resource_metadata="${metadata()}"`,
      ...(scope === '' ? [] : [`scope="${scope}"`]),
    ]
    return { 'www-authenticate': `Bearer ${parts.join(', ')}` }
  }
  return {
    admit: (request) => {
      const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(request.headers.get('authorization') ?? '') ?? []
      if (token === undefined) {
        const response = refusal(401, 'AuthenticationError', 'Missing Bearer token', challenge())
        return annotate(response, {
          code: 'TOKEN_MISSING',
          why: 'There is no bearer token in the Authorization header.',
        })
      }
      const key = tokenKey(token)
      const known = cache.get(key, now())
      return known ? known.principal : decide(token, key)
    },
    metadata: async () => {
      const body = {
        resource: resource(),
        authorization_servers: [await authorizer.issuer()],
        ...(scope === '' ? {} : { scopes_supported: scope.split(' ') }),
        bearer_methods_supported: ['header'],
      }
      return new Response(JSON.stringify(body), {
        status: 200,
        headers: {
          'content-type': 'application/json',
          'access-control-allow-origin': '*',
          'cache-control': 'public, max-age=300',
        },
      })
    },
  }

  async function decide(token: string, key: string): Promise<Principal | Response> {
    const found = await authorizer.authorize(token)
    if (!found.ok) {
      const { status, code, why } = found
      const headers =
        status === 503 ? { 'retry-after': '5' } : challenge(status === 403 ? 'insufficient_scope' : undefined)
      const name = status === 401 ? 'AuthenticationError' : status === 403 ? 'AuthorizationError' : 'InternalError'
      const words =
        status === 401
          ? 'Invalid Bearer token'
          : status === 403
            ? 'The token lacks a scope'
            : 'The token cannot be verified now'
      return annotate(refusal(status, name, words, headers), { code, why })
    }
    const { subject, clientId, issuer, scopes, claims } = found
    const principal = {
      kind: subject === undefined || subject === clientId ? ('client' as const) : ('user' as const),
      id: subject ?? clientId ?? issuer,
      ...(clientId === undefined ? {} : { clientId }),
      scopes,
    }
    rememberClaims(principal, claims)
    cache.set(key, { principal, expiresAt: claims.exp as number, claims }, now())
    return principal
  }
}

/** AWS does not document the body; a JSON-RPC error is what an MCP client can read. */
export function refusal(
  status: number,
  error: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_001, message: `${error}: ${message}` } })
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  })
}
