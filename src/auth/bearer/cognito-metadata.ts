import { readText } from '../../http/quoted.ts'

/** The well-known path of an authorization server whose issuer is an origin. */
const path = '/.well-known/oauth-authorization-server'
const maxBytes = 64 * 1024
const maxAgeMs = 3_600_000
/** What clients of MCP use of Cognito, by the names that Cognito's own document has. */
const endpoints = ['authorization_endpoint', 'token_endpoint', 'revocation_endpoint', 'jwks_uri'] as const

export interface CognitoMetadataOptions {
  /** Cognito's own issuer: `https://cognito-idp.REGION.amazonaws.com/POOL`. */
  issuer: string
  /** Where clients are told that the authorization server is: the origin of the resource. */
  origin: string
  scopesSupported: readonly string[]
  fetch?: typeof fetch
  now?: () => number
}

/**
 * Makes what answers, at the resource's own origin, for the metadata of an authorization server that is Cognito: its
 * endpoints, and what it does without saying so. Cognito does PKCE with S256 and has clients without a secret; its own
 * document names neither, and MCP clients must refuse a server that does not advertise S256. Tokens keep Cognito's `iss`.
 * Gives undefined for another path.
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/using-pkce-in-authorization-code.html
 */
export function cognitoMetadata(
  options: CognitoMetadataOptions,
): (method: string, pathname: string) => Promise<Response | undefined> {
  const { now = Date.now } = options
  let known: { document: string; readAt: number } | undefined
  let reading: Promise<string> | undefined
  const read = async () => {
    try {
      const document = JSON.stringify(documentOf(await cognitosOwn(options), options))
      known = { document, readAt: now() }
      return document
    } catch (error) {
      // What was good an hour ago is better than nothing.
      if (known) return known.document
      throw error
    } finally {
      reading = undefined
    }
  }
  return async (method, pathname) => {
    if (pathname !== path) return undefined
    const open = { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD, OPTIONS' }
    if (method === 'OPTIONS')
      return new Response(null, { status: 204, headers: { ...open, 'access-control-allow-headers': '*' } })
    if (method !== 'GET' && method !== 'HEAD')
      return new Response(null, { status: 405, headers: { ...open, allow: 'GET, HEAD, OPTIONS' } })
    try {
      const document = known && now() - known.readAt < maxAgeMs ? known.document : await (reading ??= read())
      const headers = { ...open, 'content-type': 'application/json', 'cache-control': 'public, max-age=300' }
      return new Response(method === 'HEAD' ? null : document, { status: 200, headers })
    } catch {
      return new Response(null, { status: 503, headers: { ...open, 'cache-control': 'no-store', 'retry-after': '1' } })
    }
  }
}

async function cognitosOwn({ issuer, fetch: get = fetch }: CognitoMetadataOptions): Promise<Record<string, unknown>> {
  const response = await get(`${issuer}/.well-known/openid-configuration`, { redirect: 'error', signal: AbortSignal.timeout(5000) }) // prettier-ignore
  const text = response.ok ? await readText(response, maxBytes) : undefined
  const document = JSON.parse(text ?? 'null') as Record<string, unknown> | null
  if (document?.issuer !== issuer) throw new Error(`${issuer} gives no metadata of its own`)
  return document
}

function documentOf(
  own: Record<string, unknown>,
  { origin, scopesSupported }: CognitoMetadataOptions,
): Record<string, unknown> {
  return {
    issuer: origin,
    ...Object.fromEntries(endpoints.flatMap((name) => (typeof own[name] === 'string' ? [[name, own[name]]] : []))),
    scopes_supported: scopesSupported,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
  }
}
