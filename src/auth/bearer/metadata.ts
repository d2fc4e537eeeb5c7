export interface ResourceMetadataOptions {
  /** The canonical URL of the MCP endpoint, as the audience of its tokens: `https://mcp.example.com/mcp`. */
  resource: string
  authorizationServers: readonly string[]
  /** On the wire: `name/key`. */
  scopesSupported: readonly string[]
  resourceName?: string
}

const wellKnown = '/.well-known/oauth-protected-resource'

/** Where clients find the metadata of a resource: first behind the well-known path, then at the root. */
export function metadataPaths(resource: string): [suffixed: string, root: string] {
  const { pathname } = new URL(resource)
  return [pathname === '/' ? wellKnown : `${wellKnown}${pathname}`, wellKnown]
}

/** The URL that a challenge names. */
export function metadataUrl(resource: string): string {
  return new URL(metadataPaths(resource)[0], resource).href
}

/**
 * Answers a request for protected resource metadata, at one of its paths.
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
 */
export function metadataResponse(method: string, options: ResourceMetadataOptions): Response {
  const open = { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD, OPTIONS' }
  if (method === 'OPTIONS')
    return new Response(null, { status: 204, headers: { ...open, 'access-control-allow-headers': '*' } })
  if (method !== 'GET' && method !== 'HEAD')
    return new Response(null, { status: 405, headers: { ...open, allow: 'GET, HEAD, OPTIONS' } })
  const body = JSON.stringify({
    resource: options.resource,
    authorization_servers: options.authorizationServers,
    scopes_supported: options.scopesSupported,
    bearer_methods_supported: ['header'],
    ...(options.resourceName === undefined ? {} : { resource_name: options.resourceName }),
    dpop_signing_alg_values_supported: ['ES256', 'RS256', 'EdDSA'],
  })
  return new Response(method === 'HEAD' ? null : body, {
    status: 200,
    headers: { ...open, 'content-type': 'application/json', 'cache-control': 'public, max-age=300' },
  })
}
