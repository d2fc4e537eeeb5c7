import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { exportSPKI, importJWK, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../src/errors.ts'
import { makeKey, signWith, startIssuer, type SigningKey, type TestIssuer } from './issuer.ts'
import { mcpHeaders, nowS, startResource, toolCall, type Resource } from './resource.ts'

let key: SigningKey
let other: SigningKey
let issuer: TestIssuer
let resource: Resource
beforeAll(async () => {
  ;[key, other] = await Promise.all([makeKey('key-1'), makeKey('key-1')])
  issuer = await startIssuer([key, { ...(await makeKey('key-2')), kid: 'key-2' }])
  resource = await startResource({ issuer: issuer.url })
})
afterAll(async () => {
  await resource.close()
  await issuer.close()
})

let serial = 0
const good = (changed: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: issuer.url,
  sub: 'ada-sub',
  aud: resource.url,
  client_id: 'app-1',
  scope: 'demo/read',
  jti: `jti-${++serial}`,
  iat: nowS(),
  exp: nowS() + 300,
  ...changed,
})
const sign = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, by = key) =>
  signWith(by, good(claims), { typ: 'at+jwt', ...header })
const unsigned = (header: unknown, claims: unknown, signature = '') =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`

const send = (headers: Record<string, string>, path = '/mcp', method = 'POST') =>
  fetch(resource.origin + path, {
    method,
    headers: { ...mcpHeaders, ...headers },
    ...(method === 'POST' ? { body: JSON.stringify(toolCall('whoami')) } : {}),
  })
const bearer = async (token: string | Promise<string>) => send({ authorization: `Bearer ${await token}` })

/** What every refusal of a token has, whatever the reason. */
function expectInvalidToken(response: Response, code: string): void {
  const header = response.headers.get('www-authenticate')
  expect([response.status, resource.refusals.at(-1)?.code]).toEqual([401, code])
  expect(header).toMatch(/^Bearer error="invalid_token", error_description="[^"]+"/)
  expect(header).toContain(`resource_metadata="${resource.origin}/.well-known/oauth-protected-resource/mcp"`)
  expect(header).toContain('scope="demo/read"')
}

it('lets in a token that is as it must be', async () => {
  const response = await bearer(sign())
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('ada-sub')
})

type Attack = [name: string, token: () => string | Promise<string>, code: ErrorCode]

describe('a token is refused with invalid_token', () => {
  const attacks: Attack[] = [
    ['alg none', () => unsigned({ alg: 'none', typ: 'at+jwt', kid: 'key-1' }, good()), 'TOKEN_MALFORMED'],
    ['alg none in capitals', () => unsigned({ alg: 'NONE', typ: 'at+jwt', kid: 'key-1' }, good()), 'TOKEN_MALFORMED'],
    [
      'alg none with a signature',
      async () => unsigned({ alg: 'none', typ: 'at+jwt' }, good(), 'AAAA'),
      'TOKEN_ALGORITHM',
    ],
    ['no alg', () => unsigned({ typ: 'at+jwt', kid: 'key-1' }, good(), 'AAAA'), 'TOKEN_ALGORITHM'],
    ['HS256 keyed with the public key', () => hmacWithPublicKey(), 'TOKEN_ALGORITHM'],
    ['ES256 where RS256 is pinned', async () => sign({}, {}, await makeKey('key-1', 'ES256')), 'TOKEN_ALGORITHM'],
    ['PS256 where RS256 is pinned', async () => sign({}, {}, await makeKey('key-1', 'PS256')), 'TOKEN_ALGORITHM'],
    ['its own key in jwk', () => sign({}, { jwk: other.jwk }, other), 'TOKEN_HEADER'],
    ['its own key in jwk, without kid', () => sign({}, { jwk: other.jwk, kid: undefined }, other), 'TOKEN_HEADER'],
    ['its own keys behind jku', () => sign({}, { jku: 'http://127.0.0.1:1/jwks' }, other), 'TOKEN_HEADER'],
    ['its own keys behind x5u', () => sign({}, { x5u: 'http://127.0.0.1:1/cert' }, other), 'TOKEN_HEADER'],
    ['another key under the same kid', () => sign({}, {}, other), 'TOKEN_SIGNATURE'],
    ['the kid of another key of the issuer', () => sign({}, { kid: 'key-2' }), 'TOKEN_SIGNATURE'],
    ['an unknown kid', () => sign({}, { kid: 'key-9' }), 'TOKEN_KEY_UNKNOWN'],
    ['a kid that is a path', () => sign({}, { kid: '../../dev/null' }), 'TOKEN_KEY_UNKNOWN'],
    ['crit', () => crit(), 'TOKEN_HEADER'],
    [
      'crit that names what a library knows',
      () => signBytes({ ...header, crit: ['b64'], b64: true }, JSON.stringify(good())),
      'TOKEN_HEADER',
    ],
    ['typ JWT', () => sign({}, { typ: 'JWT' }), 'TOKEN_TYPE'],
    ['no typ', () => sign({}, { typ: undefined }), 'TOKEN_TYPE'],
    [
      'an ID token of our issuer',
      () => sign({ client_id: undefined, aud: 'app-1', nonce: 'n' }, { typ: 'JWT' }),
      'TOKEN_TYPE',
    ],
    ['typ of a DPoP proof', () => sign({}, { typ: 'dpop+jwt' }), 'TOKEN_TYPE'],
    ['no exp', () => sign({ exp: undefined }), 'TOKEN_CLAIM'],
    ['a string as exp', () => signString('exp', String(nowS() + 300)), 'TOKEN_CLAIM'],
    ['exp beyond all numbers', () => signRaw('"exp":1e999'), 'TOKEN_CLAIM'],
    ['exp in the past', () => sign({ exp: nowS() - 6 }), 'TOKEN_EXPIRED'],
    ['nbf in the future', () => sign({ nbf: nowS() + 60 }), 'TOKEN_NOT_YET'],
    ['iat in the future', () => sign({ iat: nowS() + 60 }), 'TOKEN_NOT_YET'],
    ['no iat', () => sign({ iat: undefined }), 'TOKEN_CLAIM'],
    ['a string as iat', () => signString('iat', 'yesterday'), 'TOKEN_CLAIM'],
    ['no sub', () => sign({ sub: undefined }), 'TOKEN_CLAIM'],
    ['an empty sub', () => sign({ sub: '' }), 'TOKEN_CLAIM'],
    ['a list as sub', () => sign({ sub: ['ada-sub'] }), 'TOKEN_CLAIM'],
    ['no client_id', () => sign({ client_id: undefined }), 'TOKEN_CLAIM'],
    ['no jti', () => sign({ jti: undefined }), 'TOKEN_CLAIM'],
    ['another issuer', () => sign({ iss: 'https://evil.example' }), 'TOKEN_ISSUER'],
    ['our issuer with a slash', () => sign({ iss: `${issuer.url}/` }), 'TOKEN_ISSUER'],
    ['our issuer in a list', () => sign({ iss: [issuer.url] }), 'TOKEN_ISSUER'],
    ['no issuer', () => sign({ iss: undefined }), 'TOKEN_ISSUER'],
    ['another audience', () => sign({ aud: 'https://other.example/mcp' }), 'TOKEN_AUDIENCE'],
    ['no audience', () => sign({ aud: undefined }), 'TOKEN_AUDIENCE'],
    ['the origin as audience', () => sign({ aud: resource.origin }), 'TOKEN_AUDIENCE'],
    ['a slash behind the audience', () => sign({ aud: `${resource.url}/` }), 'TOKEN_AUDIENCE'],
    ['the audience in capitals', () => sign({ aud: resource.url.toUpperCase() }), 'TOKEN_AUDIENCE'],
    ['a longer path as audience', () => sign({ aud: `${resource.url}/admin` }), 'TOKEN_AUDIENCE'],
    ['ours among other audiences', () => sign({ aud: [resource.url, 'https://other.example/mcp'] }), 'TOKEN_AUDIENCE'],
    ['an empty list of audiences', () => sign({ aud: [] }), 'TOKEN_AUDIENCE'],
    ['the client as audience', () => sign({ aud: 'app-1' }), 'TOKEN_AUDIENCE'],
    ['a binding to a certificate', () => sign({ cnf: { 'x5t#S256': 'abc' } }), 'TOKEN_CLAIM'],
    ['a token that is no JWT', () => 'opaque-token', 'TOKEN_MALFORMED'],
    ['five segments', () => 'e30.e30.e30.e30.e30', 'TOKEN_MALFORMED'],
    ['a header that is a list', () => unsigned([], good(), 'AAAA'), 'TOKEN_MALFORMED'],
    [
      'claims that are no JSON',
      () => `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30x.AAAA`,
      'TOKEN_MALFORMED',
    ],
    ['one changed letter in its claims', async () => changed(await sign()), 'TOKEN_SIGNATURE'],
    ['a signature cut short', async () => (await sign()).slice(0, -8), 'TOKEN_SIGNATURE'],
    ['9,000 letters', () => sign({ padding: 'x'.repeat(9000) }), 'TOKEN_MALFORMED'],
  ]
  it.each(attacks)('%s', async (_, token, code) => {
    expectInvalidToken(await bearer(token()), code)
  })
})

it('takes an array with the audience alone, and a typ with its prefix', async () => {
  expect((await bearer(sign({ aud: [resource.url] }, { typ: 'application/at+jwt' }))).status).toBe(200)
})

it('allows five seconds between the clocks', async () => {
  expect((await bearer(sign({ exp: nowS() - 3, iat: nowS() + 3, nbf: nowS() + 3 }))).status).toBe(200)
})

async function hmacWithPublicKey(): Promise<string> {
  const pem = await exportSPKI(
    (await importJWK({ ...key.jwk, ext: true }, 'RS256', { extractable: true })) as CryptoKey,
  )
  const signed = unsigned({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' }, good()).slice(0, -1)
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
}

async function signBytes(header: object, claims: string): Promise<string> {
  const signed = [JSON.stringify(header), claims].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const algorithm = { name: 'RSASSA-PKCS1-v1_5' }
  const signature = await crypto.subtle.sign(algorithm, key.privateKey, Buffer.from(signed))
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

const header = { alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }
const crit = () => signBytes({ ...header, crit: ['exp'] }, JSON.stringify(good()))
const signString = (name: string, value: string) => signBytes(header, JSON.stringify(good({ [name]: value })))
const signRaw = (member: string) =>
  signBytes(header, JSON.stringify(good({ exp: undefined })).replace(/\}$/, `,${member}}`))

function changed(token: string): string {
  const [head, body, signature] = token.split('.')
  const claims = Buffer.from(body!, 'base64url').toString().replace('ada-sub', 'bob-sub')
  return [head, Buffer.from(claims).toString('base64url'), signature].join('.')
}

describe('a token counts only in the one Authorization header', () => {
  it('a request without a token is told where to get one, and of no error', async () => {
    const response = await send({})
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer scope="demo/read", resource_metadata="${resource.origin}/.well-known/oauth-protected-resource/mcp"`,
    )
    expect(resource.refusals.at(-1)?.code).toBe('TOKEN_MISSING')
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s without a token is 401 too', async (method) => {
    expect((await send({}, '/mcp', method)).status).toBe(401)
  })

  it.each(['/', '/mcp/', '/other', '/healthz/x', '/.well-known/oauth-protected-resource/other'])(
    'so is a request for %s',
    async (path) => {
      expect((await send({}, path)).status).toBe(401)
    },
  )

  it('a token in the query does not count', async () => {
    expect((await send({}, `/mcp?access_token=${await sign()}`)).status).toBe(401)
    expect(resource.refusals.at(-1)).toMatchObject({ code: 'TOKEN_MISSING' })
  })

  it('a token in the body does not count', async () => {
    const response = await fetch(resource.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ access_token: await sign() }),
    })
    expect(response.status).toBe(401)
  })

  it('a token in a cookie does not count', async () => {
    expect((await send({ cookie: `access_token=${await sign()}` })).status).toBe(401)
  })

  const malformed: [name: string, (token: string) => Record<string, string>, path?: string][] = [
    ['two tokens joined by a comma', (token) => ({ authorization: `Bearer ${token}, Bearer ${token}` })],
    ['two tokens and one scheme', (token) => ({ authorization: `Bearer ${token} ${token}` })],
    ['a parameter behind the token', (token) => ({ authorization: `Bearer ${token}; x=1` })],
    ['quotes around the token', (token) => ({ authorization: `Bearer "${token}"` })],
    ['a token in the header and the query', (token) => ({ authorization: `Bearer ${token}` }), '/mcp?access_token=x'],
  ]
  it.each(malformed)('%s is 400', async (_, headers, path) => {
    const response = await send(headers(await sign()), path)
    expect(response.status).toBe(400)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
  })

  it('a second Authorization header is 400, whichever of the two is good', async () => {
    for (const order of [
      [await sign(), 'x'],
      ['x', await sign()],
    ])
      expect(await sendRaw(order.flatMap((token) => ['Authorization', `Bearer ${token}`]))).toBe(400)
  })

  it.each(['Basic YTpi', 'Basic YTpi, Bearer x', 'AWS4-HMAC-SHA256 x'])(
    '%j is no token, so 401',
    async (authorization) => {
      const response = await send({ authorization })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).not.toContain('error=')
    },
  )

  it('the scheme is read in any case', async () => {
    expect((await send({ authorization: `bEARER ${await sign()}` })).status).toBe(200)
  })
})

async function sendRaw(headers: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(resource.origin)
    const list = ['Host', `${hostname}:${port}`, 'Content-Type', 'application/json', 'Content-Length', '2', ...headers]
    const sent = request({ hostname, port, path: '/mcp', method: 'POST', headers: list }, (res) => {
      res.resume()
      resolve(res.statusCode!)
    })
    sent.on('error', reject)
    sent.end('{}')
  })
}

it('no refusal repeats anything of the token to the client', async () => {
  const token = await sign({ aud: 'https://secret-audience.example' })
  const response = await bearer(token)
  const told = (await response.text()) + JSON.stringify([...response.headers])
  expect(told).not.toContain('secret-audience')
  expect(JSON.stringify(resource.refusals.at(-1)?.why)).not.toContain(token.split('.')[2])
})
