import { assertSecureTokenEndpoint, parseErrorResponse, selectClientAuthMethod } from './sdk.ts'
import type { Discovered } from './discover.ts'
import { signInFailed } from './failed.ts'

/** What the token endpoint gave. */
export interface MachineToken {
  accessToken: string
  /** Seconds. */
  expiresIn: number
  scope?: string
}

/**
 * Gets a token for a client itself, with its secret, for one resource.
 * Throws SIGN_IN_FAILED.
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export async function clientCredentials(
  { issuer, metadata, resource }: Discovered,
  client: { clientId: string; clientSecret: string; scopes?: readonly string[] },
  fetchFn: typeof fetch = fetch,
): Promise<MachineToken> {
  const { clientId, clientSecret, scopes = [] } = client
  const form = new URLSearchParams({ grant_type: 'client_credentials', resource })
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  const headers: Record<string, string> = { accept: 'application/json' }
  const information = { client_id: clientId, client_secret: clientSecret }
  if (
    selectClientAuthMethod(information, metadata.token_endpoint_auth_methods_supported ?? []) === 'client_secret_post'
  )
    for (const [name, value] of Object.entries(information)) form.set(name, value)
  else headers.authorization = basic(clientId, clientSecret)
  try {
    const url = assertSecureTokenEndpoint(metadata.token_endpoint)
    const response = await fetchFn(url, { method: 'POST', body: form, headers, redirect: 'error' })
    if (!response.ok) throw await parseErrorResponse(response)
    const body = (await response.json()) as { access_token?: unknown; expires_in?: unknown; scope?: unknown }
    if (typeof body.access_token !== 'string') throw new Error('the answer has no access_token')
    const granted = typeof body.scope === 'string' ? body.scope : scopes.join(' ')
    return {
      accessToken: body.access_token,
      expiresIn: typeof body.expires_in === 'number' ? body.expires_in : defaultLifeS,
      ...(granted === '' ? {} : { scope: granted }),
    }
  } catch (error) {
    throw signInFailed(`The authorization server ${issuer} gave the client ${clientId} no token`, error)
  }
}

/** Taken when a token endpoint does not say how long. */
export const defaultLifeS = 300

/** RFC 6749 §2.3.1: both halves encoded as forms do, then joined. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}
