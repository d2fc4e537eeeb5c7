import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthorizationService } from '../../src/oauth/service.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import { Browser } from '../support/browser.ts'
import {
  authorization,
  callback,
  post,
  read,
  redeem,
  refresh,
  register,
  resource,
  signIn,
  startService,
  toConsent,
  tokensFor,
  write,
  type TestService,
} from './support.ts'

let at: TestService
beforeAll(async () => {
  at = await startService()
})
afterAll(() => at.close())

describe('a sign-in', () => {
  it('ends in a JWT access token for the resource, with iss on the way', async () => {
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId)
    const began = performance.now()
    const came = await signIn(new Browser(), flow.url, 'ada')
    expect(came.get('iss')).toBe(at.issuer)
    expect(came.get('state')).toBe(flow.state)
    const { status, body } = await redeem(at.issuer, clientId, came.get('code')!, flow.verifier)
    const tookMs = performance.now() - began
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: read })
    expect(body.refresh_token).toBeTypeOf('string')
    const keys = createRemoteJWKSet(new URL(`${at.issuer}/jwks`))
    const { payload, protectedHeader } = await jwtVerify(body.access_token as string, keys, {
      issuer: at.issuer,
      audience: resource,
      typ: 'at+jwt',
    })
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toMatchObject({ sub: 'sub-ada', client_id: clientId, scope: read })
    expect(payload.exp! - payload.iat!).toBe(300)
    expect(tookMs).toBeLessThan(2000)
  })

  it('gives what a person may have, and not the rest', async () => {
    const clientId = await register(at.issuer)
    const scope = `${read} ${write} tools/ping`
    expect((await tokensFor(at.issuer, clientId, 'ada', { scope })).scope).toBe(`${read} tools/ping`)
    expect((await tokensFor(at.issuer, clientId, 'grace', { scope })).scope).toBe(scope)
  })

  it('ends in access_denied when a person may have nothing of it', async () => {
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId, { scope: write })
    const came = await signIn(new Browser(), flow.url, 'eve')
    expect(Object.fromEntries(came)).toMatchObject({ error: 'access_denied', iss: at.issuer, state: flow.state })
  })

  it('ends in invalid_scope when the resource knows none of it', async () => {
    const clientId = await register(at.issuer)
    const came = await signIn(new Browser(), authorization(at.issuer, clientId, { scope: 'other/use all' }).url, 'ada')
    expect(came.get('error')).toBe('invalid_scope')
  })

  it('gives the base scopes, and the first resource, to a client that names none', async () => {
    const clientId = await register(at.issuer)
    const tokens = await tokensFor(at.issuer, clientId, 'ada', { scope: '', resource: '' })
    expect(tokens.scope).toBe(read)
    expect(JSON.parse(Buffer.from(tokens.access_token.split('.')[1]!, 'base64url').toString())).toMatchObject({
      aud: resource,
    })
  })

  it('that is denied tells the client so, with iss', async () => {
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId)
    const came = await signIn(new Browser(), flow.url, 'ada', 'deny')
    expect(Object.fromEntries(came)).toMatchObject({ error: 'access_denied', iss: at.issuer, state: flow.state })
  })

  it('that the upstream refuses tells the client so', async () => {
    const clientId = await register(at.issuer)
    const came = await toConsent(new Browser(), authorization(at.issuer, clientId).url, 'nobody')
    expect(new URL(came.url).searchParams.get('error')).toBe('access_denied')
  })

  it('is remembered by web clients, and asked again of native ones', async () => {
    const web = await register(at.issuer, { redirect_uris: ['https://app.example.com/callback'] })
    const browser = new Browser((url) => url.hostname === 'app.example.com')
    const link = () => authorization(at.issuer, web, { redirect_uri: 'https://app.example.com/callback' }).url
    await signIn(browser, link(), 'ada')
    const again = await browser.open(link())
    expect(new URL(again.url).searchParams.get('code')).toBeTypeOf('string')
    const native = await register(at.issuer)
    const other = new Browser()
    await signIn(other, authorization(at.issuer, native).url, 'ada')
    expect((await other.open(authorization(at.issuer, native).url)).forms).toHaveLength(1)
  })

  it('of somebody else in the same browser ends the first session', async () => {
    const clientId = await register(at.issuer)
    const browser = new Browser()
    await signIn(browser, authorization(at.issuer, clientId).url, 'ada')
    const flow = authorization(at.issuer, clientId, { prompt: 'login', scope: write })
    const came = await signIn(browser, flow.url, 'grace')
    const { body } = await redeem(at.issuer, clientId, came.get('code')!, flow.verifier)
    expect(JSON.parse(Buffer.from(String(body.access_token).split('.')[1]!, 'base64url').toString())).toMatchObject({
      sub: 'sub-grace',
    })
  })

  it('is refreshed, and a refresh may ask for less and never for more', async () => {
    const clientId = await register(at.issuer)
    const first = await tokensFor(at.issuer, clientId, 'grace', { scope: `${read} ${write}` })
    const less = await refresh(at.issuer, clientId, first.refresh_token, { scope: read })
    expect(less.body).toMatchObject({ scope: read })
    const second = less.body.refresh_token as string
    expect((await refresh(at.issuer, clientId, second, { scope: `${read} tools/ping` })).body).toMatchObject({
      error: 'invalid_scope',
    })
    expect((await refresh(at.issuer, clientId, second)).body).toMatchObject({ scope: `${read} ${write}` })
  })

  it('loses a scope at the next refresh after the group was taken away', async () => {
    at.upstream.people.set('joan', { sub: 'sub-joan', groups: ['readers', 'writers'] })
    const clientId = await register(at.issuer)
    const first = await tokensFor(at.issuer, clientId, 'joan', { scope: `${read} ${write}` })
    at.upstream.people.set('joan', { sub: 'sub-joan', groups: ['readers'] })
    await tokensFor(at.issuer, clientId, 'joan')
    expect((await refresh(at.issuer, clientId, first.refresh_token)).body).toMatchObject({ scope: read })
  })

  it('is over when its refresh token is revoked', async () => {
    const clientId = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const { status } = await post(`${at.issuer}/revoke`, { token: refresh_token, client_id: clientId })
    expect(status).toBe(200)
    expect((await refresh(at.issuer, clientId, refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
  })
})

describe('behind TLS', () => {
  it('cookies are Secure and __Host-, and everything is https, whatever the proxy speaks', async () => {
    const table = new MemoryTable()
    const service = await createAuthorizationService({
      issuer: 'https://auth.example.com',
      resources: [{ resource, name: 'tools', scopes: { read: { description: 'See' } } }],
      clients: [{ id: 'desk', redirectUris: [callback] }],
      upstream: { issuer: at.upstream.issuer, clientId: at.upstream.clientId },
      table,
      secret: 'x'.repeat(32),
    })
    const call = (path: string) =>
      service.fetch(new Request(`http://10.0.0.7${path}`), { requestId: '1', principal: { kind: 'anonymous', id: '' } })
    const began = await call(
      new URL(authorization('https://auth.example.com', 'desk').url).pathname +
        new URL(authorization('https://auth.example.com', 'desk').url).search,
    )
    expect(began.status).toBe(303)
    const cookies = began.headers.getSetCookie()
    expect(cookies.length).toBeGreaterThan(2)
    for (const cookie of cookies) expect(cookie).toMatch(/^__(Host|Secure)-fairlead_.*samesite=lax; secure; httponly/)
    expect(began.headers.get('strict-transport-security')).toBe('max-age=31536000')
    const left = await service.fetch(
      new Request(new URL(began.headers.get('location')!, 'http://10.0.0.7'), {
        headers: { cookie: cookies.map((cookie) => cookie.split(';')[0]).join('; ') },
      }),
      { requestId: '2', principal: { kind: 'anonymous', id: '' } },
    )
    expect(new URL(left.headers.get('location')!).searchParams.get('redirect_uri')).toBe(
      'https://auth.example.com/federation/callback',
    )
    expect(left.headers.getSetCookie()[0]).toMatch(
      /^__Secure-fairlead_flow_.*path=\/federation\/callback;.*secure; httponly/,
    )
    expect(await (await call('/.well-known/openid-configuration')).json()).toMatchObject({
      token_endpoint: 'https://auth.example.com/token',
    })
    await service.close()
    await table.close()
  })

  it('a new secret forgets the keys and the sessions, and starts', async () => {
    const table = new MemoryTable()
    const kids: string[] = []
    for (const secret of ['x'.repeat(32), 'y'.repeat(32), 'x'.repeat(32)]) {
      const service = await createAuthorizationService({
        issuer: 'https://auth.example.com',
        resources: [{ resource, name: 'tools', scopes: { read: { description: 'See' } } }],
        upstream: { issuer: at.upstream.issuer, clientId: at.upstream.clientId },
        alg: 'ES256',
        table,
        secret,
      })
      const request = new Request('https://auth.example.com/jwks')
      const response = await service.fetch(request, { requestId: '1', principal: { kind: 'anonymous', id: '' } })
      kids.push(((await response.json()) as { keys: { kid: string }[] }).keys[0]!.kid)
      await service.close()
    }
    expect(kids[1]).not.toBe(kids[0])
    expect(kids[2]).toBe(kids[0])
    await table.close()
  })

  it('plain http is refused, except on loopback', async () => {
    await expect(
      createAuthorizationService({
        issuer: 'http://auth.example.com',
        resources: [],
        upstream: { issuer: 'https://x', clientId: 'x' },
        table: new MemoryTable(),
        secret: 'x'.repeat(32),
      }),
    ).rejects.toThrow('https')
  })
})

describe('the service', () => {
  it.each(['oauth-authorization-server', 'openid-configuration'])('describes itself at %s', async (name) => {
    const document = (await (await fetch(`${at.issuer}/.well-known/${name}`)).json()) as Record<string, unknown>
    expect(document).toMatchObject({
      issuer: at.issuer,
      authorization_endpoint: `${at.issuer}/authorize`,
      token_endpoint: `${at.issuer}/token`,
      registration_endpoint: `${at.issuer}/register`,
      revocation_endpoint: `${at.issuer}/revoke`,
      jwks_uri: `${at.issuer}/jwks`,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    })
    expect(document.scopes_supported).toEqual(['openid', 'offline_access', read, write, 'tools/ping', 'other/use'])
    expect(document).not.toHaveProperty('introspection_endpoint')
  })

  it('rotates its keys without downtime: published, then signing, then retired', async () => {
    const kids = async () =>
      ((await (await fetch(`${at.issuer}/jwks`)).json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
    const clientId = await register(at.issuer)
    const before = await tokensFor(at.issuer, clientId, 'ada')
    const [current, next] = await kids()
    expect(decodeProtectedHeader(before.access_token).kid).toBe(current)
    await at.service.rotateKeys()
    const after = (await refresh(at.issuer, clientId, before.refresh_token)).body.access_token as string
    expect(decodeProtectedHeader(after).kid).toBe(next)
    expect(await kids()).toHaveLength(3)
    expect(await kids()).toContain(current)
    const keys = createRemoteJWKSet(new URL(`${at.issuer}/jwks`))
    await Promise.all([before.access_token, after].map((token) => jwtVerify(token, keys)))
  })
})
