import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCognito, type RunningCognito } from '../../../src/local/cognito/start.ts'
import { ada, browser, callback, csrfIn, pkce, signInAt, tokenRequest, withQuery, type Query } from './support.ts'

let cognito: RunningCognito
let time = Date.now()
const { verifier, challenge } = pkce()
const good: Query = {
  response_type: 'code',
  client_id: 'web',
  redirect_uri: callback,
  state: 'st',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}

beforeAll(async () => {
  cognito = await startCognito({ users: [ada], now: () => time })
  cognito.addClient({ clientId: 'web', callbackUrls: [callback], scopes: ['openid', 'email', 'tools/read'] })
  cognito.addClient({ clientId: 'other', callbackUrls: [callback] })
  cognito.addClient({ clientId: 'secret', clientSecret: 'hush', callbackUrls: [callback] })
  cognito.addClient({
    clientId: 'machine',
    clientSecret: 'hush',
    flows: ['client_credentials'],
    scopes: ['openid', 'tools/read'],
  })
})
afterAll(() => cognito.close())

const authorize = async (query: Query): Promise<URL> => {
  const response = await fetch(withQuery(`${cognito.url}/oauth2/authorize`, query), { redirect: 'manual' })
  return new URL(response.headers.get('location')!)
}
const codeFor = async (query: Query = good) => (await signInAt(cognito, query)).searchParams.get('code')!
const redemption = async (changes: Query = {}): Promise<Query> => ({
  grant_type: 'authorization_code',
  client_id: 'web',
  redirect_uri: callback,
  code: await codeFor(),
  code_verifier: verifier,
  ...changes,
})

describe('a callback that is not the registered one', () => {
  it.each([
    'http://127.0.0.1:9/callback/',
    'http://127.0.0.1:9/callback?x=1',
    'http://127.0.0.1:9/callback#x',
    'http://127.0.0.1:9/Callback',
    'http://127.0.0.1:9/a/../callback',
    'http://127.0.0.1:9/callback%20',
    'http://127.0.0.1:9/callback ',
    'http://127.0.0.1:10/callback',
    'http://127.0.0.1/callback',
    'http://localhost:9/callback',
    'https://127.0.0.1:9/callback',
    'HTTP://127.0.0.1:9/callback',
    'http://127.1:9/callback',
    'http://2130706433:9/callback',
    'http://user@127.0.0.1:9/callback',
    'http://127.0.0.1:9@evil.example/callback',
    'http://127.0.0.1:9\\@evil.example/callback',
    'http://127.0.0.1.evil.example:9/callback',
    '//evil.example/callback',
    'javascript:alert(1)',
    '',
    undefined,
    [callback, 'https://evil.example/'],
  ])('%j is told on our own page, and never redirected to', async (redirect_uri) => {
    const location = await authorize({ ...good, redirect_uri })
    expect(location.origin + location.pathname).toBe(`${cognito.url}/error`)
    expect(location.searchParams.get('error')).toBe('redirect_mismatch')
    const page = await fetch(location)
    expect(page.status).toBe(400)
  })

  it.each(['nobody', '', undefined, ['web', 'other'], '__proto__', 'constructor'])(
    'nor one of client %j',
    async (client_id) => {
      const location = await authorize({ ...good, client_id })
      expect(location.origin + location.pathname).toBe(`${cognito.url}/error`)
    },
  )

  it.each([
    'http://example.com/cb',
    'http://localhost.evil.example/',
    'ftp:x',
    'https://',
    'javascript://x',
    'nothing',
    'https://a.example/#f',
    'http://[::1]/cb',
  ])('%s cannot be registered', (url) => {
    expect(() => cognito.addClient({ callbackUrls: [url] })).toThrow(/no callback URL/)
  })
})

