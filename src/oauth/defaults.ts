import { routes } from './provider.ts'
import type { Resources } from './scopes.ts'

/**
 * Fills in the scopes for a client that asks for none of a resource's: oidc-provider would refuse it, and clients that
 * found no `scope` in a challenge send none. People get the base scopes, a machine what it may have.
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 */
export function withDefaultScopes(
  request: Request,
  url: URL,
  bytes: Uint8Array,
  resources: Resources,
): { request: Request; bytes: Uint8Array } {
  if (request.method === 'GET' && url.pathname === routes.authorization) {
    if (!fill(url.searchParams, (resource) => resources.base(resource), resources)) return { request, bytes }
    return { request: moved(request, url), bytes }
  }
  if (request.method === 'POST' && url.pathname === routes.token && isForm(request)) {
    const form = new URLSearchParams(Buffer.from(bytes).toString('utf8'))
    if (form.get('grant_type') !== 'client_credentials') return { request, bytes }
    const every = (resource: string) => resources.scopes(resource).map(({ value }) => value)
    if (fill(form, every, resources)) return { request, bytes: Buffer.from(form.toString()) }
  }
  return { request, bytes }
}

/** A client that does not say how it proves itself is a public one: oidc-provider would make it a secret to lose. */
export function withDefaultMethod(bytes: Uint8Array): Uint8Array {
  try {
    const metadata = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
    if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return bytes
    if ('token_endpoint_auth_method' in metadata) return bytes
    return Buffer.from(JSON.stringify({ ...metadata, token_endpoint_auth_method: 'none' }))
  } catch {
    // oidc-provider says what is wrong with it.
    return bytes
  }
}

function fill(parameters: URLSearchParams, scopes: (resource: string) => string[], resources: Resources): boolean {
  // Twice is an error, and oidc-provider says so.
  if (parameters.getAll('scope').length > 1) return false
  const asked = (parameters.get('scope') ?? '').split(' ').filter(Boolean)
  if (asked.some((scope) => scope !== 'openid' && scope !== 'offline_access')) return false
  const named = parameters.getAll('resource')
  const known = (named.length > 0 ? named : [resources.default]).filter((resource) => resources.has(resource))
  parameters.set('scope', [...asked, ...known.flatMap(scopes)].join(' '))
  return true
}

function isForm(request: Request): boolean {
  return request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false
}

/** The same request for another URL. Only what the bridge reads. */
function moved(request: Request, url: URL): Request {
  return { method: request.method, url: url.href, headers: request.headers } as Request
}
