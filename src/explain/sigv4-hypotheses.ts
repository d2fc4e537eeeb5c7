import { canonicalHeaders, sha256 } from '../auth/sigv4/canonical.ts'
import type { CauseId } from './sigv4-causes.ts'
import { rare, type Material, type Patch, type Signing } from './sigv4-signing.ts'
import { paths, queries } from './sigv4-targets.ts'
import { writtenAnew } from './written-anew.ts'

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

function isNothing({ set, headers = {} }: Patch, signed: Signing): boolean {
  return (
    Object.entries(set).every(([name, value]) => signed[name as keyof Signing] === value) &&
    Object.entries(headers).every(([name, value]) => signed.headers.get(name) === value)
  )
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
