import { decodeJwt } from 'jose'
import { formOf, json } from './answers.ts'
import { authenticateClient } from './client-authentication.ts'
import type { Pool } from './pool.ts'

/**
 * Answers POST /oauth2/revoke: ends a refresh token and, by its origin_jti, the access tokens that came of it, for
 * Cognito's own APIs. Who verifies signatures alone does not notice.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
 */
export async function revoke(pool: Pool, request: Request): Promise<Response> {
  if (request.method !== 'POST') return json(405, { error: 'invalid_request' }, { allow: 'POST' })
  const form = await formOf(request)
  const presented = form?.get('token')
  if (!form || form.repeated.length > 0 || presented === undefined) return json(400, { error: 'invalid_request' })
  const client = authenticateClient(pool, request, form)
  if (!client) return json(401, { error: 'invalid_client' })
  if (isJwt(presented)) return json(400, { error: 'unsupported_token_type' })
  const kept = pool.refreshTokens.get(presented)
  if (kept && kept.clientId !== client.clientId) return json(400, { error: 'invalid_request' })
  if (kept) {
    pool.revoked.set(kept.originJti, true, (kept.expiresAt - pool.now()) / 1000)
    pool.refreshTokens.delete(presented)
  }
  return new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } })
}

function isJwt(text: string): boolean {
  try {
    return Boolean(decodeJwt(text))
  } catch {
    return false
  }
}
