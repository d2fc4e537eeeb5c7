import { metadataPaths } from '../auth/bearer/metadata.ts'
import type { Finding } from './checks.ts'
import { header, send, type Answered, type Failed } from './send.ts'
import { isLoopback, post, seen, type Target } from './target.ts'

type Document = Record<string, unknown>

/** What was found of a sign-in, for the checks of single clients. */
export interface Discovered {
  metadata?: Document
  server?: Document
}

/** Follows a 401 as a client does: challenge, metadata in both places, authorization server. */
export async function authorization(
  target: Target,
  refusal: Answered,
): Promise<{ findings: Finding[]; discovered: Discovered }> {
  const findings = challenge(refusal)
  const { url } = target
  const [suffixed, root] = metadataPaths(url)
  const named = /resource_metadata="([^"]+)"/.exec(header(refusal, 'www-authenticate') ?? '')?.[1]
  const places = [new URL(suffixed, url).href, new URL(root, url).href]
  const [atPath, atRoot, atNamed] = await Promise.all([...places, named ?? places[0]!].map(document))
  const metadata = named ? atNamed : (atPath ?? atRoot)
  findings.push(
    {
      id: 'metadata-found',
      ok: metadata !== undefined,
      says: metadata
        ? `It is at ${named ?? (atPath ? places[0] : places[1])}.`
        : `Neither at ${suffixed} nor at ${root}.`,
    },
    {
      id: 'metadata-both-places',
      ok: atPath !== undefined && atRoot !== undefined,
      says: `At the path: ${yes(atPath)}; at the root: ${yes(atRoot)}.`,
    },
  )
  findings.push(...(await tokens(target)))
  if (!metadata) return { findings, discovered: {} }
  const servers = Array.isArray(metadata.authorization_servers) ? (metadata.authorization_servers as unknown[]) : []
  const issuer = typeof servers[0] === 'string' && URL.canParse(servers[0]) ? servers[0] : undefined
  findings.push(
    {
      id: 'metadata-resource',
      ok: metadata.resource === url.split('?')[0] || metadata.resource === url,
      says: `It is ${text(metadata.resource)}.`,
    },
    { id: 'metadata-servers', ok: issuer !== undefined, says: issuer ? `It is ${issuer}.` : 'It names none.' },
    {
      id: 'metadata-scopes',
      ok: Array.isArray(metadata.scopes_supported) && metadata.scopes_supported.length > 0,
      says: `scopes_supported is ${text(metadata.scopes_supported)}.`,
    },
  )
  if (!issuer) return { findings, discovered: { metadata } }
  const server = await serverMetadata(issuer)
  findings.push({
    id: 'server-metadata',
    ok: server !== undefined,
    says: server ? 'It is there.' : `${issuer} has neither OAuth nor OpenID metadata.`,
  })
  if (server) findings.push(...serverFindings(server, issuer))
  return { findings, discovered: { metadata, ...(server ? { server } : {}) } }
}

function challenge(refusal: Answered): Finding[] {
  const value = header(refusal, 'www-authenticate')
  const remapped = header(refusal, 'x-amzn-remapped-www-authenticate')
  const findings: Finding[] = [
    { id: 'challenge-401', ok: refusal.status === 401, says: `It was answered ${refusal.status}.` },
    remapped && !value
      ? { id: 'challenge-not-remapped', ok: false, says: 'It arrived as x-amzn-remapped-www-authenticate.' }
      : {
          id: 'challenge-header',
          ok: /^(Bearer|DPoP)\b/i.test(value ?? ''),
          says: value ? `It is ${value.slice(0, 200)}` : 'There is none.',
        },
  ]
  if (value)
    findings.push(
      {
        id: 'challenge-metadata',
        ok: value.includes('resource_metadata='),
        says: value.includes('resource_metadata=') ? 'It does.' : 'It does not.',
      },
      {
        id: 'challenge-scope',
        ok: /scope="[^"]/.test(value),
        says: /scope="[^"]/.test(value) ? 'It does.' : 'It does not.',
      },
    )
  return findings
}

async function tokens(target: Target): Promise<Finding[]> {
  const open: Target = { ...target, access: { kind: 'none' } }
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  const bogus = `${base64({ alg: 'RS256', kid: 'none', typ: 'at+jwt' })}.${base64({ iss: 'https://evil.example', aud: target.url, exp: 9_999_999_999 })}.AAAA`
  const query = new URL(target.url)
  query.searchParams.set('access_token', bogus)
  const [given, inQuery] = await Promise.all([
    post(open, ping, { headers: { authorization: `Bearer ${bogus}` } }),
    post({ ...open, url: query.href }, ping),
  ])
  return [
    { id: 'token-bogus-401', ok: status(given) === 401, says: seen(given) },
    { id: 'token-not-in-query', ok: status(inQuery) === 401 || status(inQuery) === 400, says: seen(inQuery) },
  ]
}

function serverFindings(server: Document, issuer: string): Finding[] {
  const { code_challenge_methods_supported: methods, registration_endpoint: registration } = server
  const byDocument = server.client_id_metadata_document_supported === true
  return [
    {
      id: 'server-issuer',
      ok: server.issuer === issuer,
      says: server.issuer === issuer ? 'It is.' : `It says ${text(server.issuer)}, and ${issuer} was asked.`,
    },
    {
      id: 'server-endpoints',
      ok: typeof server.authorization_endpoint === 'string' && typeof server.token_endpoint === 'string',
      says: `token_endpoint is ${text(server.token_endpoint)}.`,
    },
    {
      id: 'server-pkce',
      ok: Array.isArray(methods) && methods.includes('S256'),
      says: `code_challenge_methods_supported is ${text(methods)}.`,
    },
    {
      id: 'server-registration',
      ok: typeof registration === 'string' || byDocument,
      says:
        [byDocument ? 'By metadata document.' : '', typeof registration === 'string' ? 'By registration.' : '']
          .join(' ')
          .trim() || 'It cannot.',
    },
    {
      id: 'server-iss',
      ok: server.authorization_response_iss_parameter_supported === true,
      says: `authorization_response_iss_parameter_supported is ${text(server.authorization_response_iss_parameter_supported)}.`,
    },
  ]
}

/** RFC 8414 first, then OpenID discovery in its two forms. */
async function serverMetadata(issuer: string): Promise<Document | undefined> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '')
  for (const place of [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]) {
    const found = await document(place)
    if (found) return found
  }
  return undefined
}

async function document(place: string): Promise<Document | undefined> {
  // What a server names is fetched only where it can be no one else's inside: over HTTPS, or here on loopback.
  if (!URL.canParse(place) || (!place.startsWith('https:') && !isLoopback(place))) return undefined
  const answer = await send({ url: place, headers: { accept: 'application/json' }, timeoutMs: 5000 })
  if ('failed' in answer || answer.status !== 200) return undefined
  try {
    const value = JSON.parse(answer.body) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : undefined
  } catch {
    return undefined
  }
}

function status(answer: Answered | Failed): number {
  return 'failed' in answer ? 0 : answer.status
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function yes(value: unknown): string {
  return value === undefined ? 'no' : 'yes'
}

function text(value: unknown): string {
  return value === undefined
    ? 'not there'
    : JSON.stringify(value)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, 200)
}
