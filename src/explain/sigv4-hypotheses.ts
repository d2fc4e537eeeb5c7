import { canonicalHeaders, encode, parseQuery, sha256, splitTarget } from '../auth/sigv4/canonical.ts'
import type { CauseId } from './sigv4-causes.ts'

/** Everything that goes into a signature. */
export interface Signing {
  method: string
  /** The second and third line of the canonical request. */
  uri: string
  query: string
  headers: ReadonlyMap<string, string>
  signedHeaders: readonly string[]
  payloadHash: string
  amzDate: string
  /** Of the string to sign. */
  scope: string
  /** Of the derivation of the key. */
  keyScope: string
  secret: string
}

/** One way in which a client may have calculated otherwise, or a hop have changed what was signed. */
export interface Patch {
  cause: CauseId
  set: Partial<Omit<Signing, 'headers'>>
  /** Values of headers as the client had them. */
  headers?: Record<string, string>
  /** Too rare to come together with another fault. */
  rare?: true
}

export interface Material {
  method: string
  target: string
  rawHeaders: readonly string[]
  /** Absent when it is not at hand; `said` is then all there is. */
  body?: Uint8Array
  signed: Signing
  /** Secrets that other keys have. */
  otherSecrets: readonly string[]
  /** Names under which the endpoint is known, with ports. */
  hosts: readonly string[]
}

/** All that is tried, the likeliest first. Each is a single change, so that two of them can be tried together. */
export function patches(material: Material): Patch[] {
  const { signed } = material
  const all = [
    ...paths(material),
    ...queries(material),
    ...hosts(material),
    ...bodies(material),
    ...keys(material),
    ...headers(material),
    ...['GET', 'POST', 'PUT', 'HEAD', 'DELETE'].map((method): Patch => ({
      cause: 'method-changed',
      set: { method },
      ...(method === 'GET' || method === 'POST' ? {} : { rare: true }),
    })),
  ]
  const seen = new Set<string>()
  return all.filter((patch) => {
    if (isNothing(patch, signed)) return false
    const key = JSON.stringify([patch.set, patch.headers])
    return !seen.has(key) && seen.add(key)
  })
}

function rare(patch: Patch): Patch {
  return { ...patch, rare: true }
}

function isNothing({ set, headers = {} }: Patch, signed: Signing): boolean {
  return (
    Object.entries(set).every(([name, value]) => signed[name as keyof Signing] === value) &&
    Object.entries(headers).every(([name, value]) => signed.headers.get(name) === value)
  )
}

function paths({ target, signed }: Material): Patch[] {
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

function queries({ target, signed }: Material): Patch[] {
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

/** Where a proxy says what it rewrote, and the names that are known. */
function hosts({ signed, hosts: known }: Material): Patch[] {
  const host = signed.headers.get('host') ?? ''
  const bare = host.replace(/:\d+$/, '')
  const set = (cause: CauseId, value: string): Patch => ({ cause, set: {}, headers: { host: value } })
  const told = ['x-forwarded-host', 'x-original-host', 'x-host', 'origin', 'referer', 'forwarded'].flatMap((name) =>
    namesIn(signed.headers.get(name)),
  )
  const port = /:(\d+)$/.exec(host)?.[1] ?? signed.headers.get('x-forwarded-port')
  return [
    set('port-dropped', bare),
    ...(port ? [set('port-dropped', `${bare}:${port}`)] : []),
    ...['443', '80'].map((each) => set('port-dropped', `${bare}:${each}`)),
    ...[...told, ...known].flatMap((name) => [
      set('host-rewritten', name),
      set('host-rewritten', name.replace(/:\d+$/, '')),
    ]),
    ...['localhost', '127.0.0.1', '[::1]'].flatMap((name) => [
      ...(port ? [set('host-rewritten', `${name}:${port}`)] : []),
      set('host-rewritten', name),
    ]),
    set('host-rewritten', host.toLowerCase()),
    set('host-rewritten', ''),
  ]
}

function namesIn(value: string | undefined): string[] {
  if (value === undefined) return []
  if (URL.canParse(value)) return [new URL(value).host]
  return value
    .split(',')
    .map((each) => /host="?([^;"]+)/i.exec(each)?.[1] ?? each.trim())
    .filter((each) => /^[\w.:[\]-]{1,255}$/.test(each))
}

function bodies({ body, method, signed }: Material): Patch[] {
  // Where the hash was sent, it was seen already whether it is that of the body.
  const told = signed.headers.has('x-amz-content-sha256')
  const hash = (cause: CauseId, payloadHash: string): Patch => ({
    cause,
    set: { payloadHash },
    ...(told ? { rare: true } : {}),
  })
  return [
    ...(method === 'GET' ? [] : [hash('body-not-hashed', sha256(''))]),
    hash('unsigned-payload', 'UNSIGNED-PAYLOAD'),
    ...(body && signed.payloadHash !== 'UNSIGNED-PAYLOAD'
      ? writtenAnew(body).map((text) => hash('body-reserialised', sha256(text)))
      : []),
  ]
}

