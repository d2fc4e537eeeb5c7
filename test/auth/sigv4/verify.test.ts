import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import aws4 from 'aws4'
import { describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { sign } from '../../../src/auth/sigv4/sign.ts'
import { verify } from '../../../src/auth/sigv4/verify.ts'

const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret', sessionToken: 'a/token+with=signs' }
const at = Date.parse('2026-11-22T10:00:00Z')
const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')

/** The shapes of endpoint that people sign for. */
const shapes: [name: string, url: string, service: string, region: string][] = [
  ['a function URL', 'https://abc123.lambda-url.eu-west-1.on.aws/mcp', 'lambda', 'eu-west-1'],
  ['a function URL with a query', 'https://abc123.lambda-url.eu-west-1.on.aws/mcp?b=2&a=1&a=0', 'lambda', 'eu-west-1'],
  ['a host with a port', 'http://127.0.0.1:4101/mcp', 'lambda', 'us-east-1'],
  ['execute-api', 'https://x1.execute-api.us-east-1.amazonaws.com/prod/mcp', 'execute-api', 'us-east-1'],
  ['execute-api in China', 'https://x1.execute-api.cn-north-1.amazonaws.com.cn/prod/mcp', 'execute-api', 'cn-north-1'],
  [
    'an AgentCore runtime',
    'https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-west-2%3A111122223333%3Aruntime%2Fdemo-AbC/invocations?qualifier=DEFAULT',
    'bedrock-agentcore',
    'us-west-2',
  ],
  [
    'an AgentCore gateway',
    'https://gw1.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp',
    'bedrock-agentcore',
    'us-east-1',
  ],
  ['api.aws', 'https://aws-mcp.us-east-1.api.aws/mcp', 'aws-mcp', 'us-east-1'],
  ['GovCloud', 'https://bedrock-agentcore.us-gov-west-1.amazonaws.com/mcp', 'bedrock-agentcore', 'us-gov-west-1'],
  ['a custom domain', 'https://mcp.example.com/', 'lambda', 'us-east-1'],
  ['a path in another script', 'https://mcp.example.com/%C3%BC/mcp', 'lambda', 'us-east-1'],
  ['a query that needs encoding', 'https://mcp.example.com/mcp?q=a%20b%2Bc%2F%28d%29&empty=', 'lambda', 'us-east-1'],
  ['a trailing slash', 'https://mcp.example.com/mcp/', 'lambda', 'us-east-1'],
]

class Sha256 {
  readonly #sum
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#sum =
      key === undefined
        ? createHash('sha256')
        : createHmac('sha256', typeof key === 'string' ? key : Buffer.from(key as ArrayBuffer))
  }
  update(data: string | Uint8Array): void {
    this.#sum.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#sum.digest()
  }
}

interface Sent {
  target: string
  rawHeaders: string[]
  body?: Uint8Array
  method?: string
}

function received(sent: Sent, service: string, region: string, now = at) {
  return verify(
    { method: 'POST', body, ...sent },
    { service, region, lookup: (id) => (id === credentials.accessKeyId ? credentials : undefined), now: () => now },
  )
}

async function bySmithy(url: string, service: string, region: string): Promise<Sent> {
  const { hostname, host, pathname, searchParams, search, protocol } = new URL(url)
  const query: Record<string, string[]> = {}
  for (const [name, value] of searchParams) (query[name] ??= []).push(value)
  const signer = new SignatureV4({ credentials, service, region, sha256: Sha256 })
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol,
      hostname,
      path: pathname,
      query,
      headers: { host, 'content-type': 'application/json' },
      body,
    },
    { signingDate: new Date(at) },
  )
  return { target: pathname + search, rawHeaders: Object.entries(signed.headers).flat() }
}

function byUs(url: string, service: string, region: string): Sent {
  const { host, pathname, search } = new URL(url)
  const target = pathname + search
  const rawHeaders = ['host', host, 'content-type', 'application/json']
  const added = sign({ method: 'POST', target, rawHeaders, body }, credentials, {
    service,
    region,
    now: () => new Date(at),
  })
  return { target, rawHeaders: [...rawHeaders, ...Object.entries(added).flat()] }
}

