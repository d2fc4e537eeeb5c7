import type { ErrorCode } from '../../errors.ts'
import { anonymous, type FetchHandler } from '../../http/fetch-handler.ts'
import { asRequest, type LightRequest } from '../../http/light-request.ts'
import { annotate } from '../../http/note.ts'
import { codes, errorResponse } from '../../mcp/json-rpc.ts'
import type { Table } from '../../state/table.ts'
import { challengeResponse, type Challenge } from './challenge.ts'
import { checkProof } from './dpop.ts'
import { metadataPaths, metadataResponse } from './metadata.ts'
import { scopesCalled } from './tool-scopes.ts'
import type { TokenRefusal, TokenVerifier, VerifiedToken } from './verify.ts'

export interface BearerOptions {
  /** The canonical URL of the endpoint: the audience of its tokens. Never taken from a request. */
  resource: string
  resourceName?: string
  authorizationServers: readonly string[]
  /** Answers for the metadata of an authorization server that has none of its own; undefined for another path. */
  metadataOf?: (method: string, pathname: string) => Promise<Response | undefined>
  verifier: TokenVerifier
  /** All on the wire: `name/key`. */
  scopes: {
    supported: readonly string[]
    /** Every request needs them, and the first challenge asks for them. */
    base: readonly string[]
    /** Beside the base scopes, by tool. */
    tools: Readonly<Record<string, readonly string[]>>
  }
  /** Where used DPoP proofs are remembered, by every process that serves the resource. */
  proofs: Table
  /** Paths that answer for themselves who may call: the health check, other tasks. */
  openPaths?: readonly string[]
  now?: () => number
}

/**
 * Puts a FetchHandler behind bearer tokens, as an OAuth 2.1 resource server: serves its metadata, asks for a token on
 * every verb, checks the scopes of the tools that are called, and tells the handler who calls. The token itself ends here:
 * what goes on has no Authorization header.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
export function withBearer(handler: FetchHandler, options: BearerOptions): FetchHandler {
  const metadata = {
    resource: options.resource,
    authorizationServers: options.authorizationServers,
    scopesSupported: options.scopes.supported,
    ...(options.resourceName === undefined ? {} : { resourceName: options.resourceName }),
  }
  const describedAt = metadataPaths(options.resource)
  const toolsNeedMore = Object.keys(options.scopes.tools).length > 0
  return async (request, context) => {
    const pathname = pathOf(request)
    if (describedAt.includes(pathname)) return metadataResponse(request.method, metadata)
    const described = options.metadataOf && (await options.metadataOf(request.method, pathname))
    if (described) return described
    if (request.method === 'OPTIONS' || options.openPaths?.includes(pathname))
      return handler(withoutToken(request), { ...context, principal: anonymous })
    const admitted = await admit(request, pathname, options)
    if ('refused' in admitted) return refusal(admitted, request, options)
    const { principal } = admitted.token
    const called = toolsNeedMore ? await scopesCalled(request, options.scopes.tools) : []
    if (!called) return unreadable(principal.id)
    const needed = [...options.scopes.base, ...called]
    if (!needed.every((scope) => principal.scopes.includes(scope)))
      return refusal(lacksScope(principal, needed, admitted.scheme), request, options)
    const response = await handler(withoutToken(request), { ...context, principal })
    return annotate(response, { principal: principal.id })
  }
}

/** What we cannot read, the server behind might: it is not let through with scopes unchecked. */
function unreadable(principal: string): Response {
  const response = errorResponse(400, codes.parseError, 'Parse error: the body is not JSON within the limits')
  return annotate(response, { code: 'BODY_UNREADABLE', why: 'The scopes of a call cannot be told.', principal })
}

interface Refused {
  refused: Pick<Challenge, 'status' | 'error' | 'description'>
  scheme: Challenge['scheme']
  scopes?: readonly string[]
  code: ErrorCode
  why: string
  principal?: string
}

type Admitted = { token: VerifiedToken; scheme: Challenge['scheme'] }

