import { createLocalJWKSet, jwtVerify } from 'jose'
import { json } from './answers.ts'
import type { Pool } from './pool.ts'

/**
 * Answers /oauth2/userInfo for an access token with the scope openid. `email_verified` is a string, as Cognito writes it.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html
 */
export async function userInfo(pool: Pool, request: Request): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'POST')
    return json(405, { error: 'invalid_request' }, { allow: 'GET, POST' })
  const [, presented] = /^bearer ([\w.~+/=-]+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (presented === undefined) return refuse(400, 'invalid_request', 'The request is missing a required parameter')
  const claims = await claimsOf(pool, presented)
  const user = claims && pool.users.get(claims.username)
  if (!claims || !user || user.enabled === false)
    return refuse(
      401,
      'invalid_token',
      'Access token is expired, disabled, or deleted, or the user has globally signed out.',
    )
  if (!claims.scope.split(' ').includes('openid'))
    return refuse(403, 'insufficient_scope', 'The scope openid is needed')
  return json(200, { sub: user.sub, email_verified: 'true', email: user.email, username: user.username })
}

/** The claims of an access token of this pool that lives: signed by the key of access tokens, and not revoked. */
async function claimsOf(pool: Pool, presented: string): Promise<{ username: string; scope: string } | undefined> {
  try {
    const { payload } = await jwtVerify(presented, createLocalJWKSet({ keys: [pool.keys.access.publicJwk] }), {
      issuer: pool.issuer,
      algorithms: ['RS256'],
      currentDate: new Date(pool.now()),
    })
    const { token_use, username, scope, origin_jti } = payload as Record<string, string>
    if (token_use !== 'access' || pool.revoked.get(origin_jti ?? '')) return undefined
    return { username: username ?? '', scope: scope ?? '' }
  } catch {
    return undefined
  }
}

function refuse(status: number, error: string, description: string): Response {
  return json(
    status,
    { error, error_description: description },
    { 'www-authenticate': `error="${error}", error_description="${description}"` },
  )
}
