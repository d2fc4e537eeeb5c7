import { errors } from 'oidc-provider'

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])
/** What a client that registers itself may be allowed. */
const ownGrants = new Set(['authorization_code', 'refresh_token'])

export function isLoopback(uri: string): boolean {
  const url = URL.parse(uri)
  return url?.protocol === 'http:' && loopback.has(url.hostname)
}

/**
 * Checks and corrects the metadata of a client that describes itself, by registration or by a metadata document, beyond
 * what oidc-provider checks. `scope` is left out: stored, it would forbid a later step-up.
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-2
 */
export function checkClientMetadata(metadata: Record<string, unknown>): void {
  delete metadata.scope
  const uris = Array.isArray(metadata.redirect_uris) ? (metadata.redirect_uris as unknown[]) : []
  if (uris.length > 10) throw new errors.InvalidClientMetadata('redirect_uris must have at most 10 members')
  for (const uri of uris) checkRedirectUri(uri)
  const native = uris.some((uri) => typeof uri === 'string' && URL.parse(uri)?.protocol !== 'https:')
  metadata.application_type = native ? 'native' : 'web'
  metadata.response_types = ['code']
  metadata.response_modes = ['query']
  const grants = Array.isArray(metadata.grant_types) ? (metadata.grant_types as unknown[]) : []
  metadata.grant_types = grants.filter((grant) => typeof grant === 'string' && ownGrants.has(grant))
  if ((metadata.grant_types as string[]).length === 0) metadata.grant_types = ['authorization_code', 'refresh_token']
  checkText(metadata, 'client_name', 200)
  checkText(metadata, 'client_uri', 2000)
  const jwks = metadata.jwks_uri
  if (jwks !== undefined && !(typeof jwks === 'string' && URL.parse(jwks)?.protocol === 'https:'))
    throw new errors.InvalidClientMetadata('jwks_uri must be an https uri')
  if (JSON.stringify(metadata.jwks ?? null).length > 16_384)
    throw new errors.InvalidClientMetadata('jwks must be at most 16 kB')
}

function checkRedirectUri(uri: unknown): void {
  const url = typeof uri === 'string' && uri.length <= 2000 ? URL.parse(uri) : null
  if (!url || url.username || url.password || url.hash)
    throw new errors.InvalidClientMetadata('redirect_uris must only contain absolute uris without user and fragment')
  if (url.protocol === 'http:' && !loopback.has(url.hostname))
    throw new errors.InvalidClientMetadata('redirect_uris must use https, except on loopback')
}

function checkText(metadata: Record<string, unknown>, name: string, max: number): void {
  const value = metadata[name]
  if (value !== undefined && (typeof value !== 'string' || value.length > max))
    throw new errors.InvalidClientMetadata(`${name} must be a text of at most ${max} characters`)
}
