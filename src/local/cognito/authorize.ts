import { randomUUID } from 'node:crypto'
import { cookieOf, json, queryOf, redirect, withParameters, type Parameters } from './answers.ts'
import { isAllowedUri } from './callback-url.ts'
import type { Pool, PoolClient } from './pool.ts'
import { sessionCookie } from './session.ts'

/** A request to sign in that may go on. */
export interface AuthorizationRequest {
  client: PoolClient
  redirectUri: string
  scopes: string[]
  prompt: string[]
  state?: string
  nonce?: string
  resource?: string
  codeChallenge?: string
}

/**
 * Answers GET /oauth2/authorize: a code for a browser that has a session, else the login page.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
 */
export function authorize(pool: Pool, request: Request): Response {
  if (request.method !== 'GET') return json(405, { error: 'invalid_request' }, { allow: 'GET' })
  const query = queryOf(request)
  const read = readAuthorization(pool, query)
  if (read instanceof Response) return read
  const session = pool.sessions.get(cookieOf(request, sessionCookie(pool)) ?? '')
  const user = session && pool.users.get(session.username)
  if (session && user?.enabled !== false && !read.prompt.includes('login'))
    return grantCode(pool, read, session.username, session.authTime)
  if (read.prompt.includes('none')) return refuse(pool, read.redirectUri, 'login_required', read.state)
  return redirect(`${pool.url}/login?${query.with({})}`)
}

/**
 * Checks an authorization request. A wrong client or callback is told on Cognito's own error page; only after that
 * does an error go to the callback.
 */
export function readAuthorization(pool: Pool, query: Parameters): AuthorizationRequest | Response {
  const clientId = query.get('client_id')
  const client = query.repeated.includes('client_id') ? undefined : pool.clients.get(clientId ?? '')
  if (!client) return redirect(withParameters(`${pool.url}/error`, { error: 'invalid_request', client_id: clientId }))
  const redirectUri = query.repeated.includes('redirect_uri') ? undefined : query.get('redirect_uri')
  if (redirectUri === undefined || !client.callbackUrls.includes(redirectUri))
    return redirect(withParameters(`${pool.url}/error`, { error: 'redirect_mismatch', client_id: clientId }))

  const state = query.get('state')
  const wrong = (error: string, description?: string) => refuse(pool, redirectUri, error, state, description)
  if (query.repeated.length > 0) return wrong('invalid_request', `${query.repeated[0]} is repeated`)
  const type = query.get('response_type')
  if (type !== 'code' && type !== 'token') return wrong('invalid_request')
  if (type === 'token' || !client.flows.includes('code')) return wrong('unauthorized_client')
  const challenge = query.get('code_challenge')
  const method = query.get('code_challenge_method')
  if ((challenge !== undefined || method !== undefined) && !isS256(challenge, method)) return wrong('invalid_request')
  const scopes = query.words('scope')
  if (scopes.some((scope) => !client.scopes.includes(scope))) return wrong('invalid_scope')
  const resource = query.get('resource')
  if (resource !== undefined && !isAllowedUri(resource, pool.switches)) return wrong('invalid_request')
  const prompt = query.words('prompt')
  if (prompt.includes('none') && prompt.length > 1) return wrong('invalid_request')
  const nonce = query.get('nonce')
  return {
    client,
    redirectUri,
    scopes: scopes.length > 0 ? [...new Set(scopes)] : client.scopes,
    prompt,
    ...(state === undefined ? {} : { state }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(resource === undefined ? {} : { resource }),
    ...(challenge === undefined ? {} : { codeChallenge: challenge }),
  }
}

/** SHA-256 in base64url is 43 letters. */
function isS256(challenge: string | undefined, method: string | undefined): boolean {
  return method === 'S256' && /^[\w-]{43}$/.test(challenge ?? '')
}

const codeS = 300

/** Makes a code, good once and for five minutes, and sends the browser back with it. */
export function grantCode(pool: Pool, request: AuthorizationRequest, username: string, authTime: number): Response {
  const code = randomUUID()
  pool.codes.set(
    code,
    {
      clientId: request.client.clientId,
      username,
      scopes: request.scopes,
      authTime,
      originJti: randomUUID(),
      eventId: randomUUID(),
      redirectUri: request.redirectUri,
      ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      ...(request.resource === undefined ? {} : { resource: request.resource }),
      ...(request.codeChallenge === undefined ? {} : { codeChallenge: request.codeChallenge }),
    },
    codeS,
  )
  return redirect(withParameters(request.redirectUri, { code, state: request.state, ...issOf(pool) }))
}

function refuse(
  pool: Pool,
  redirectUri: string,
  error: string,
  state: string | undefined,
  description?: string,
): Response {
  return redirect(withParameters(redirectUri, { error, error_description: description, state, ...issOf(pool) }))
}

function issOf(pool: Pool): { iss?: string } {
  return pool.switches.issParameter ? { iss: pool.issuer } : {}
}
