import { encode, parseQuery, splitTarget } from '../auth/sigv4/canonical.ts'
import type { CauseId } from './sigv4-causes.ts'
import { rare, type Material, type Patch } from './sigv4-signing.ts'

/** How the path of the canonical request may have been made otherwise, or changed on the way. */
export function paths({ target, signed }: Material): Patch[] {
  const { path } = splitTarget(target)
  const uri = (cause: CauseId, value: string): Patch => ({ cause, set: { uri: value } })
  const once = normalised(path)
  const decoded = decode(once)
  const twice = path
    .split('/')
    .map((segment) => encode(segment))
    .join('/')
  const other = (text: string) => (text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : `${text}/`)
  const parts = signed.uri.split('/')
  return [
    uri('path-encoded-once', once),
    uri('path-decoded', decoded),
    uri('path-not-normalised', twice),
    uri('path-encoded-once', path),
    uri('trailing-slash', other(signed.uri)),
    uri('path-rewritten', '/'),
    ...parts.slice(2).map((_, at) => uri('path-rewritten', `/${parts.slice(at + 2).join('/')}`)),
    ...['prod', 'dev', 'api', 'v1', '$default', 'mcp'].map((stage) =>
      rare(uri('path-rewritten', `/${encode(stage)}${signed.uri === '/' ? '' : signed.uri}`)),
    ),
    ...parts.slice(2).map((_, at) => uri('path-rewritten', parts.slice(0, at + 2).join('/') || '/')),
  ]
}

/** The same of its query. */
export function queries({ target, signed }: Material): Patch[] {
  const { query } = splitTarget(target)
  if (query === '') return []
  const pairs = parseQuery(query).filter(([name]) => name !== 'X-Amz-Signature')
  const join = (list: readonly (readonly [string, string])[], code: (text: string) => string) =>
    list.map(([name, value]) => `${code(name)}=${code(value)}`).join('&')
  const sorted = pairs.toSorted(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
  const set = (cause: CauseId, value: string): Patch => ({ cause, set: { query: value } })
  const plus = sorted.map(([name, value]) => [name.replaceAll('+', ' '), value.replaceAll('+', ' ')] as const)
  return [
    set('query-order', join(pairs, encode)),
    set('query-order', query),
    set('query-plus', join(plus, encode)),
    set(
      'query-plus',
      join(sorted, (text) => encode(text).replaceAll('%20', '+')),
    ),
    set(
      'query-plus',
      join(sorted, (text) => encode(text.replaceAll(' ', '+'))),
    ),
    set(
      'query-encoding',
      join(sorted, (text) => text),
    ),
    set('query-encoding', join(sorted, encodeURI)),
    set('query-encoding', join(sorted, encodeURIComponent)),
    set(
      'query-encoding',
      join(sorted, (text) => encode(text).replaceAll('%2F', '/')),
    ),
    set(
      'query-encoding',
      join(sorted, (text) => encode(text).replaceAll(/%[0-9A-F]{2}/g, (each) => each.toLowerCase())),
    ),
    set(
      'query-encoding',
      join(sorted, (text) => encode(encode(text))),
    ),
    set(
      'query-encoding',
      sorted.map(([name, value]) => (value === '' ? encode(name) : `${encode(name)}=${encode(value)}`)).join('&'),
    ),
    ...(pairs.some(([name]) => name.startsWith('X-Amz-')) ? [] : [set('query-added', '')]),
    ...(signed.query.includes('&') && pairs.length <= 12
      ? pairs.map((_, at) =>
          set(
            'query-added',
            join(
              sorted.filter((pair) => pair !== pairs[at]),
              encode,
            ),
          ),
        )
      : []),
  ]
}

/** Without dots and empty segments, and encoded as the wire has it. */
function normalised(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  return kept.length === 0 ? '/' : `/${kept.join('/')}${path.endsWith('/') ? '/' : ''}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
