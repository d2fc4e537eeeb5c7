import { registerClient, type OAuthClientInformationMixed } from './sdk.ts'
import type { Discovered } from './discover.ts'
import { signInFailed } from './failed.ts'

/** Registers this client with an authorization server (RFC 7591), as a public native client with one callback. */
export async function register(
  { issuer, metadata }: Discovered,
  redirectUri: string,
  fetchFn: typeof fetch = fetch,
): Promise<OAuthClientInformationMixed> {
  if (!metadata.registration_endpoint)
    throw signInFailed(`The authorization server ${issuer} registers no clients`, undefined, {
      why: 'Its metadata has no registration_endpoint, as Cognito’s has none.',
      fix: 'Name a client that it knows: --client ID',
    })
  try {
    return await registerClient(issuer, {
      metadata,
      fetchFn,
      clientMetadata: {
        client_name: 'fairlead',
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    })
  } catch (error) {
    throw signInFailed(`The authorization server ${issuer} refused to register this client`, error)
  }
}
