import { afterAll, beforeAll, expect, it } from 'vitest'
import { serviceProfile } from '../../../src/auth/bearer/profiles.ts'
import { createTokenVerifier } from '../../../src/auth/bearer/verify.ts'
import { withBearer } from '../../../src/auth/bearer/with-bearer.ts'
import { anonymous, type FetchHandler } from '../../../src/http/fetch-handler.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import { MemoryTable } from '../../../src/state/memory.ts'
import { makeKey, signWith, startIssuer, type SigningKey, type TestIssuer } from './issuer.ts'

// The handler takes any body, as a server in another language may: what the guard lets through, it answers.
const resource = 'https://mcp.example.com/mcp'
let key: SigningKey
let issuer: TestIssuer
let server: Listening
let guarded: FetchHandler
beforeAll(async () => {
  key = await makeKey('key-1')
  issuer = await startIssuer([key])
  guarded = withBearer(async (request) => Response.json({ body: await request.text() }), {
    resource,
    authorizationServers: [issuer.url],
    verifier: createTokenVerifier({ profile: serviceProfile({ issuer: issuer.url, resource }) }),
    scopes: { supported: [], base: ['demo/read'], tools: { write: ['demo/write'] } },
    proofs: new MemoryTable(),
  })
  server = await listen((request, context) => guarded(request, context))
})
afterAll(async () => {
  await server.close()
  await issuer.close()
})

const nowS = () => Math.floor(Date.now() / 1000)
const token = (changed: Record<string, unknown> = {}) =>
  signWith(
    key,
    {
      iss: issuer.url,
      sub: 'ada',
      aud: resource,
      client_id: 'app',
      scope: 'demo/read',
      jti: 'j',
      iat: nowS(),
      exp: nowS() + 300,
      ...changed,
    },
    { typ: 'at+jwt' },
  )
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'write', arguments: {} } }
const post = async (body: string, bearer?: string) =>
  fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer ?? (await token())}` },
    body,
  })

it('a tool’s scope is asked for when the request is of the platform’s own class', async () => {
  const headers = { authorization: `Bearer ${await token()}` }
  const request = new Request(resource, { method: 'POST', headers, body: JSON.stringify(call) })
  expect((await guarded(request, { requestId: 'r', principal: anonymous })).status).toBe(403)
})

it.each([
  ['Method', { ...call, method: 'ping', Method: 'tools/call' }],
  ['Params', { ...call, params: {}, Params: call.params }],
  ['param\u017f, which Go folds to params', { ...call, params: {}, paramſ: call.params }],
  ['NAME', { ...call, params: { name: 'look', NAME: 'write' } }],
])('a tool’s scope is asked for when the body says %s, since a server in Go would read it', async (_, body) => {
  expect((await post(JSON.stringify(body))).status).toBe(403)
})

it.each([
  ['no JSON to us', `${JSON.stringify(call).slice(0, -1)},"x":NaN}`],
  ['behind a byte order mark', `\ufeff${JSON.stringify(call)}`],
  ['too deep for us', JSON.stringify({ ...call, x: 1 }).replace('"x":1', `"x":${'['.repeat(80)}${']'.repeat(80)}`)],
])('a body that is %s is not let through unread', async (_, body) => {
  expect([400, 403]).toContain((await post(body)).status)
})

it.each([[{ 'x5t#S256': 'abc' }], [{ jkt: 5 }], [{ jkt: '' }], ['jkt'], [{}]])(
  'a token that is bound in a way that cannot be proved here is refused: cnf %j',
  async (cnf) => {
    expect((await post('{}', await token({ cnf }))).status).toBe(401)
  },
)

it('a key set that answers 500 is unreachable; the signature is not blamed', async () => {
  const broken = await startIssuer([key])
  try {
    broken.broken = true
    const profile = serviceProfile({ issuer: broken.url, resource })
    const verifier = createTokenVerifier({ profile, jwksUri: `${broken.url}/jwks` })
    expect(await verifier.verify(await token({ iss: broken.url }))).toMatchObject({ code: 'TOKEN_KEYS_UNREACHABLE' })
  } finally {
    await broken.close()
  }
})

it('a preflight may ask for the DPoP header', async () => {
  const { preflight } = await import('../../../src/mcp/cors.ts')
  const asked = new Request(resource, { method: 'OPTIONS', headers: { origin: 'http://localhost' } })
  expect(preflight(asked, ['POST']).headers.get('access-control-allow-headers')).toMatch(/\bdpop\b/)
})