/** The same JSON as other serialisers write it: JavaScript, Python (with and without spaces, sorted, escaped), Go, pretty-printers. */
export function writtenAnew(body: Uint8Array): string[] {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const plain = [text.trim(), `${text}\n`, text.replaceAll('\r\n', '\n'), text.replaceAll('\n', '\r\n')]
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return plain
  }
  const compact = JSON.stringify(value)
  const python = spaced(compact)
  const sorted = JSON.stringify(inOrder(value))
  return [
    compact,
    JSON.stringify(value, null, 2),
    JSON.stringify(value, null, 4),
    python,
    ascii(python),
    ascii(compact),
    sorted,
    spaced(sorted),
    compact.replaceAll(/[<>&]/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    compact.replaceAll('/', '\\/'),
    ...plain,
  ]
}

/** One space after each colon and comma outside of texts, as Python's json.dumps writes. */
function spaced(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|[:,]/g, (each) => (each === ':' || each === ',' ? `${each} ` : each))
}

function ascii(json: string): string {
  return json.replaceAll(/[\u0080-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, inOrder(each)]),
  )
}

const services = ['lambda', 'bedrock-agentcore', 'execute-api', 's3', 'aws-mcp', 'bedrock']
const regions = ['us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-southeast-2']

function keys({ signed, otherSecrets }: Material): Patch[] {
  const { secret, scope } = signed
  const [day, region, service] = scope.split('/') as [string, string, string]
  const derived = (keyScope: string): Patch => ({ cause: 'key-derived-otherwise', set: { keyScope } })
  const at = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)))
  const days = [-1, 1].map((by) => new Date(at + by * 86_400_000).toISOString().slice(0, 10).replaceAll('-', ''))
  return [
    ...otherSecrets.map((other): Patch => ({ cause: 'secret-of-another-key', set: { secret: other } })),
    ...[
      `${secret}\n`,
      `${secret} `,
      ` ${secret}`,
      `${secret}\r\n`,
      `"${secret}"`,
      `'${secret}'`,
      encodeURIComponent(secret),
    ].map((dirty): Patch => ({ cause: 'secret-whitespace', set: { secret: dirty } })),
    ...services.map((each) => rare(derived(`${day}/${region}/${each}/aws4_request`))),
    ...regions.map((each) => rare(derived(`${day}/${each}/${service}/aws4_request`))),
    ...days.map((each) => derived(`${each}/${region}/${service}/aws4_request`)),
  ]
}

/** What hops and libraries are known to write into a header; a value of our own nobody can guess. */
const usual: Record<string, readonly string[]> = {
  connection: ['keep-alive', 'close', 'Keep-Alive', 'upgrade'],
  accept: ['*/*', 'application/json', 'text/event-stream', 'application/json, text/event-stream'],
  'accept-encoding': [
    'gzip, deflate',
    'gzip, deflate, br',
    'gzip',
    'identity',
    'br, gzip, deflate',
    'gzip, deflate, br, zstd',
  ],
  'content-type': [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'text/plain;charset=UTF-8',
  ],
  te: ['trailers'],
  expect: ['100-continue'],
  'transfer-encoding': ['chunked'],
}

function headers({ rawHeaders, body, signed }: Material): Patch[] {
  const all: Patch[] = []
  const sent = canonicalHeaders(rawHeaders)
  const bytes = body?.byteLength
  for (const name of signed.signedHeaders) {
    if (name === 'host' || name === 'x-amz-date' || name === 'x-amz-security-token') continue
    const value = sent.get(name)
    const cause: CauseId = value === undefined ? 'header-dropped' : 'header-changed'
    const set = (id: CauseId, text: string) => all.push({ cause: id, set: {}, headers: { [name]: text } })
    const raw = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === name)
    if (value !== undefined) {
      set('header-folding', raw.join(','))
      set('header-folding', raw.map((each) => each.trim()).join(', '))
      set('header-folding', raw.map((each) => each.trim()).join(','))
      set('header-folding', raw.at(-1)!.trim())
      set(cause, value.toLowerCase())
      set(cause, value.replaceAll(/, */g, ','))
      set(cause, value.replaceAll(/, */g, ', '))
      set(cause, value.split(',').slice(0, -1).join(',').trim())
      set(cause, value.split(';')[0]!.trim())
      set(cause, '')
    }
    // What is usual comes alone: a value that a hop changed beside another fault is the first two of these.
    for (const [place, each] of (usual[name] ?? []).entries())
      all.push({ cause, set: {}, headers: { [name]: each }, ...(place > 1 ? { rare: true } : {}) })
    if (name === 'content-length' && bytes !== undefined) set(cause, String(bytes))
    if (name === 'x-amz-content-sha256') {
      set(cause, signed.payloadHash)
      set(cause, 'UNSIGNED-PAYLOAD')
    }
  }
  return all
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
