import { metadataUrl } from './metadata.ts'

export interface Challenge {
  status: 400 | 401 | 403
  /** The scheme that the client should use. */
  scheme: 'Bearer' | 'DPoP'
  resource: string
  /** All scopes that the operation needs: those of the session and those of the tool. */
  scopes: readonly string[]
  /** Left out when no token was sent. */
  error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof'
  description?: string
}

/**
 * Refuses a request in the words of OAuth: `WWW-Authenticate`, and a JSON body that says the same.
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3 and https://www.rfc-editor.org/rfc/rfc9728#section-5.1
 */
export function challengeResponse(challenge: Challenge, origin: string | null): Response {
  const { status, scheme, resource, scopes, error, description } = challenge
  const parameters = {
    ...(error === undefined ? {} : { error }),
    ...(description === undefined ? {} : { error_description: description }),
    ...(scopes.length > 0 && status !== 400 ? { scope: scopes.join(' ') } : {}),
    resource_metadata: metadataUrl(resource),
    ...(scheme === 'DPoP' ? { algs: 'ES256 RS256 EdDSA' } : {}),
  }
  const header = Object.entries(parameters).map(([name, value]) => `${name}="${value.replaceAll(/["\\\r\n]/g, '')}"`)
  return new Response(
    JSON.stringify(error === undefined ? { error: 'unauthorized' } : { error, error_description: description }),
    {
      status,
      headers: {
        'www-authenticate': `${scheme} ${header.join(', ')}`,
        'content-type': 'application/json',
        'cache-control': 'no-store',
        ...(origin === null
          ? {}
          : {
              'access-control-allow-origin': origin,
              'access-control-expose-headers': 'www-authenticate',
              vary: 'origin',
            }),
      },
    },
  )
}
