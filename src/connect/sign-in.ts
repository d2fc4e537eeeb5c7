import { randomBytes, timingSafeEqual } from 'node:crypto'
import {
  exchangeAuthorization,
  refreshAuthorization,
  startAuthorization,
  validateAuthorizationResponseIssuer,
  type OAuthClientInformationMixed,
  type OAuthTokens,
} from '../auth/oauth-client/sdk.ts'
import { authorizeByScript, type Person } from '../auth/oauth-client/authorize.ts'
import { clientCredentials, defaultLifeS } from '../auth/oauth-client/client-credentials.ts'
import { demandPkce, discover, type Discovered } from '../auth/oauth-client/discover.ts'
import { signInFailed } from '../auth/oauth-client/failed.ts'
import { register } from '../auth/oauth-client/register.ts'
import type { KeptToken } from '../auth/oauth-client/token-store.ts'

/** A client that the authorization server knows beforehand. */
export interface KnownClient {
  clientId: string
  clientSecret?: string
  redirectUri?: string
}

/** Leads a person from the authorization endpoint to the redirect URI, and gives back the parameters there. */
export type Authorize = (authorizationUrl: URL, redirectUri: string) => Promise<URLSearchParams>

export interface SignInOptions extends Person {
  /** The MCP endpoint. */
  url: string
  /** By a script that knows user name and password, when absent. */
  authorize?: Authorize
  /** Asked for instead of what the challenge names. */
  scopes?: readonly string[]
  /** Absent: this client registers itself. */
  client?: KnownClient
  fetch?: typeof fetch
  /** Milliseconds; `Date.now` by default. */
  now?: () => number
}

export interface SignedIn {
  accessToken: string
  refreshToken?: string
  /** Milliseconds since 1970. */
  expiresAt: number
  scope: string
  clientId: string
  issuer: string
  resource: string
}

/** Never called: the script stops where it is sent there. */
const callback = 'http://127.0.0.1:8976/callback'

/**
 * Signs a person in to an MCP endpoint as any MCP client does, but without a browser: 401, protected-resource
 * metadata, authorization-server metadata, registration, the pages, the code, the token.
 * It gives the password to loopback addresses only. Throws SIGN_IN_FAILED, UNREACHABLE.
 *
 *     const { accessToken } = await signIn({ url: 'http://127.0.0.1:4102/mcp', username: 'ada', password })
 */
export async function signIn(options: SignInOptions): Promise<SignedIn> {
  const found = await discover(options.url, options.fetch)
  demandPkce(found)
  const { clientId } = options.client ?? (await registered(found, options.fetch))
  return signInAt(found, { ...options, client: { ...options.client, clientId } })
}

/** Registers, and gives back what was given: a client id, and a secret where the server insists on one. */
export async function registered(
  found: Discovered,
  fetchFn?: typeof fetch,
  redirectUri: string = callback,
): Promise<KnownClient> {
  const { client_id: clientId, client_secret: clientSecret } = await register(found, redirectUri, fetchFn)
  return { clientId, ...(clientSecret ? { clientSecret } : {}) }
}

/** Signs in where the way is known already: from the authorization endpoint to the token. */
export async function signInAt(
  found: Discovered,
  options: Omit<SignInOptions, 'url'> & { client: KnownClient },
): Promise<SignedIn> {
  const { issuer, metadata, resource } = found
  const { client, username, password } = options
  const redirectUrl = client.redirectUri ?? callback
  const state = randomBytes(24).toString('base64url')
  const scope = options.scopes ? options.scopes.join(' ') : found.scope
  const clientInformation = informationOf(client)
  const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
    metadata,
    clientInformation,
    redirectUrl,
    state,
    resource,
    ...(scope ? { scope } : {}),
  })
  const byScript: Authorize = (url) => authorizeByScript(url, redirectUrl, { username, password }, options.fetch)
  const answer = await (options.authorize ?? byScript)(authorizationUrl, redirectUrl)
  const authorizationCode = codeIn(answer, state, found)
  const iss = answer.get('iss')
  const tokens = await exchangeAuthorization(issuer, {
    metadata,
    clientInformation,
    authorizationCode,
    codeVerifier,
    redirectUri: redirectUrl,
    resource,
    ...(iss === null ? {} : { iss }),
    ...(options.fetch ? { fetchFn: options.fetch } : {}),
  }).catch((error: unknown) => {
    throw signInFailed(`The authorization server ${issuer} gave no token for the code`, error)
  })
  return signedIn(tokens, found, client.clientId, scope, options.now)
}

