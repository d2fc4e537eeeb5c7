import { hash } from 'node:crypto'

/** A request as it goes over the wire. */
export interface SigningRequest {
  method: string
  /** Path and query, undecoded. */
  target: string
  /** Name, value, name, value …, as on the wire. */
  rawHeaders: readonly string[]
  body: Uint8Array
}

export const algorithm = 'AWS4-HMAC-SHA256'

/** Builds the canonical request. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (step 1) */
export function canonicalRequest(parts: {
  method: string
  path: string
  query: readonly [string, string][]
  headers: ReadonlyMap<string, string>
  signedHeaders: readonly string[]
  payloadHash: string
}): string {
  const headers = parts.signedHeaders.map((name) => `${name}:${parts.headers.get(name) ?? ''}\n`).join('')
  return [
    parts.method,
    canonicalPath(parts.path),
    canonicalQuery(parts.query),
    headers,
    parts.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n')
}

/** Normalises the path and encodes it once more than the wire has it, as every service but S3 does. */
export function canonicalPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(encode(segment))
  }
  const ends = path.endsWith('/') || path.endsWith('/.') || path.endsWith('/..')
  return kept.length === 0 ? '/' : `/${kept.join('/')}${ends ? '/' : ''}`
}

/** Sorts by encoded name, then by encoded value. */
export function canonicalQuery(query: readonly [string, string][]): string {
  return query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Reads a query as it stands on the wire: percent-decoded, and a plus sign stays a plus sign. */
export function parseQuery(query: string): [string, string][] {
  if (query === '') return []
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))]
    })
}

/** Lowercases names, trims and folds values, and joins repeated headers with a comma. */
export function canonicalHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase()
    const value = raw[at + 1]!.trim().replaceAll(/\s+/g, ' ')
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before},${value}`)
  }
  return headers
}

export function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?')
  return at < 0 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at + 1) }
}

export function sha256(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex')
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
