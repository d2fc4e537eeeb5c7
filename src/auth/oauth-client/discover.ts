import {
  checkResourceAllowed,
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
  type AuthorizationServerMetadata,
} from './sdk.ts'
import { FairleadError } from '../../errors.ts'
import { signInFailed } from './failed.ts'
import { metadataFetch } from './metadata-fetch.ts'

/** What an MCP server and its authorization server say of themselves. */
export interface Discovered {
  /** As the protected-resource metadata spells it: tokens are asked for this. */
  resource: string
  issuer: string
  metadata: AuthorizationServerMetadata
  /** What the challenge asks for, else what the metadata lists. */
  scope?: string
}

/**
 * Follows an MCP server's 401 to its protected-resource metadata and on to its authorization server's metadata.
 * The issuer must be the one that was named, and PKCE with S256 must be advertised, as MCP demands of clients.
 * Throws SIGN_IN_FAILED, UNREACHABLE.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
export async function discover(url: string, fetchFn: typeof fetch = metadataFetch): Promise<Discovered> {
  const challenge = await challengeOf(url, fetchFn)
  const opts = challenge.resourceMetadataUrl ? { resourceMetadataUrl: challenge.resourceMetadataUrl } : {}
  const described = await discoverOAuthProtectedResourceMetadata(url, opts, fetchFn).catch((error: unknown) => {
    throw signInFailed('The server’s protected-resource metadata cannot be read', error)
  })
  if (!checkResourceAllowed({ requestedResource: url.split('?')[0]!, configuredResource: described.resource }))
    throw signInFailed(`The metadata at ${url} is for another resource: ${described.resource}`)
  const issuer = described.authorization_servers?.[0]
  if (!issuer) throw signInFailed('The protected-resource metadata names no authorization server')
  const metadata = await discoverAuthorizationServerMetadata(issuer, { fetchFn }).catch((error: unknown) => {
    throw signInFailed(`The metadata of the authorization server ${issuer} cannot be read`, error)
  })
  if (!metadata) throw signInFailed(`The authorization server ${issuer} has no metadata`)
  const scope = challenge.scope ?? described.scopes_supported?.join(' ')
  return { resource: described.resource, issuer: metadata.issuer, metadata, ...(scope ? { scope } : {}) }
}

/** Refuses an authorization server that does not say that it does PKCE with S256: without that word a client must not go on. */
export function demandPkce({ issuer, metadata }: Discovered): void {
  if (metadata.code_challenge_methods_supported?.includes('S256')) return
  throw signInFailed(`The authorization server ${issuer} does not advertise PKCE with S256`, undefined, {
    why: 'MCP clients must refuse a server whose metadata has no code_challenge_methods_supported with S256. Cognito’s own has none.',
    fix: 'Put the authorization service in front: oauth.verifier "authorization-service".',
  })
}

async function challengeOf(
  url: string,
  fetchFn: typeof fetch,
): Promise<ReturnType<typeof extractWWWAuthenticateParams>> {
  const ask = () =>
    fetchFn(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'ping' }),
    })
  let response: Response
  try {
    // A kept connection may have been closed by the other side just now; asking twice harms nobody.
    response = await ask().catch(ask)
  } catch (error) {
    throw new FairleadError('UNREACHABLE', `Nothing answers at ${url.split('?')[0]}`, { cause: error })
  }
  await response.body?.cancel()
  if (response.status === 401) return extractWWWAuthenticateParams(response)
  throw signInFailed(`${url.split('?')[0]} does not ask for a token: it answered ${response.status}, not 401`)
}
