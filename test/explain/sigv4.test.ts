import { randomBytes } from 'node:crypto'
import aws4 from 'aws4'
import { describe, expect, it } from 'vitest'
import { sign } from '../../src/auth/sigv4/sign.ts'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { keptLine } from '../../src/explain/keep.ts'
import type { KeptRequest } from '../../src/explain/kept.ts'
import { causes } from '../../src/explain/sigv4-causes.ts'
import { explainSigv4 } from '../../src/explain/sigv4.ts'
import { LightRequest } from '../../src/http/light-request.ts'
import { breakSignature } from '../../src/local/faults/break-signature.ts'
import { signatureFaults, type SignatureFaultName } from '../../src/local/faults/signatures.ts'

const scope = { service: 'lambda', region: 'us-east-1' }
const names = Object.keys(signatureFaults) as SignatureFaultName[]

function keys() {
  const key = (prefix: string, token?: string) => ({
    accessKeyId: `${prefix}${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    ...(token ? { sessionToken: token } : {}),
  })
  return [key('ASIA', randomBytes(120).toString('base64')), key('AKIA')] as const
}

function signedRequest(options: { keys: ReturnType<typeof keys>; bytes?: number; now: number; target?: string }) {
  const text = randomBytes(options.bytes ?? 40).toString('hex')
  const body = Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text, 'a b': [1, 'ä'] } },
    }),
  )
  const rawHeaders = [
    'Host',
    '127.0.0.1:4101',
    'Content-Type',
    'application/json',
    'Accept',
    'application/json, text/event-stream',
  ]
  const request = { method: 'POST', target: options.target ?? '/mcp', rawHeaders, body }
  const added = sign(request, options.keys[0], { ...scope, now: () => new Date(options.now) })
  return light({ ...request, rawHeaders: [...rawHeaders, ...Object.entries(added).flat()] })
}

function light({ body, ...parts }: { method: string; target: string; rawHeaders: string[]; body: Uint8Array }) {
  return new LightRequest({
    ...parts,
    origin: 'http://127.0.0.1:4101',
    bytes: body,
    signal: new AbortController().signal,
  })
}

/** As it stands in .fairlead/requests.jsonl, and out of there again. */
function kept(request: LightRequest, at: number) {
  const facts = {
    id: 'x',
    at,
    platform: 'lambda',
    method: request.method,
    status: 403,
    ms: 1,
    requestBytes: request.bytes.byteLength,
  }
  return JSON.parse(
    keptLine(facts, { target: request.target, rawHeaders: request.rawHeaders, body: request.bytes }),
  ) as KeptRequest
}

function explain(request: LightRequest, known: ReturnType<typeof keys>, at: number) {
  const one = kept(request, at)
  const { method, target, headers: rawHeaders } = one
  const body = one.altered ? {} : { body: Buffer.from(one.body ?? '') }
  return explainSigv4({ method, target, rawHeaders, at, ...body }, { ...scope, keys: known })
}

const times = [Date.UTC(2026, 10, 24, 0, 2), Date.UTC(2027, 1, 28, 23, 59, 30), Date.now()]

describe('a signature that is good', () => {
  it('is explained step by step, without a secret in it', () => {
    for (const now of times) {
      const known = keys()
      const said = explain(signedRequest({ keys: known, now }), known, now)
      expect(said).toMatchObject({ accepted: true, causes: [], certainty: 'proved' })
      expect(said.steps.map(({ name }) => name)).toEqual([
        'canonical request',
        'string to sign',
        'signing key',
        'signature',
      ])
      for (const { secretAccessKey, sessionToken } of known) {
        expect(JSON.stringify(said)).not.toContain(secretAccessKey)
        if (sessionToken) expect(JSON.stringify(said)).not.toContain(sessionToken)
      }
    }
  })
})

describe('a signature that is refused', () => {
  it.each(names)('is named by its cause: %s', (name) => {
    for (const now of times) {
      const known = keys()
      const broken = breakSignature(signedRequest({ keys: known, now }), [name], { ...scope, keys: known, now })
      const wire = { method: broken.method, target: broken.target, rawHeaders: broken.rawHeaders, body: broken.bytes }
      const lookup = (id: string) => known.find(({ accessKeyId }) => accessKeyId === id)
      expect(verify(wire, { ...scope, lookup, now: () => now }).ok).toBe(false)
      const said = explain(broken, known, now)
      expect(said.causes).toEqual([name])
      expect(said.certainty).toBe(certaintyOf(name))
    }
  })

  it.each(names.filter((name) => name !== 'wrong-secret' && name !== 'session-token-wrong'))(
    'shows the first line that differs, or sees it without a line: %s',
    (name) => {
      const known = keys()
      const now = Date.now()
      const broken = breakSignature(signedRequest({ keys: known, now }), [name], { ...scope, keys: known, now })
      const { difference } = explain(broken, known, now)
      if (difference) expect(difference.client).not.toBe(difference.server)
      else expect(lineless).toContain(name)
    },
  )

  it.each([
    ['path-encoded-once', 'query-order'],
    ['host-rewritten', 'body-reserialised'],
    ['clock-behind', 'trailing-slash'],
    ['wrong-service', 'wrong-region'],
    ['wrong-region', 'path-decoded'],
    ['query-plus', 'header-changed'],
    ['port-dropped', 'method-changed'],
    ['secret-whitespace', 'path-encoded-once'],
    ['secret-of-another-key', 'clock-ahead'],
    ['unsigned-payload', 'session-token-unsigned'],
    ['header-unsigned', 'query-added'],
    ['header-dropped', 'header-folding'],
  ] as const)('is named by both causes: %s and %s', (one, two) => {
    for (const now of times) {
      const known = keys()
      const broken = breakSignature(signedRequest({ keys: known, now }), [one, two], { ...scope, keys: known, now })
      expect(explain(broken, known, now).causes.toSorted()).toEqual([one, two].toSorted())
    }
  })

  it('is explained where the client sent no hash of its body: aws4 signs so', () => {
    const known = keys()
    const body = '{"b": 1, "a": "ü"}'
    const signed = aws4.sign(
      {
        host: '127.0.0.1:4101',
        path: '/mcp',
        method: 'POST',
        ...scope,
        body,
        headers: { 'content-type': 'application/json' },
      },
      known[0],
    )
    const rawHeaders = Object.entries(signed.headers).flatMap(([name, value]) => [name, `${value}`])
    const sent = (text: string) => light({ method: 'POST', target: '/mcp', rawHeaders, body: Buffer.from(text) })
    expect(explain(sent(body), known, Date.now()).accepted).toBe(true)
    expect(explain(sent('{"b":1,"a":"ü"}'), known, Date.now()).causes).toEqual(['body-reserialised'])
    expect(explain(sent('{"b":2}'), known, Date.now()).certainty).toBe('rest')
  })

  it('takes under 20 ms of CPU for a body of 100 kB', () => {
    const known = keys()
    const now = Date.now()
    const slow: string[] = []
    for (const name of names) {
      const broken = kept(
        breakSignature(signedRequest({ keys: known, now, bytes: 50_000 }), [name], { ...scope, keys: known, now }),
        now,
      )
      const { method, target, headers: rawHeaders } = broken
      const input = { method, target, rawHeaders, at: now, body: Buffer.from(broken.body!) }
      const runs = [0, 1, 2, 3, 4].map(() => {
        const before = process.cpuUsage()
        explainSigv4(input, { ...scope, keys: known })
        const { user, system } = process.cpuUsage(before)
        return (user + system) / 1000
      })
      const best = Math.min(...runs)
      if (best > 20) slow.push(`${name} ${best}`)
    }
    expect(slow).toEqual([])
  })

  it('has a sentence and a fix for every fault', () => {
    expect(names.filter((name) => !(name in causes))).toEqual([])
  })
})

/** Where nothing in the canonical request differs: the key does, or what is not in it. */
const lineless = [
  'not-signed',
  'token-for-iam',
  'secret-of-another-key',
  'secret-whitespace',
  'key-unknown',
  'key-derived-otherwise',
  'wrong-service',
  'wrong-region',
  'clock-behind',
  'clock-ahead',
  'presign-expired',
  'session-token-missing',
  'session-token-unsigned',
  'header-unsigned',
]

function certaintyOf(name: SignatureFaultName) {
  if (name === 'wrong-secret') return 'rest'
  return ['session-token-wrong', 'not-signed', 'token-for-iam'].includes(name) ? 'seen' : 'proved'
}