describe('an authorization request', () => {
  it.each<[string, Query, string]>([
    ['with plain PKCE', { code_challenge_method: 'plain', code_challenge: verifier }, 'invalid_request'],
    ['with a challenge and no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['with a method and no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['with a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['with s256 in small letters', { code_challenge_method: 's256' }, 'invalid_request'],
    ['of the implicit flow', { response_type: 'token' }, 'unauthorized_client'],
    ['without a response type', { response_type: undefined }, 'invalid_request'],
    ['with a mixed response type', { response_type: 'code token' }, 'invalid_request'],
    ['with an unknown scope', { scope: 'openid admin' }, 'invalid_scope'],
    ['with a resource over http', { resource: 'http://mcp.example.com/mcp' }, 'invalid_request'],
    [
      'with a resource of a host that begins like localhost',
      { resource: 'http://localhost.evil.example/' },
      'invalid_request',
    ],
    ['with a resource that has a fragment', { resource: 'https://mcp.example.com/mcp#x' }, 'invalid_request'],
    ['with a resource that is no URL', { resource: 'mcp' }, 'invalid_request'],
    ['with a resource that is a script', { resource: 'javascript:alert(1)' }, 'invalid_request'],
    ['with two resources', { resource: ['https://a.example/', 'https://b.example/'] }, 'invalid_request'],
    ['with two scopes parameters', { scope: ['openid', 'email'] }, 'invalid_request'],
    ['with prompt none and login', { prompt: 'none login' }, 'invalid_request'],
    ['with prompt none and no session', { prompt: 'none' }, 'login_required'],
  ])('%s is refused at the callback, with its state', async (_, changes, error) => {
    const location = await authorize({ ...good, ...changes })
    expect(location.href.startsWith(`${callback}?`)).toBe(true)
    expect(location.searchParams.get('error')).toBe(error)
    expect(location.searchParams.get('state')).toBe('st')
    expect(location.searchParams.has('code')).toBe(false)
  })

  it('is a GET', async () => {
    const response = await fetch(withQuery(`${cognito.url}/oauth2/authorize`, good), { method: 'POST' })
    expect(response.status).toBe(405)
  })
})

describe('the token endpoint', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

  it.each<[string, Query, string]>([
    ['a wrong verifier', { code_verifier: pkce().verifier }, 'invalid_grant'],
    ['no verifier', { code_verifier: undefined }, 'invalid_grant'],
    ['the challenge as verifier', { code_verifier: challenge }, 'invalid_grant'],
    ['another client', { client_id: 'other' }, 'invalid_grant'],
    ['another callback', { redirect_uri: `${callback}/` }, 'invalid_grant'],
    ['no callback', { redirect_uri: undefined }, 'invalid_request'],
    ['no code', { code: undefined }, 'invalid_request'],
    ['a made-up code', { code: '00000000-0000-4000-8000-000000000000' }, 'invalid_grant'],
    ['no client', { client_id: undefined }, 'invalid_client'],
    ['an unknown client', { client_id: 'nobody' }, 'invalid_client'],
    ['a secret for a client that has none', { client_secret: 'x' }, 'invalid_client'],
    ['a client without its secret', { client_id: 'secret' }, 'invalid_client'],
    ['a wrong secret', { client_id: 'secret', client_secret: 'hush!' }, 'invalid_client'],
    ['no grant type', { grant_type: undefined }, 'invalid_request'],
    ['the password grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['token exchange', { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }, 'unsupported_grant_type'],
    ['a machine’s grant for a person’s client', { grant_type: 'client_credentials' }, 'unauthorized_client'],
    ['a repeated parameter', { code_verifier: [verifier, verifier] }, 'invalid_request'],
  ])('refuses %s', async (_, changes, error) => {
    expect(await tokenRequest(cognito, await redemption(changes))).toEqual({ status: 400, body: { error } })
  })

  it('refuses a body that is not a form', async () => {
    const answer = await tokenRequest(cognito, await redemption(), { 'content-type': 'application/json' })
    expect(answer).toEqual({ status: 400, body: { error: 'invalid_request' } })
  })

  it.each([basic('web'), basic('other:x'), basic('secret:wrong'), { authorization: 'Bearer x' }])(
    'refuses the header %j',
    async (headers) => {
      const answer = await tokenRequest(cognito, await redemption({ client_id: undefined }), headers)
      expect(answer.body).toEqual({ error: 'invalid_client' })
    },
  )

  it('gives tokens for a code once, however many ask at once', async () => {
    const form = await redemption()
    const answers = await Promise.all(Array.from({ length: 20 }, () => tokenRequest(cognito, form)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(19)
  })

  it('does not let another client burn a code', async () => {
    const form = await redemption()
    expect((await tokenRequest(cognito, { ...form, client_id: 'other' })).status).toBe(400)
    expect((await tokenRequest(cognito, form)).status).toBe(200)
  })

  it('refuses a verifier where the sign-in had no challenge', async () => {
    const code = await codeFor({ ...good, code_challenge: undefined, code_challenge_method: undefined })
    expect((await tokenRequest(cognito, await redemption({ code }))).body).toEqual({ error: 'invalid_grant' })
  })

  it.each<[string, Query, string]>([
    ['a scope that the client has not', { scope: 'tools/write' }, 'invalid_scope'],
    ['openid', { scope: 'openid' }, 'invalid_scope'],
    ['a wrong secret', { client_secret: 'no' }, 'invalid_client'],
  ])('refuses a machine %s', async (_, changes, error) => {
    const form = { grant_type: 'client_credentials', client_id: 'machine', client_secret: 'hush', ...changes }
    expect((await tokenRequest(cognito, form)).body).toEqual({ error })
  })

  it('refuses a refresh token of another client, and a revoked one', async () => {
    const { body } = await tokenRequest(cognito, await redemption())
    const form = { grant_type: 'refresh_token', client_id: 'other', refresh_token: body.refresh_token }
    expect((await tokenRequest(cognito, form)).body).toEqual({ error: 'invalid_grant' })
    const revoke = (token: string, client_id: string) =>
      fetch(`${cognito.url}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token, client_id }) })
    expect(await (await revoke(body.refresh_token!, 'other')).json()).toEqual({ error: 'invalid_request' })
    expect(await (await revoke(body.access_token!, 'web')).json()).toEqual({ error: 'unsupported_token_type' })
    expect((await revoke('unknown', 'web')).status).toBe(200)
    expect((await revoke(body.refresh_token!, 'nobody')).status).toBe(401)
    expect((await revoke(body.refresh_token!, 'web')).status).toBe(200)
    expect((await tokenRequest(cognito, { ...form, client_id: 'web' })).body).toEqual({ error: 'invalid_grant' })
  })
})

describe('the login page', () => {
  const open = async (query: Query = good, at = browser()) => {
    const url = withQuery(`${cognito.url}/login`, query)
    const response = await at.go(url)
    return { at, url, response, page: await response.text() }
  }
  const send = (url: string, at: ReturnType<typeof browser>, form: Record<string, string>, headers = {}) =>
    at.go(url, { method: 'POST', body: new URLSearchParams(form), headers })
  const right = { username: ada.username, password: ada.password }

  it('refuses a form without the token, with another browser’s, or from another origin', async () => {
    const { at, url, page } = await open()
    const stranger = await open()
    expect((await send(url, at, right)).status).toBe(403)
    expect((await send(url, at, { ...right, _csrf: csrfIn(stranger.page) })).status).toBe(403)
    expect((await send(url, browser(), { ...right, _csrf: csrfIn(page) })).status).toBe(403)
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      expect((await send(url, at, { ...right, _csrf: csrfIn(page) }, { origin })).status).toBe(403)
    expect((await send(url, at, { ...right, _csrf: csrfIn(page) }, { origin: cognito.url })).status).toBe(302)
  })

  it('says the same of a wrong password and of a name that is not there, and starts no session', async () => {
    const { at, url, page } = await open()
    for (const wrong of [
      { ...right, password: 'no' },
      { username: 'nobody', password: 'no' },
      { username: '__proto__', password: '' },
    ]) {
      const response = await send(url, at, { ...wrong, _csrf: csrfIn(page) })
      expect(response.status).toBe(401)
      expect(await response.text()).toContain('Incorrect username or password.')
    }
    expect([...at.cookies.keys()].some((name) => name.startsWith('cognito-'))).toBe(false)
  })

  it('writes what came in as text', async () => {
    const script = '"><script>alert(1)</script>'
    const { page, at, url } = await open({ ...good, state: script, login_hint: script, lang: script })
    expect(page).not.toContain('<script')
    const again = await (await send(url, at, { username: script, password: 'x', _csrf: csrfIn(page) })).text()
    expect(again).not.toContain('<script')
    expect(again).toContain('&quot;&gt;&lt;script&gt;')
    const error = await fetch(`${cognito.url}/error?error=${encodeURIComponent(script)}`)
    expect(await error.text()).not.toContain('<script')
  })

  it('runs no script, stands in no frame, and is not kept', async () => {
    const { response, page } = await open()
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.getSetCookie().join()).toMatch(/HttpOnly; SameSite=Lax/)
    expect(page).not.toContain(ada.password)
  })

  it('checks the request again before it gives a code', async () => {
    const { at, page } = await open()
    const url = withQuery(`${cognito.url}/login`, { ...good, redirect_uri: 'https://evil.example/' })
    const answer = await send(url, at, { ...right, _csrf: csrfIn(page) })
    expect(answer.headers.get('location')).toContain(`${cognito.url}/error?error=redirect_mismatch`)
  })

  it('forgets a browser after an hour', async () => {
    const at = browser()
    await signInAt(cognito, good, ada, at)
    time += 3_601_000
    const location = await signInAt(cognito, { ...good, prompt: 'none' }, ada, at)
    expect(location.searchParams.get('error')).toBe('login_required')
  })
})

describe('the rest', () => {
  it.each(['', 'x', 'Bearer', 'Bearer a.b.c', 'Basic eA=='])(
    'of userInfo refuses the header %j',
    async (authorization) => {
      const response = await fetch(`${cognito.url}/oauth2/userInfo`, { headers: { authorization } })
      expect([400, 401]).toContain(response.status)
      expect(response.headers.get('www-authenticate')).toMatch(/^error="invalid_/)
    },
  )

  it('takes an ID token or one without openid for nothing at userInfo', async () => {
    const { body } = await tokenRequest(cognito, await redemption())
    const ask = async (token: string) =>
      (await fetch(`${cognito.url}/oauth2/userInfo`, { headers: { authorization: `Bearer ${token}` } })).status
    expect(await ask(body.access_token!)).toBe(200)
    expect(await ask(body.id_token!)).toBe(401)
    const narrow = await tokenRequest(cognito, await redemption({ code: await codeFor({ ...good, scope: 'email' }) }))
    expect(await ask(narrow.body.access_token!)).toBe(403)
  })

  it.each([
    'client_id=web',
    'client_id=web&logout_uri=https://evil.example/',
    'client_id=nobody&logout_uri=x',
    'client_id=web&redirect_uri=https://evil.example/',
    '',
  ])('of logout leads nowhere for %j', async (query) => {
    const response = await fetch(`${cognito.url}/logout?${query}`, { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
  })

  it.each([
    '/',
    '/constructor',
    '/__proto__',
    '/us-east-1_other/.well-known/jwks.json',
    '/oauth2/authorize/',
    '/saml2/idpresponse',
  ])('answers %s with 404', async (path) => {
    expect((await fetch(cognito.url + path)).status).toBe(404)
  })

  it('is answered under its own name only', async () => {
    const status = await new Promise((resolve) => {
      const req = httpRequest(`${cognito.issuer}/.well-known/openid-configuration`, {
        headers: { host: 'evil.example' },
      })
      req.on('response', (response) => resolve(response.resume().statusCode)).end()
    })
    expect(status).toBe(403)
  })
})