describe('requests that others sign', () => {
  it.each(shapes)('by AWS’s own signer for %s are verified', async (_name, url, service, region) => {
    expect(received(await bySmithy(url, service, region), service, region)).toMatchObject({ ok: true })
  })

  it.each(shapes)(
    'by ours for %s have the signature that AWS’s own signer makes',
    async (_name, url, service, region) => {
      const theirs = (await bySmithy(url, service, region)).rawHeaders
      const ours = byUs(url, service, region).rawHeaders
      expect(valueOf(ours, 'authorization')).toBe(valueOf(theirs, 'authorization'))
      expect(received(byUs(url, service, region), service, region)).toMatchObject({ ok: true })
    },
  )

  it('by aws4 are verified', () => {
    const { host, pathname } = new URL(shapes[0]![1])
    const signed = aws4.sign(
      {
        host,
        path: pathname,
        method: 'POST',
        service: 'lambda',
        region: 'eu-west-1',
        body: body.toString(),
        headers: { 'Content-Type': 'application/json', 'X-Amz-Date': '20261122T100000Z' },
      },
      credentials,
    )
    expect(
      received(
        {
          target: pathname,
          rawHeaders: Object.entries(signed.headers).flatMap(([name, value]) => [name, String(value)]),
        },
        'lambda',
        'eu-west-1',
      ),
    ).toMatchObject({ ok: true })
  })

  it('as a presigned URL by AWS’s own signer are verified until they expire', async () => {
    const signer = new SignatureV4({ credentials, service: 'lambda', region: 'us-east-1', sha256: Sha256 })
    const signed = await signer.presign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: 'mcp.example.com',
        path: '/mcp',
        headers: { host: 'mcp.example.com' },
      },
      { signingDate: new Date(at), expiresIn: 60 },
    )
    const query = Object.entries(signed.query ?? {})
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&')
    const sent = {
      method: 'GET',
      target: `/mcp?${query}`,
      rawHeaders: ['host', 'mcp.example.com'],
      body: Buffer.alloc(0),
    }
    expect(received(sent, 'lambda', 'us-east-1')).toMatchObject({ ok: true })
    expect(received(sent, 'lambda', 'us-east-1', at + 59_000)).toMatchObject({ ok: true })
    expect(received(sent, 'lambda', 'us-east-1', at + 61_000)).toMatchObject({ reason: 'SIGV4_EXPIRED' })
  })

  it('through sigv4Fetch are verified as they arrive', async () => {
    const seen: Sent[] = []
    const signed = sigv4Fetch({
      credentials: async () => credentials,
      service: 'lambda',
      region: 'us-east-1',
      now: () => new Date(at),
      fetch: async (input, init) => {
        const { host, pathname, search } = new URL(input)
        seen.push({ target: pathname + search, rawHeaders: ['host', host, ...[...(init!.headers as Headers)].flat()] })
        return new Response()
      },
    })
    await signed('http://127.0.0.1:9999/mcp?x=1', {
      method: 'POST',
      body: body.toString(),
      headers: { 'content-type': 'application/json' },
    })
    expect(received(seen[0]!, 'lambda', 'us-east-1')).toMatchObject({ ok: true })
  })
})

