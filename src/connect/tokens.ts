import { discover, demandPkce, type Discovered } from '../auth/oauth-client/discover.ts'
import type { KeptToken, TokenStore } from '../auth/oauth-client/token-store.ts'
import { FairleadError } from '../errors.ts'
import { refreshAt, registered, signInAt, type KnownClient, type SignedIn, type SignInOptions } from './sign-in.ts'

export interface TokenSourceOptions extends SignInOptions {
  store: TokenStore
  /** Signs in when no kept token will do, in place of the script: the system's browser. */
  signInAnew?: (found: Discovered, scopes: readonly string[]) => Promise<SignedIn>
}

export interface WantedToken {
  /** By default what the options say, else what the endpoint's challenge asks for. */
  scopes?: readonly string[]
  /** A token with just these scopes, not one that has them and more. */
  exact?: boolean
  /** A token that the endpoint refused: it is not given again. */
  rejected?: string
}

/** Gives tokens of one person for one endpoint: the kept one while it lives, else a refreshed one, else a new sign-in. */
export interface TokenSource {
  token(wanted?: WantedToken): Promise<SignedIn>
}

/** A token that ends so soon is taken as ended. */
const marginMs = 10_000

/** Makes a source of tokens that are kept in a store, by issuer, resource and user. It signs in with the first call. */
export function tokenSource(options: TokenSourceOptions): TokenSource {
  let way: Promise<Discovered> | undefined
  return {
    async token(wanted = {}) {
      // A server that refuses a token may have moved to another authorization server.
      if (wanted.rejected !== undefined) way = undefined
      way ??= discover(options.url, options.fetch).catch((error: unknown) => {
        way = undefined
        throw error
      })
      const found = await way
      demandPkce(found)
      return tokenAt(found, options, wanted)
    },
  }
}

async function tokenAt(found: Discovered, options: TokenSourceOptions, wanted: WantedToken): Promise<SignedIn> {
  const { store, username, now = Date.now } = options
  const scopes = wanted.scopes ?? options.scopes ?? found.scope?.split(' ') ?? []
  const usable = (kept: KeptToken | undefined): kept is KeptToken =>
    kept !== undefined &&
    kept.accessToken !== wanted.rejected &&
    kept.expiresAt - marginMs > now() &&
    covers(kept, scopes, wanted.exact)
  const kept = () => store.token(found.issuer, found.resource, username)
  const before = kept()
  if (usable(before)) return before
  return store.locked(async () => {
    // Another process may have been faster.
    const current = kept()
    if (usable(current)) return current
    const anew = options.signInAnew ?? ((found, scopes) => signedInAnew(found, options, scopes))
    const signedIn = (await refreshed(found, current, options, scopes, wanted)) ?? (await anew(found, scopes))
    store.putToken({ ...signedIn, subject: username, asked: scopes.join(' ') })
    return signedIn
  })
}

function covers({ scope, asked }: KeptToken, scopes: readonly string[], exact = false): boolean {
  const has = new Set(scope.split(' '))
  if (exact) return has.size === new Set(scopes).size && scopes.every((each) => has.has(each))
  const known = new Set([...has, ...asked.split(' ')])
  return scopes.every((each) => known.has(each))
}

/** Refreshing gives the scopes that there were, so it is no way to others. Undefined: sign in. */
async function refreshed(
  found: Discovered,
  kept: KeptToken | undefined,
  options: TokenSourceOptions,
  scopes: readonly string[],
  wanted: WantedToken,
): Promise<SignedIn | undefined> {
  if (!kept?.refreshToken || !covers(kept, scopes, wanted.exact)) return undefined
  const { clientSecret } = options.store.clientDetails(found.issuer)
  const own = { clientId: kept.clientId, ...(clientSecret ? { clientSecret } : {}) }
  const client = options.client?.clientId === kept.clientId ? options.client : own
  try {
    return await refreshAt(found, client, kept, options)
  } catch {
    // It was revoked, has ended, or the server has forgotten it.
    return undefined
  }
}

/** A server may have forgotten the client that was registered with it: then it is registered once more. */
async function signedInAnew(
  found: Discovered,
  options: TokenSourceOptions,
  scopes: readonly string[],
): Promise<SignedIn> {
  const at = (client: KnownClient) => signInAt(found, { ...options, ...(scopes.length > 0 ? { scopes } : {}), client })
  if (options.client) return at(options.client)
  const known = options.store.clientId(found.issuer)
  if (known !== undefined) {
    try {
      return await at({ clientId: known })
    } catch (error) {
      if (!(error instanceof FairleadError) || !isAboutTheClient(error)) throw error
      options.store.putClientId(found.issuer, undefined)
    }
  }
  const client = await registered(found, options.fetch)
  options.store.putClientId(found.issuer, client.clientId)
  return at(client)
}

export function isAboutTheClient({ message, why }: FairleadError): boolean {
  return /invalid_client|unauthorized_client|unknown client|client is invalid/i.test(`${message} ${why}`)
}
