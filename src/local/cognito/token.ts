import { createHash, randomBytes } from 'node:crypto'
import { formOf, json, type Parameters } from './answers.ts'
import { clientAccessToken, idToken, userAccessToken } from './claims.ts'
import { authenticateClient } from './client-authentication.ts'
import { isAllowedUri } from './callback-url.ts'
import { sameSecret } from './same-secret.ts'
import type { Grant, Pool, PoolClient } from './pool.ts'

const cors = { 'access-control-allow-origin': '*' }
const refuse = (error: string) => json(400, { error }, cors)

/**
 * Answers POST /oauth2/token. Errors are `{"error": …}` with 400, as Cognito words them.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 */
export async function token(pool: Pool, request: Request): Promise<Response> {
  if (request.method === 'OPTIONS')
    return new Response(null, {
      status: 204,
      headers: {
        ...cors,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization, content-type',
      },
    })
  if (request.method !== 'POST') return json(405, { error: 'invalid_request' }, { ...cors, allow: 'POST' })
  const form = await formOf(request)
  if (!form || form.repeated.length > 0) return refuse('invalid_request')
  const grantType = form.get('grant_type')
  if (grantType === undefined) return refuse('invalid_request')
  const client = authenticateClient(pool, request, form)
  if (!client) return refuse('invalid_client')
  if (grantType === 'authorization_code') return redeemCode(pool, client, form)
  if (grantType === 'refresh_token') return refresh(pool, client, form)
  if (grantType === 'client_credentials') return clientCredentials(pool, client, form)
  return refuse('unsupported_grant_type')
}

async function redeemCode(pool: Pool, client: PoolClient, form: Parameters): Promise<Response> {
  if (!client.flows.includes('code')) return refuse('unauthorized_client')
  const presented = form.get('code')
  const redirectUri = form.get('redirect_uri')
  if (presented === undefined || redirectUri === undefined) return refuse('invalid_request')
  const code = pool.codes.get(presented)
  // Another client's attempt does not burn the code, else anyone who saw it could keep its owner out.
  if (!code || code.clientId !== client.clientId) return refuse('invalid_grant')
  pool.codes.delete(presented)
  if (code.redirectUri !== redirectUri) return refuse('invalid_grant')
  if (!verifierFits(form.get('code_verifier'), code.codeChallenge)) return refuse('invalid_grant')
  if (pool.switches.resourceMustExist && code.resource !== undefined && !pool.resourceServers.has(code.resource))
    return refuse('invalid_grant')
  return tokens(pool, client, code, newRefreshToken(pool, client, code))
}

function verifierFits(verifier: string | undefined, challenge: string | undefined): boolean {
  if (challenge === undefined) return verifier === undefined
  if (verifier === undefined || !/^[\w.~-]{43,128}$/.test(verifier)) return false
  return sameSecret(createHash('sha256').update(verifier).digest('base64url'), challenge)
}

/** Refreshes. The refresh token stays, unless the client rotates: then the old one goes on for the grace time only. */
async function refresh(pool: Pool, client: PoolClient, form: Parameters): Promise<Response> {
  const presented = form.get('refresh_token')
  if (presented === undefined) return refuse('invalid_request')
  const kept = pool.refreshTokens.get(presented)
  if (!kept || kept.clientId !== client.clientId) return refuse('invalid_grant')
  if (pool.revoked.get(kept.originJti) || (kept.usableUntil ?? Infinity) <= pool.now()) return refuse('invalid_grant')
  if (client.rotationGraceS === undefined) return tokens(pool, client, kept)
  kept.usableUntil ??= pool.now() + client.rotationGraceS * 1000
  return tokens(pool, client, kept, newRefreshToken(pool, client, kept, kept.expiresAt))
}

/** A rotated refresh token ends when the first one would have ended. */
function newRefreshToken(pool: Pool, client: PoolClient, grant: Grant, until?: number): string {
  const made = randomBytes(48).toString('base64url')
  const expiresAt = until ?? pool.now() + client.refreshTokenS * 1000
  const { clientId, username, scopes, authTime, originJti, eventId, resource } = grant
  pool.refreshTokens.set(
    made,
    {
      clientId,
      username,
      scopes,
      authTime,
      originJti,
      eventId,
      expiresAt,
      ...(resource === undefined ? {} : { resource }),
    },
    (expiresAt - pool.now()) / 1000,
  )
  return made
}

/** An ID token comes only with the scope openid. */
async function tokens(pool: Pool, client: PoolClient, grant: Grant, refreshToken?: string): Promise<Response> {
  const user = pool.users.get(grant.username)
  if (!user || user.enabled === false) return refuse('invalid_grant')
  const access = await userAccessToken(pool, client, user, grant)
  const id = grant.scopes.includes('openid') ? await idToken(pool, client, user, grant, access) : undefined
  return json(
    200,
    {
      ...(id === undefined ? {} : { id_token: id }),
      access_token: access,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      expires_in: client.accessTokenS,
      token_type: 'Bearer',
    },
    cors,
  )
}

/** A machine's token: custom scopes only, all of the client's when it names none. There is no `aud`. */
async function clientCredentials(pool: Pool, client: PoolClient, form: Parameters): Promise<Response> {
  if (client.clientSecret === undefined || !client.flows.includes('client_credentials'))
    return refuse('unauthorized_client')
  const custom = client.scopes.filter((scope) => scope.includes('/'))
  const asked = form.words('scope')
  if (custom.length === 0 || asked.some((scope) => !custom.includes(scope))) return refuse('invalid_scope')
  const resource = pool.switches.bindClientCredentials ? form.get('resource') : undefined
  if (resource !== undefined && !isAllowedUri(resource, pool.switches)) return refuse('invalid_request')
  const access = await clientAccessToken(pool, client, asked.length > 0 ? [...new Set(asked)] : custom, resource)
  return json(200, { access_token: access, expires_in: client.accessTokenS, token_type: 'Bearer' }, cors)
}