/** Exchanges a refresh token. Throws SIGN_IN_FAILED; its cause says why. */
export async function refreshAt(
  found: Discovered,
  client: KnownClient,
  kept: Pick<KeptToken, 'refreshToken' | 'scope'>,
  options: { fetch?: typeof fetch; now?: () => number } = {},
): Promise<SignedIn> {
  const { issuer, metadata, resource } = found
  const tokens = await refreshAuthorization(issuer, {
    metadata,
    clientInformation: informationOf(client),
    refreshToken: kept.refreshToken!,
    resource,
    ...(options.fetch ? { fetchFn: options.fetch } : {}),
  }).catch((error: unknown) => {
    throw signInFailed(`The authorization server ${issuer} gave no token for the refresh token`, error)
  })
  return signedIn(tokens, found, client.clientId, kept.scope, options.now)
}

/** Gets a token for a client itself, with its secret. Throws SIGN_IN_FAILED, UNREACHABLE. */
export async function signInMachine(options: {
  url: string
  clientId: string
  clientSecret: string
  scopes?: readonly string[]
  fetch?: typeof fetch
  now?: () => number
}): Promise<SignedIn> {
  const found = await discover(options.url, options.fetch)
  const { accessToken, expiresIn, scope = '' } = await clientCredentials(found, options, options.fetch)
  const { issuer, resource } = found
  const expiresAt = (options.now ?? Date.now)() + expiresIn * 1000
  return { accessToken, expiresAt, scope, clientId: options.clientId, issuer, resource }
}

function informationOf({ clientId, clientSecret }: KnownClient): OAuthClientInformationMixed {
  return { client_id: clientId, ...(clientSecret ? { client_secret: clientSecret } : {}) }
}

/** Checks the answer at the callback: our state, the issuer's name, and no error. */
function codeIn(answer: URLSearchParams, state: string, { issuer, metadata }: Discovered): string {
  const given = Buffer.from(answer.get('state') ?? '')
  const wanted = Buffer.from(state)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw signInFailed(`The answer of ${issuer} carries another state than was sent`)
  try {
    validateAuthorizationResponseIssuer({
      iss: answer.get('iss') ?? undefined,
      expectedIssuer: issuer,
      issParameterSupported: metadata.authorization_response_iss_parameter_supported === true,
    })
  } catch (error) {
    throw signInFailed(`The answer of ${issuer} names another issuer, or none`, error)
  }
  const error = answer.get('error')
  if (error !== null) {
    const description = answer.get('error_description')
    throw signInFailed(`The authorization server ${issuer} answered ${error}`, undefined, {
      why: description ? `It said: ${description.slice(0, 300)}` : `It gave no more than ${error}.`,
    })
  }
  const code = answer.get('code')
  if (!code) throw signInFailed(`The answer of ${issuer} has no code`)
  return code
}

function signedIn(
  tokens: OAuthTokens,
  { issuer, resource }: Discovered,
  clientId: string,
  asked: string | undefined,
  now: () => number = Date.now,
): SignedIn {
  return {
    accessToken: tokens.access_token,
    ...(tokens.refresh_token ? { refreshToken: tokens.refresh_token } : {}),
    expiresAt: now() + (tokens.expires_in ?? defaultLifeS) * 1000,
    scope: tokens.scope ?? asked ?? '',
    clientId,
    issuer,
    resource,
  }
}
