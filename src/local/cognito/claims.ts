import { createHash, randomUUID } from 'node:crypto'
import { signToken } from './keys.ts'
import type { Grant, Pool, PoolClient, PoolUser } from './pool.ts'

/**
 * Mints a person's access token: `aud` only where the sign-in named a `resource`, `cognito:groups` only where there are any.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 */
export async function userAccessToken(pool: Pool, client: PoolClient, user: PoolUser, grant: Grant): Promise<string> {
  const iat = Math.floor(pool.now() / 1000)
  return signAccess(pool, {
    sub: user.sub,
    ...groupsOf(user),
    iss: pool.issuer,
    version: 2,
    client_id: client.clientId,
    ...(grant.resource === undefined ? {} : { aud: grant.resource }),
    origin_jti: grant.originJti,
    event_id: grant.eventId,
    token_use: 'access',
    scope: grant.scopes.join(' '),
    auth_time: grant.authTime,
    exp: iat + client.accessTokenS,
    iat,
    jti: randomUUID(),
    username: user.username,
  })
}

/**
 * Mints an ID token.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
 */
export async function idToken(
  pool: Pool,
  client: PoolClient,
  user: PoolUser,
  grant: Grant,
  accessToken: string,
): Promise<string> {
  const iat = Math.floor(pool.now() / 1000)
  return signToken(pool.keys.id, {
    at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
    sub: user.sub,
    ...groupsOf(user),
    email_verified: true,
    iss: pool.issuer,
    'cognito:username': user.username,
    ...(grant.nonce === undefined ? {} : { nonce: grant.nonce }),
    origin_jti: grant.originJti,
    aud: client.clientId,
    event_id: grant.eventId,
    token_use: 'id',
    auth_time: grant.authTime,
    exp: iat + client.accessTokenS,
    iat,
    jti: randomUUID(),
    email: user.email,
  })
}

/** Mints a machine's access token: its subject is the client, and it names no user. */
export async function clientAccessToken(
  pool: Pool,
  client: PoolClient,
  scopes: string[],
  resource?: string,
): Promise<string> {
  const iat = Math.floor(pool.now() / 1000)
  return signAccess(pool, {
    sub: client.clientId,
    token_use: 'access',
    scope: scopes.join(' '),
    auth_time: iat,
    iss: pool.issuer,
    ...(resource === undefined ? {} : { aud: resource }),
    exp: iat + client.accessTokenS,
    iat,
    version: 2,
    jti: randomUUID(),
    client_id: client.clientId,
  })
}

async function signAccess(pool: Pool, claims: Record<string, unknown>): Promise<string> {
  return signToken(pool.keys.access, claims, pool.switches.accessTokenTyp ? 'at+jwt' : undefined)
}

function groupsOf(user: PoolUser): { 'cognito:groups'?: string[] } {
  return user.groups.length === 0 ? {} : { 'cognito:groups': user.groups }
}