async function admit(request: Request, pathname: string, options: BearerOptions): Promise<Admitted | Refused> {
  const header = request.headers.get('authorization')
  if (header === null) return unauthorized('TOKEN_MISSING', 'No Authorization header was sent.')
  const [, scheme, token] = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(header) ?? []
  if (token !== undefined && hasQueryToken(request.url))
    return {
      refused: { status: 400, error: 'invalid_request', description: 'The token came in more than one way' },
      scheme: 'Bearer',
      code: 'TOKEN_MALFORMED',
      why: 'A token came in the header and one in the query, where none may be.',
    }
  if (scheme === undefined || token === undefined) {
    if (!/^(Bearer|DPoP)\b/i.test(header))
      return unauthorized('TOKEN_MISSING', 'The Authorization header has another scheme than Bearer.')
    return {
      refused: { status: 400, error: 'invalid_request', description: 'The Authorization header is malformed' },
      scheme: 'Bearer',
      code: 'TOKEN_MALFORMED',
      why: 'The Authorization header is not one scheme and one token.',
    }
  }
  const kind = scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
  const outcome = await options.verifier.verify(token)
  if (!outcome.ok) return invalid(kind, outcome)
  const unproved = await checkBinding(request, pathname, { kind, token, verified: outcome.token }, options)
  if (unproved) return invalid('DPoP', unproved)
  return { token: outcome.token, scheme: kind }
}

function hasQueryToken(url: string): boolean {
  const at = url.indexOf('?')
  return at >= 0 && new URLSearchParams(url.slice(at)).has('access_token')
}

/** A token that is bound to a key needs its proof: as a plain bearer token it is worth nothing. */
async function checkBinding(
  request: Request,
  pathname: string,
  { kind, token, verified }: { kind: Challenge['scheme']; token: string; verified: VerifiedToken },
  options: BearerOptions,
): Promise<TokenRefusal | undefined> {
  const { jkt } = verified
  if (jkt === undefined)
    return kind === 'Bearer'
      ? undefined
      : { code: 'DPOP_PROOF', why: 'The token is not bound to a key, and came as DPoP.' }
  const proof = request.headers.get('dpop')
  if (kind === 'Bearer' || proof === null)
    return { code: 'DPOP_MISSING', why: 'The token is bound to a key, and no DPoP proof came with it.' }
  const url = new URL(pathname, options.resource).href
  const now = (options.now ?? Date.now)()
  return checkProof({ proof, method: request.method, url, accessToken: token, jkt }, options.proofs, now)
}

function unauthorized(code: ErrorCode, why: string): Refused {
  return { refused: { status: 401 }, scheme: 'Bearer', code, why }
}

function invalid(scheme: Challenge['scheme'], { code, why }: TokenRefusal): Refused {
  const error = code.startsWith('DPOP_') ? 'invalid_dpop_proof' : 'invalid_token'
  return { refused: { status: 401, error, description: descriptions[error] }, scheme, code, why }
}

/** What the client is told; the cause goes to the log, since it may help who should not be helped. */
const descriptions = {
  invalid_token: 'The access token is invalid or has expired',
  invalid_dpop_proof: 'The DPoP proof is missing or invalid',
} as const

function lacksScope(
  principal: VerifiedToken['principal'],
  needed: readonly string[],
  scheme: Challenge['scheme'],
): Refused {
  const absent = needed.filter((scope) => !principal.scopes.includes(scope))
  return {
    refused: { status: 403, error: 'insufficient_scope', description: 'The access token lacks a scope' },
    scheme,
    scopes: needed,
    code: 'SCOPE_MISSING',
    why: `The token has ${principal.scopes.join(' ') || 'no scope'}; ${absent.join(' ')} is missing.`,
    principal: principal.id,
  }
}

function refusal(refused: Refused, request: Request, options: BearerOptions): Response {
  if (refused.code === 'TOKEN_KEYS_UNREACHABLE') return unavailable(refused)
  const challenge: Challenge = {
    ...refused.refused,
    scheme: refused.scheme,
    resource: options.resource,
    scopes: refused.scopes ?? options.scopes.base,
  }
  const { code, why, principal } = refused
  return annotate(challengeResponse(challenge, request.headers.get('origin')), {
    code,
    why,
    ...(principal === undefined ? {} : { principal }),
  })
}

/** It is not the token's fault when its issuer is away: after a 401 a client would throw it away. */
function unavailable({ code, why }: Refused): Response {
  const body = JSON.stringify({
    error: 'temporarily_unavailable',
    error_description: 'The token cannot be verified now',
  })
  const headers = { 'content-type': 'application/json', 'retry-after': '1', 'cache-control': 'no-store' }
  return annotate(new Response(body, { status: 503, headers }), { code, why })
}

/** Token passthrough is impossible when there is no token any more. */
function withoutToken(request: Request): Request {
  const light = request as unknown as Partial<LightRequest>
  if (light.without) return asRequest(light.without(['authorization', 'dpop']))
  const headers = new Headers(request.headers)
  headers.delete('authorization')
  headers.delete('dpop')
  return new Request(request, { headers })
}

function pathOf(request: Request): string {
  const { target } = request as unknown as Partial<LightRequest>
  return target === undefined ? new URL(request.url).pathname : target.split('?', 1)[0]!
}
