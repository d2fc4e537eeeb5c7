import { encode, sha256 } from '../../auth/sigv4/canonical.ts'
import {
  add,
  header,
  pairsOf,
  pathOf,
  queried,
  set,
  withPath,
  without,
  type Parts,
  type SignatureFault,
} from './signature-fault.ts'

const words = ['tide', 'quay', 'berth', 'buoy', 'keel']
let turn = 0
/** Another one each time, so that nothing can rely on it. */
const word = () => `${words[turn++ % words.length]!}${turn}`
const spacedPath = (parts: Parts): Parts => ({
  ...parts,
  target: withPath(parts.target, (path) => `${path}/${word()}%20${word()}`),
})
const asJson = (parts: Parts): unknown => {
  try {
    return JSON.parse(Buffer.from(parts.body).toString()) as unknown
  } catch {
    return { tide: word() }
  }
}
const withBody = (parts: Parts, text: string): Parts => ({
  ...set(parts, 'content-length', String(Buffer.byteLength(text))),
  body: Buffer.from(text),
})
const asBody = (parts: Parts) =>
  parts.body.byteLength > 0 ? parts : withBody({ ...parts, method: 'POST' }, JSON.stringify({ tide: word() }))

/** What clients and hops get wrong about SigV4. Each says what it does to every signed request that arrives. */
export const signatureFaults = {
  'not-signed': { does: 'Requests are not signed.', sends: (parts) => without(parts, 'authorization') },
  'token-for-iam': {
    does: 'The client sends a bearer token where IAM guards.',
    sends: (parts) => set(parts, 'authorization', `Bearer ${word()}`),
  },
  'wrong-secret': {
    does: 'Requests are signed with a secret that is not the key’s.',
    client: (client) => ({ ...client, secretAccessKey: `${client.secretAccessKey.slice(0, -6)}${word()}` }),
  },
  'secret-of-another-key': {
    does: 'Requests are signed with the secret of another access key id.',
    client: (client, others) => ({ ...client, secretAccessKey: others[0]?.secretAccessKey ?? 'x' }),
  },
  'secret-whitespace': {
    does: 'The secret was read from a file with its line break.',
    client: (client) => ({ ...client, secretAccessKey: `${client.secretAccessKey}\n` }),
  },
  'key-unknown': {
    does: 'Requests carry an access key id that nobody has.',
    client: (client) => ({ ...client, accessKeyId: `AKIA${word().toUpperCase()}`.padEnd(20, 'X') }),
  },
  'path-encoded-once': {
    does: 'The client encodes the path once in the canonical request, as for S3.',
    wire: spacedPath,
    signs: (_, parts) => ({ uri: pathOf(parts) }),
  },
  'path-decoded': {
    does: 'The client decodes the path before it signs.',
    wire: spacedPath,
    signs: (_, parts) => ({ uri: decodeURIComponent(pathOf(parts)) }),
  },
  'path-not-normalised': {
    does: 'The client signs a path with dots in it as it is.',
    wire: (parts) => ({ ...parts, target: withPath(parts.target, (path) => `/${word()}/..${path}`) }),
    signs: (_, parts) => ({ uri: pathOf(parts).split('/').map(encode).join('/') }),
  },
  'trailing-slash': {
    does: 'A hop adds a slash at the end of the path.',
    sends: (parts) => ({ ...parts, target: withPath(parts.target, (path) => `${path}/`) }),
  },
  'path-rewritten': {
    does: 'A hop puts a stage before the path.',
    sends: (parts) => ({ ...parts, target: withPath(parts.target, (path) => `/${word()}${path}`) }),
  },
  'query-order': {
    does: 'The client adds a query and signs its parameters in the order of the URL.',
    wire: queried(() => `b=${word()}&a=${word()}`),
    signs: (_, parts) => ({
      query: pairsOf(parts)
        .map(([name, value]) => `${encode(name)}=${encode(value)}`)
        .join('&'),
    }),
  },
  'query-encoding': {
    does: 'The client adds a query and signs it without encoding the slash.',
    wire: queried(() => `at=${word()}%2F${word()}`),
    signs: (draft) => ({ query: draft.query.replaceAll('%2F', '/') }),
  },
  'query-plus': {
    does: 'The client adds a query, signs its space as %20 and sends it as +.',
    wire: queried(() => `at=${word()}+${word()}`),
    signs: (draft) => ({ query: draft.query.replaceAll('%2B', '%20') }),
  },
  'query-added': { does: 'A hop adds a query to the URL.', sends: queried(() => `trace=${word()}`) },
  'host-rewritten': {
    does: 'A proxy puts its own name into Host, and the one that was signed into X-Forwarded-Host.',
    wire: (parts) => set(parts, 'host', `${word()}.example.com`),
    sends: (parts) => set(add(parts, 'x-forwarded-host', header(parts, 'host')), 'host', '127.0.0.1'),
  },
  'port-dropped': {
    does: 'The client signs the host without its port.',
    wire: (parts) =>
      /:\d+$/.test(header(parts, 'host')) ? parts : set(parts, 'host', `${header(parts, 'host')}:4101`),
    signs: (draft) => ({
      headers: new Map([...draft.headers, ['host', draft.headers.get('host')!.replace(/:\d+$/, '')]]),
    }),
  },
  'body-reserialised': {
    does: 'A hop parses the JSON body and writes it anew.',
    wire: (parts) => withBody(parts, JSON.stringify(asJson(asBody(parts)))),
    sends: (parts) => withBody(parts, JSON.stringify(asJson(parts), null, 2)),
  },
  'body-changed': {
    does: 'A hop changes the body.',
    wire: asBody,
    sends: (parts) => withBody(parts, JSON.stringify({ was: word() })),
  },
  'body-not-hashed': {
    does: 'The client signs before it has the body.',
    wire: asBody,
    signs: (draft) => ({
      payloadHash: sha256(''),
      headers: new Map([...draft.headers, ['x-amz-content-sha256', sha256('')]]),
    }),
    sends: (parts) => set(parts, 'x-amz-content-sha256', sha256('')),
  },
  'unsigned-payload': {
    does: 'The client sends UNSIGNED-PAYLOAD for the hash of the body.',
    signs: (draft) => ({
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: new Map([...draft.headers, ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']]),
    }),
    sends: (parts) => set(parts, 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD'),
  },
  'wrong-service': {
    does: 'The client signs for the service execute-api.',
    client: (client) => ({ ...client, service: 'execute-api' }),
  },
  'wrong-region': {
    does: 'The client signs for the region eu-west-1.',
    client: (client) => ({ ...client, region: 'eu-west-1' }),
  },
  'key-derived-otherwise': {
    does: 'The client derives the signing key for the day before.',
    signs: (draft) => ({ keyScope: yesterday(draft.keyScope) }),
  },
  'clock-behind': {
    does: 'The clock of the client is 17 minutes behind.',
    client: (client) => ({ ...client, now: client.now - 1020_000 }),
  },
  'clock-ahead': {
    does: 'The clock of the client is 17 minutes ahead.',
    client: (client) => ({ ...client, now: client.now + 1020_000 }),
  },
  'presign-expired': {
    does: 'The client uses a presigned URL that was good until a minute ago.',
    client: (client) => ({ ...client, presignS: 60, now: client.now - 120_000 }),
  },
  'session-token-missing': {
    does: 'The client leaves its session token out.',
    client: (client) => ({ ...client, sessionToken: '' }),
  },
  'session-token-unsigned': {
    does: 'The client adds its session token after it has signed.',
    signs: (draft) => ({ signedHeaders: draft.signedHeaders.filter((name) => name !== 'x-amz-security-token') }),
  },
  'session-token-wrong': {
    does: 'The client sends the session token of an earlier session.',
    client: (client) => ({ ...client, sessionToken: `${word()}${'/A'.repeat(20)}` }),
  },
  'header-unsigned': {
    does: 'A hop adds an x-amz-* header that nobody signed.',
    sends: (parts) => add(parts, 'x-amz-meta-hop', word()),
  },
  'header-changed': {
    does: 'A hop adds a charset to the content type.',
    wire: (parts) => set(parts, 'content-type', 'application/json'),
    sends: (parts) => set(parts, 'content-type', 'application/json; charset=utf-8'),
  },
  'header-dropped': {
    does: 'A hop drops the connection header, which the client has signed.',
    wire: (parts) => set(parts, 'connection', 'keep-alive'),
    signs: (draft) => ({
      headers: new Map([...draft.headers, ['connection', 'keep-alive']]),
      signedHeaders: [...draft.signedHeaders, 'connection'].toSorted(),
    }),
    sends: (parts) => without(parts, 'connection'),
  },
  'header-folding': {
    does: 'The client signs a header with two spaces in it as it is.',
    wire: (parts) => set(parts, 'x-amz-meta-note', `${word()}  ${word()}`),
    signs: (draft, parts) => ({
      headers: new Map([...draft.headers, ['x-amz-meta-note', rawOf(parts, 'x-amz-meta-note')]]),
    }),
  },
  'method-changed': { does: 'A redirect turns the POST into a PUT.', sends: (parts) => ({ ...parts, method: 'PUT' }) },
} as const satisfies Record<string, SignatureFault>

export type SignatureFaultName = keyof typeof signatureFaults

function yesterday(scope: string): string {
  const [day, ...rest] = scope.split('/') as [string, ...string[]]
  const at = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6)) - 1)
  return [new Date(at).toISOString().slice(0, 10).replaceAll('-', ''), ...rest].join('/')
}

function rawOf(parts: Parts, name: string): string {
  return parts.rawHeaders[parts.rawHeaders.findIndex((text) => text.toLowerCase() === name) + 1] ?? ''
}