describe('a signature that is wrong in one part', () => {
  const good = byUs('http://127.0.0.1:4101/mcp?a=1', 'lambda', 'us-east-1')
  const with_ = (name: string, change: (value: string) => string): Sent => ({
    ...good,
    rawHeaders: good.rawHeaders.map((value, i) =>
      i % 2 === 1 && good.rawHeaders[i - 1]!.toLowerCase() === name ? change(value) : value,
    ),
  })
  const without = (name: string): Sent => ({
    ...good,
    rawHeaders: good.rawHeaders.filter((_, i) => good.rawHeaders[i - (i % 2)]!.toLowerCase() !== name),
  })
  const flipped = (value: string) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0'))

  it('is verified when nothing is', () => expect(received(good, 'lambda', 'us-east-1')).toMatchObject({ ok: true }))

  it.each<[string, Sent, string]>([
    ['no header at all', without('authorization'), 'SIGV4_MISSING'],
    ['a bearer token in its place', with_('authorization', () => 'Bearer abc'), 'SIGV4_MISSING'],
    [
      'two Authorization headers',
      { ...good, rawHeaders: [...good.rawHeaders, 'Authorization', valueOf(good.rawHeaders, 'authorization')!] },
      'SIGV4_MALFORMED',
    ],
    ['no credential', with_('authorization', (v) => v.replace(/Credential=[^,]+, /, '')), 'SIGV4_MALFORMED'],
    ['a short signature', with_('authorization', (v) => v.slice(0, -1)), 'SIGV4_MALFORMED'],
    [
      'signed headers out of order',
      with_('authorization', (v) => v.replace('content-type;host', 'host;content-type')),
      'SIGV4_MALFORMED',
    ],
    ['no date', without('x-amz-date'), 'SIGV4_MALFORMED'],
    [
      'another day in the scope',
      with_('authorization', (v) => v.replace('/20261122/', '/20261121/')),
      'SIGV4_MALFORMED',
    ],
    ['an unknown key', with_('authorization', (v) => v.replace('ASIAEXAMPLE', 'ASIAOTHER')), 'SIGV4_KEY_UNKNOWN'],
    ['another service', with_('authorization', (v) => v.replace('/lambda/', '/execute-api/')), 'SIGV4_WRONG_SERVICE'],
    ['another region', with_('authorization', (v) => v.replace('/us-east-1/', '/eu-west-1/')), 'SIGV4_WRONG_REGION'],
    ['no session token', without('x-amz-security-token'), 'SIGV4_SESSION_TOKEN'],
    ['another session token', with_('x-amz-security-token', flipped), 'SIGV4_SESSION_TOKEN'],
    [
      'an x-amz header that is not signed',
      { ...good, rawHeaders: [...good.rawHeaders, 'x-amz-extra', '1'] },
      'SIGV4_HEADER_UNSIGNED',
    ],
    [
      'a host that is not signed',
      with_('authorization', (v) => v.replace('content-type;host;', 'content-type;')),
      'SIGV4_HEADER_UNSIGNED',
    ],
    ['an unsigned payload', with_('x-amz-content-sha256', () => 'UNSIGNED-PAYLOAD'), 'SIGV4_UNSIGNED_PAYLOAD'],
    ['another body', { ...good, body: Buffer.from('{}') }, 'SIGV4_BODY_CHANGED'],
    ['another hash of the body', with_('x-amz-content-sha256', flipped), 'SIGV4_BODY_CHANGED'],
    ['another signature', with_('authorization', flipped), 'SIGV4_MISMATCH'],
    ['another host', with_('host', () => '127.0.0.1:4102'), 'SIGV4_MISMATCH'],
    ['another content type', with_('content-type', () => 'text/plain'), 'SIGV4_MISMATCH'],
    ['another path', { ...good, target: '/mcq?a=1' }, 'SIGV4_MISMATCH'],
    ['another query', { ...good, target: '/mcp?a=2' }, 'SIGV4_MISMATCH'],
    ['another method', { ...good, method: 'PUT' }, 'SIGV4_MISMATCH'],
  ])('is refused with its own cause: %s', (_name, sent, reason) => {
    const result = received(sent, 'lambda', 'us-east-1')
    expect(result).toMatchObject({ ok: false, reason })
    expect(JSON.stringify(result)).not.toContain('a-secret')
  })

  it.each([
    [300, true],
    [301, false],
    [-300, true],
    [-301, false],
  ])('is held to a window of five minutes: %i s', (seconds, ok) => {
    const result = received(good, 'lambda', 'us-east-1', at + seconds * 1000)
    expect(result).toMatchObject(ok ? { ok } : { ok, reason: 'SIGV4_CLOCK_SKEW' })
  })
})

function valueOf(raw: readonly string[], name: string): string | undefined {
  return raw[raw.findIndex((each, at) => at % 2 === 0 && each.toLowerCase() === name) + 1]
}
