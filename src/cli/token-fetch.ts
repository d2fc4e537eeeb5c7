import { browserTokens, userTokenStore } from '../connect/browser-tokens.ts'
import { machineTokens } from '../connect/machine-tokens.ts'
import { oauthFetch } from '../connect/oauth-fetch.ts'
import type { LightFetch } from '../http/light-fetch.ts'
import type { KnownClient } from '../connect/sign-in.ts'

export interface TokenFetchOptions {
  url: string
  client?: KnownClient
  scopes?: readonly string[]
  /** The token is for the client itself. */
  machine: boolean
  note: (line: string) => void
  /** Sends what has its token. */
  fetch: LightFetch
}

/** Makes the `fetch` that sends a token of the person at this machine, or of a client itself. */
export function tokenFetch({ url, client, scopes, machine, note, fetch }: TokenFetchOptions): LightFetch {
  const asked = scopes ? { scopes } : {}
  if (machine && client?.clientSecret) {
    const { clientId, clientSecret } = client
    return oauthFetch({ source: machineTokens({ url, clientId, clientSecret, ...asked }), username: clientId, fetch })
  }
  const source = browserTokens({ url, store: userTokenStore(), note, ...(client ? { client } : {}), ...asked })
  return oauthFetch({ source, username: 'The user who signed in', fetch })
}
