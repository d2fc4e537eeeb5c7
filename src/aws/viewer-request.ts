export interface ViewerRequestOptions {
  /** `https://mcp.example.com`; without it the function takes the Host, which CloudFront has checked against its own names. */
  origin?: string
  /** The path of the MCP endpoint; others pass. */
  path: string
  /** What the first challenge asks for. */
  scopes: readonly string[]
}

/** The header that CloudFront adds for its origin; whoever lacks it came around CloudFront. */
export const originSecretHeader = 'x-origin-verify'

/** The header in which the function at viewer-request says where the viewer is, whatever the viewer wrote there. */
export const viewerAddressHeader = 'x-viewer-address'

const tellAddress = `request.headers['${viewerAddressHeader}'] = { value: event.viewer.ip }`

/** Writes the CloudFront Function that only says where the viewer is: in front of a service that answers for itself. */
export function viewerAddressFunction(): string {
  return `function handler(event) {
  var request = event.request
  ${tellAddress}
  return request
}
`
}

/**
 * Writes the CloudFront Function that answers a request without a token by itself. A function URL renames
 * `WWW-Authenticate`, and functions at viewer-response do not run for answers of 400 and above: so the true 401 can only
 * come from viewer-request. CloudFront Functions, JavaScript runtime 2.0, at most 10 kB.
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-5.1
 */
export function viewerRequestFunction({ origin, path, scopes }: ViewerRequestOptions): string {
  const scope = scopes.length > 0 ? `, scope="${scopes.join(' ')}"` : ''
  return `function handler(event) {
  var request = event.request
  ${tellAddress}
  if (request.uri !== ${JSON.stringify(path)} || request.method === 'OPTIONS' || request.headers.authorization) return request
  var origin = ${origin === undefined ? "'https://' + request.headers.host.value" : JSON.stringify(origin)}
  var headers = {
    'www-authenticate': { value: 'Bearer resource_metadata="' + origin + ${JSON.stringify(`/.well-known/oauth-protected-resource${path}"${scope}`)} },
    'content-type': { value: 'application/json' },
    'cache-control': { value: 'no-store' },
  }
  if (request.headers.origin) {
    headers['access-control-allow-origin'] = { value: request.headers.origin.value }
    headers['access-control-expose-headers'] = { value: 'www-authenticate' }
    headers['vary'] = { value: 'origin' }
  }
  return {
    statusCode: 401,
    statusDescription: 'Unauthorized',
    headers: headers,
    body: { encoding: 'text', data: '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Unauthorized: a bearer token is needed"},"id":null}' },
  }
}
`
}
