import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Discovered } from '../auth/oauth-client/discover.ts'
import { receiveRedirect } from '../auth/oauth-client/redirect-receiver.ts'
import { TokenStore } from '../auth/oauth-client/token-store.ts'
import { FairleadError } from '../errors.ts'
import { openBrowser } from './open-browser.ts'
import { registered, signInAt, type KnownClient, type SignedIn } from './sign-in.ts'
import { isAboutTheClient, tokenSource, type TokenSource } from './tokens.ts'

export interface BrowserTokensOptions {
  url: string
  /** A client that the server knows, or the https URL of a client metadata document. Absent: this client registers itself. */
  client?: KnownClient
  scopes?: readonly string[]
  store: TokenStore
  /** Shows a line to the person: the address to open. */
  note: (line: string) => void
  /** Opens the page; the system's browser by default. */
  open?: (url: URL) => void
  fetch?: typeof fetch
}

/** The user that signs in is known to the authorization server alone. */
export const browserSubject = 'browser'

/** The store for endpoints anywhere, in the user's own folder. */
export function userTokenStore(env: NodeJS.ProcessEnv = process.env): TokenStore {
  // Somebody may be reading a sign-in page in another process meanwhile.
  return new TokenStore(join(env.FAIRLEAD_HOME || join(homedir(), '.fairlead'), 'tokens.json'), { waitMs: 360_000 })
}

/**
 * Makes a source of tokens for an endpoint, for the person at this machine: kept ones, refreshed ones, and else a sign-in
 * in the system's browser that comes back to a free loopback port.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
export function browserTokens(options: BrowserTokensOptions): TokenSource {
  const { url, store, client, scopes, fetch: fetchFn } = options
  return tokenSource({
    url,
    store,
    username: browserSubject,
    password: '',
    ...(client ? { client } : {}),
    ...(scopes ? { scopes } : {}),
    ...(fetchFn ? { fetch: fetchFn } : {}),
    signInAnew: (found, asked) => signInByBrowser(found, options, asked),
  })
}

async function signInByBrowser(
  found: Discovered,
  options: BrowserTokensOptions,
  scopes: readonly string[],
): Promise<SignedIn> {
  const { store } = options
  const given = takes(found, options.client) ? options.client : undefined
  const known = given ?? keptClient(found, store)
  const receiver = await receiveRedirect(known?.redirectUri, { exactly: given?.redirectUri !== undefined })
  const { redirectUri } = receiver
  const at = (client: KnownClient) =>
    signInAt(found, {
      username: browserSubject,
      password: '',
      client: { ...client, redirectUri },
      authorize: async (url) => {
        const answer = receiver.answer(url.searchParams.get('state') ?? '')
        options.note(`Sign in at ${url.href}`)
        ;(options.open ?? openBrowser)(url)
        return answer
      },
      ...(scopes.length > 0 ? { scopes } : {}),
      ...(options.fetch ? { fetch: options.fetch } : {}),
    })
  const anew = async () => {
    const client = await registered(found, options.fetch, redirectUri)
    const { clientId, clientSecret } = client
    store.putClientId(found.issuer, clientId, { redirectUri, ...(clientSecret ? { clientSecret } : {}) })
    return at(client)
  }
  try {
    if (given) return await at(given)
    // A server may insist on the port that was registered, and that may be taken now.
    if (!known || known.redirectUri !== redirectUri) return await anew()
    return await at(known).catch((error: unknown) => {
      if (error instanceof FairleadError && isAboutTheClient(error)) return anew()
      throw error
    })
  } finally {
    receiver.close()
  }
}

/** Whether the server takes this client: one named by a metadata document only where it says that it reads them. */
function takes({ metadata }: Discovered, client: KnownClient | undefined): boolean {
  if (!client) return false
  return !client.clientId.startsWith('https://') || metadata.client_id_metadata_document_supported === true
}

function keptClient({ issuer }: Discovered, store: TokenStore): KnownClient | undefined {
  const clientId = store.clientId(issuer)
  return clientId === undefined ? undefined : { clientId, ...store.clientDetails(issuer) }
}
