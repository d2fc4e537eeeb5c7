import { request as httpRequest } from 'node:http'
import { createHash, randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { SignJWT, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Browser, type Page } from '../support/browser.ts'
import { startMetadataHost, type MetadataHost } from '../support/metadata-host.ts'
import {
  authorization,
  callback,
  post,
  postJson,
  read,
  redeem,
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
let clientId: string
let disabled: string[] = []
beforeAll(async () => {
  at = await startService({
    clients: [{ id: 'machine', secret: 'a secret of a machine' }],
  })
  clientId = await register(at.issuer)
})
afterAll(() => at.close())
afterEach(() => {
  at.upstream.twist = (claims) => claims
  disabled = []
})

const open = (url: string, headers: Record<string, string> = {}) => fetch(url, { redirect: 'manual', headers })

describe('an authorization request', () => {
  const changed = (change: (url: URL) => void) => {
    const url = new URL(authorization(at.issuer, clientId).url)
    change(url)
    return url.href
  }

  it.each([
    'http://127.0.0.1:7777/callback/',
    'http://127.0.0.1:7777/callback/../evil',
    'http://127.0.0.1:7777/callback?x=1',
    'http://127.0.0.1:7777/callback#x',
    'http://127.0.0.1:7777/Callback',
    'http://127.0.0.1:7777/callback%2f',
    'http://127.0.0.1:7777//callback',
    'http://localhost:7777/callback',
    'https://127.0.0.1:7777/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://127.0.0.1:7777@evil.example/callback',
    'http://evil.example\\@127.0.0.1:7777/callback',
    'http://2130706433:7777/callback',
    'http://127.1:7777/callback',
    'http://[::1]:7777/callback',
    'https://evil.example/callback',
    '//evil.example/callback',
    'javascript:alert(1)',
    'data:text/html,hello',
    '',
  ])('never redirects to %j', async (redirect_uri) => {
    const response = await open(changed((url) => url.searchParams.set('redirect_uri', redirect_uri)))
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    expect(await response.text()).toMatch(/invalid_redirect_uri|invalid_request/)
  })

  it.each<[string, (url: URL) => void]>([
    ['two redirect_uri', (url) => url.searchParams.append('redirect_uri', 'https://evil.example/')],
    ['two client_id', (url) => url.searchParams.append('client_id', 'machine')],
    ['an unknown client', (url) => url.searchParams.set('client_id', 'dcr_unknown')],
    ['no client', (url) => url.searchParams.delete('client_id')],
    ['a client that signs nobody in', (url) => url.searchParams.set('client_id', 'machine')],
  ])('with %s is answered by a page, not by a redirect', async (_name, change) => {
    const response = await open(changed(change))
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
  })

  it.each<[string, string, (url: URL) => void]>([
    ['without PKCE', 'invalid_request', (url) => url.searchParams.delete('code_challenge')],
    ['with PKCE plain', 'invalid_request', (url) => url.searchParams.set('code_challenge_method', 'plain')],
    ['with a short challenge', 'invalid_request', (url) => url.searchParams.set('code_challenge', 'short')],
    ['for a token', 'invalid_request', (url) => url.searchParams.set('response_type', 'token')],
    ['for an ID token', 'invalid_request', (url) => url.searchParams.set('response_type', 'id_token')],
    ['for a foreign resource', 'invalid_target', (url) => url.searchParams.set('resource', 'https://evil.example/mcp')],
    ['for the resource with a slash', 'invalid_target', (url) => url.searchParams.set('resource', `${resource}/`)],
    ['for the origin only', 'invalid_target', (url) => url.searchParams.set('resource', new URL(resource).origin)],
    ['by request object', 'request_not_supported', (url) => url.searchParams.set('request', 'e30.e30.')],
    [
      'by request_uri',
      'request_uri_not_supported',
      (url) => url.searchParams.set('request_uri', 'https://evil.example/'),
    ],
    ['without a session and prompt none', 'login_required', (url) => url.searchParams.set('prompt', 'none')],
    ['with two scopes parameters', 'invalid_request', (url) => url.searchParams.append('scope', write)],
  ])('%s is an error at the client, with iss', async (_name, error, change) => {
    const response = await open(changed(change))
    expect(response.status).toBe(303)
    const to = new URL(response.headers.get('location')!)
    expect(to.origin + to.pathname).toBe(callback)
    // For what it does not support it answers as those types are answered: behind a #.
    const answer = to.hash ? new URLSearchParams(to.hash.slice(1)) : to.searchParams
    expect(answer.get('error')).toBe(error)
    expect(answer.get('iss')).toBe(at.issuer)
    expect(answer.has('code')).toBe(false)
  })

  it('by form_post or fragment is refused', async () => {
    for (const mode of ['form_post', 'fragment', 'web_message']) {
      const response = await open(changed((url) => url.searchParams.set('response_mode', mode)))
      const to = response.headers.get('location') ?? ''
      expect(`${response.status} ${to} ${await response.text()}`).toMatch(
        /unsupported_response_mode|invalid_request|unauthorized_client/,
      )
    }
  })
})

describe('a token request', () => {
  const fresh = async () => {
    const flow = authorization(at.issuer, clientId)
    return { ...flow, code: (await signIn(new Browser(), flow.url, 'ada')).get('code')! }
  }

  it.each<[string, string, Record<string, string>]>([
    ['with another verifier', 'invalid_grant', { code_verifier: 'x'.repeat(43) }],
    ['without a verifier', 'invalid_grant', { code_verifier: '' }],
    ['with another redirect_uri', 'invalid_grant', { redirect_uri: 'http://127.0.0.1:7778/callback' }],
    ['with an unknown code', 'invalid_grant', { code: 'unknown' }],
    ['for another resource', 'invalid_target', { resource: 'https://other.example.com/mcp' }],
    ['of an unknown client', 'invalid_client', { client_id: 'dcr_unknown' }],
    ['of no client', 'invalid_request', { client_id: '' }],
    ['of a client that must prove itself', 'invalid_client', { client_id: 'machine' }],
    ['with an unknown grant', 'unsupported_grant_type', { grant_type: 'password' }],
    ['with the implicit grant', 'unsupported_grant_type', { grant_type: 'implicit' }],
    ['by device code', 'unsupported_grant_type', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }],
    ['by token exchange', 'unsupported_grant_type', { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }],
    [
      'by an assertion when no issuer is trusted',
      'unsupported_grant_type',
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' },
    ],
    ['for itself', 'invalid_request', { grant_type: 'client_credentials' }],
  ])('%s is %s', async (_name, error, extra) => {
    const { code, verifier } = await fresh()
    const { status, body } = await redeem(at.issuer, clientId, code, verifier, extra)
    expect([400, 401]).toContain(status)
    expect(body.error).toBe(error)
    expect(body).not.toHaveProperty('access_token')
  })

  it('of another client with a stolen code gets nothing', async () => {
    const { code, verifier } = await fresh()
    const thief = await register(at.issuer)
    expect((await redeem(at.issuer, thief, code, verifier)).body.error).toBe('invalid_grant')
    expect((await redeem(at.issuer, clientId, code, verifier)).status).toBe(200)
  })

  it('with two mechanisms of client authentication is refused', async () => {
    const basic = { authorization: `Basic ${Buffer.from('machine:a secret of a machine').toString('base64')}` }
    const form = { grant_type: 'client_credentials', client_id: 'machine', client_secret: 'a secret of a machine' }
    expect((await post(`${at.issuer}/token`, form, basic)).body.error).toBe('invalid_request')
  })

  it('as JSON, as text, or twice the grant_type, is refused', async () => {
    expect((await postJson(`${at.issuer}/token`, { grant_type: 'client_credentials' })).body.error).toBe(
      'invalid_request',
    )
    expect(
      (await post(`${at.issuer}/token`, new URLSearchParams('grant_type=refresh_token&grant_type=x'), {})).status,
    ).toBe(400)
  })

  it('from a foreign page is not readable there', async () => {
    const { code, verifier } = await fresh()
    const form = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: callback,
    }
    const { body, headers } = await post(`${at.issuer}/token`, form, { origin: 'https://evil.example' })
    expect(body.error).toBe('invalid_request')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  it('that revokes or uses another client’s token does nothing to it', async () => {
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const thief = await register(at.issuer)
    await post(`${at.issuer}/revoke`, { token: refresh_token, client_id: thief })
    const used = await post(`${at.issuer}/token`, { grant_type: 'refresh_token', refresh_token, client_id: thief })
    expect(used.body.error).toBe('invalid_grant')
    const own = await post(`${at.issuer}/token`, { grant_type: 'refresh_token', refresh_token, client_id: clientId })
    expect(own.status).toBe(200)
  })

  it('cannot introspect', async () => {
    const { access_token } = await tokensFor(at.issuer, clientId, 'ada')
    for (const path of ['/introspect', '/token/introspection'])
      expect((await post(`${at.issuer}${path}`, { token: access_token, client_id: clientId })).status).toBe(404)
  })
})

describe('a federated sign-in', () => {
  const leave = async (browser = new Browser()): Promise<Page> => browser.open(authorization(at.issuer, clientId).url)
  /** Signs in upstream and gives the callback's address, without going there. */
  const upstreamOnly = async (page: Page, username = 'ada'): Promise<string> => {
    const response = await fetch(page.url, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ username }),
    })
    return response.headers.get('location')!
  }

  it('that an attacker began and a victim finishes leads nowhere, and the code is not exchanged', async () => {
    const attacker = new Browser()
    const began = await leave(attacker)
    const exchanges = at.upstream.exchanges.length
    const back = await upstreamOnly(began, 'grace')
    const victim = await new Browser().open(back)
    expect(victim.status).toBe(400)
    expect(at.upstream.exchanges).toHaveLength(exchanges)
    const uid = /interaction\/([^/]+)/.exec(attacker.visited.join(' '))![1]
    expect((await attacker.open(`${at.issuer}/interaction/${uid}/federated`)).status).toBe(400)
  })

  it('whose state was used comes to nothing', async () => {
    const browser = new Browser()
    const back = await upstreamOnly(await leave(browser))
    const copy = browser.copy()
    expect((await browser.open(back)).forms).toHaveLength(1)
    expect((await copy.open(back)).status).toBe(400)
  })

  it('whose state comes twice at once goes on once', async () => {
    const browser = new Browser()
    const back = await upstreamOnly(await leave(browser))
    const exchanges = at.upstream.exchanges.length
    const pages = await Promise.all(Array.from({ length: 10 }, () => browser.copy().open(back)))
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(at.upstream.exchanges).toHaveLength(exchanges + 1)
  })

  it('with the state of another tab comes to nothing', async () => {
    const browser = new Browser()
    const [one, two] = [await leave(browser), await leave(browser)]
    const [first, second] = [new URL(await upstreamOnly(one)), new URL(await upstreamOnly(two, 'grace'))]
    first.searchParams.set('state', second.searchParams.get('state')!)
    expect((await browser.open(first.href)).status).toBe(400)
  })

  it.each<[string, (claims: Record<string, unknown>) => Record<string, unknown>]>([
    ['of another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' })],
    ['for another client', (claims) => ({ ...claims, aud: 'other' })],
    ['with another nonce', (claims) => ({ ...claims, nonce: 'other' })],
    ['without nonce', ({ nonce: _nonce, ...claims }) => claims],
    ['that is an access token', (claims) => ({ ...claims, token_use: 'access' })],
    ['without a subject', ({ sub: _sub, ...claims }) => claims],
  ])('with an ID token %s comes to nothing', async (_name, twist) => {
    at.upstream.twist = twist
    const page = await toConsent(new Browser(), authorization(at.issuer, clientId).url, 'ada')
    expect(page.status).toBe(400)
    expect(page.forms).toHaveLength(0)
  })

  it.each(['machine', 'dcr_1234', 'https://client.example/metadata.json'])(
    'of a person whose id is that of a client, %s, is refused',
    async (sub) => {
      at.upstream.twist = (claims) => ({ ...claims, sub })
      const page = await toConsent(new Browser(), authorization(at.issuer, clientId).url, 'ada')
      expect(new URL(page.url).searchParams.get('error')).toBe('access_denied')
    },
  )

  it.each(['', '?state=unknown&code=x', '?code=x', '?state=a&state=b', '?state=unknown&error=access_denied'])(
    'callback with %j is a page',
    async (query) => {
      const response = await open(`${at.issuer}/federation/callback${query}`)
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toContain('text/html')
    },
  )
})

describe('the consent', () => {
  it('is asked of a second client although the person is signed in, and names where it returns to', async () => {
    const browser = new Browser()
    await signIn(browser, authorization(at.issuer, clientId).url, 'ada')
    const uri = 'https://attacker.example/callback'
    const second = await register(at.issuer, { client_name: 'Test client', redirect_uris: [uri] })
    const page = await browser.open(authorization(at.issuer, second, { redirect_uri: uri }).url)
    expect(page.forms).toHaveLength(1)
    expect(page.text).toContain('attacker.example')
    expect(page.text).toContain('nobody has checked the name')
  })

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['without csrf', { csrf: '' }, {}],
    ['with another csrf', { csrf: 'x'.repeat(43) }, {}],
    ['from another site', {}, { origin: 'https://evil.example' }],
    ['from an opaque origin', {}, { origin: 'null' }],
    ['from our host by another scheme', {}, { origin: 'https://127.0.0.1' }],
  ])('sent %s does not count', async (_name, values, headers) => {
    const browser = new Browser()
    const page = await toConsent(browser, authorization(at.issuer, clientId).url, 'ada')
    const answer = await browser.submit(page, { ...values, decision: 'allow' }, { headers })
    expect(answer.status).toBe(403)
    expect((await browser.submit(page, { decision: 'allow' })).url).toContain('code=')
  })

  it('sent without Origin, or from another browser, does not count', async () => {
    const page = await toConsent(new Browser(), authorization(at.issuer, clientId).url, 'ada')
    const stranger = new Browser()
    await toConsent(stranger, authorization(at.issuer, clientId).url, 'grace')
    expect((await stranger.submit(page, { decision: 'allow' })).status).toBe(400)
    const action = new URL(page.forms[0]!.action, page.url)
    expect((await post(action.href, { ...page.forms[0]!.fields, decision: 'allow' })).status).toBe(400)
  })

  it('of one request does not count for another', async () => {
    const browser = new Browser()
    const one = await toConsent(browser, authorization(at.issuer, clientId).url, 'ada')
    const two = await browser.open(authorization(at.issuer, clientId, { scope: `${read} ${write}` }).url)
    expect((await browser.submit(two, { csrf: one.forms[0]!.fields.csrf!, decision: 'allow' })).status).toBe(403)
  })

  it('page can be framed by nobody, loads nothing, and escapes what clients say', async () => {
    const evil = await register(at.issuer, { client_name: `"><script>alert(1)</script><b onclick='x'>` })
    const page = await toConsent(new Browser(), authorization(at.issuer, evil).url, 'ada')
    const policy = page.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain(`form-action 'self' ${new URL(callback).origin}`)
    expect(policy).not.toContain('unsafe')
    const style = /<style>([\s\S]*?)<\/style>/.exec(page.text)![1]!
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`)
    expect(page.headers.get('x-frame-options')).toBe('DENY')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(page.text).not.toMatch(/<script|<b onclick/)
  })

  it('cannot be reached with another interaction’s id', async () => {
    const page = await toConsent(new Browser(), authorization(at.issuer, clientId).url, 'ada')
    expect((await new Browser().open(page.url)).status).toBe(400)
    expect((await open(`${at.issuer}/interaction/unknown`)).status).toBe(400)
  })
})

describe('the host', () => {
  it.each<[string, Record<string, string>]>([
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.example' }],
    ['X-Forwarded-Proto', { 'x-forwarded-proto': 'https' }],
    ['Forwarded', { forwarded: 'host=evil.example;proto=https' }],
    ['Host', { host: 'evil.example' }],
  ])('in discovery cannot be changed by %s', async (_name, headers) => {
    const text = await new Promise<string>((resolve, reject) => {
      const url = new URL('/.well-known/oauth-authorization-server', at.issuer)
      httpRequest(url, { headers }, (res) => {
        let body = ''
        res.on('data', (chunk: Buffer) => (body += chunk.toString()))
        res.on('end', () => resolve(body))
      })
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(text)).toMatchObject({ issuer: at.issuer, token_endpoint: `${at.issuer}/token` })
    expect(text).not.toContain('evil')
  })
})

describe('registration', () => {
  it.each<[string, Record<string, unknown>]>([
    ['no redirect_uris', { redirect_uris: [] }],
    ['plain http', { redirect_uris: ['http://app.example.com/callback'] }],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['data', { redirect_uris: ['data:text/html,x'] }],
    ['a fragment', { redirect_uris: ['https://app.example.com/callback#x'] }],
    ['a user', { redirect_uris: ['https://user:pass@app.example.com/callback'] }],
    ['a relative address', { redirect_uris: ['/callback'] }],
    ['https on loopback', { redirect_uris: ['https://127.0.0.1/callback', 'http://127.0.0.1/callback'] }],
    ['eleven addresses', { redirect_uris: Array.from({ length: 11 }, (_, n) => `https://app.example.com/${n}`) }],
    ['a list of objects', { redirect_uris: [{}] }],
    ['a jwks_uri inside the network', { jwks_uri: 'http://169.254.169.254/latest/meta-data' }],
    ['an unknown way to prove itself', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['a name that is no text', { client_name: { html: true } }],
    ['a name without end', { client_name: 'x'.repeat(201) }],
  ])('with %s is refused', async (_name, metadata) => {
    const { status, body } = await postJson(
      `${at.issuer}/register`,
      { redirect_uris: [callback], ...metadata },
      { 'x-forwarded-for': randomUUID() },
    )
    expect(status).toBe(400)
    expect(body.error).toMatch(/^invalid_(client_metadata|redirect_uri)$/)
  })

  it.each([
    ['an array', '[]'],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a number', '1'],
  ])('of %s is refused', async (_name, text) => {
    const response = await fetch(`${at.issuer}/register`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', 'x-forwarded-for': randomUUID() },
    })
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: string }).error).toBe('invalid_request')
  })

  it('cannot choose its id or its secret', async () => {
    const { body } = await postJson(
      `${at.issuer}/register`,
      { redirect_uris: [callback], client_id: 'machine', client_secret: 'mine', client_id_issued_at: 1 },
      { 'x-forwarded-for': randomUUID() },
    )
    expect(body.client_id).toMatch(/^dcr_/)
    expect(body.client_secret).toBeUndefined()
  })

  it('cannot be read, changed or deleted', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect([400, 401, 404, 405]).toContain((await fetch(`${at.issuer}/register/${clientId}`, { method })).status)
    expect((await fetch(`${at.issuer}/register`)).status).toBe(405)
  })
})

describe('a client id that is a URL', () => {
  let host: MetadataHost
  beforeAll(async () => {
    host = await startMetadataHost()
  })
  afterAll(() => host.close())

  it.each([
    (port: string) => `https://localhost:${port}/client.json`,
    (port: string) => `https://127.0.0.1:${port}/client.json`,
    (port: string) => `https://[::ffff:127.0.0.1]:${port}/client.json`,
    (port: string) => `https://[::1]:${port}/client.json`,
    (port: string) => `https://0.0.0.0:${port}/client.json`,
    (port: string) => `https://2130706433:${port}/client.json`,
    (port: string) => `http://localhost:${port}/client.json`,
    (port: string) => `https://user@localhost:${port}/client.json`,
    (port: string) => `https://localhost:${port}/a/../client.json`,
    (port: string) => `https://localhost:${port}/%2e%2e/client.json`,
    (port: string) => `https://localhost:${port}/client.json#x`,
    (port: string) => `https://localhost:${port}`,
    () => 'https://169.254.169.254/latest/meta-data/',
    () => 'https://10.0.0.1/client.json',
    () => 'https://[fd00::1]/client.json',
    () => 'file:///etc/passwd',
  ])('%# inside the network is not even connected to', async (id) => {
    const url = authorization(at.issuer, id(new URL(host.origin).port)).url
    const response = await open(url)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('invalid_client')
    expect([host.connections, host.requests.length]).toEqual([0, 0])
  })
})

describe('a metadata document', () => {
  let host: MetadataHost
  let local: TestService
  beforeAll(async () => {
    host = await startMetadataHost()
    local = await startService({ allowLocalMetadata: true })
  })
  afterAll(async () => {
    await local.close()
    await host.close()
  })
  const document = (id: string, extra: Record<string, unknown> = {}) =>
    JSON.stringify({ client_id: id, redirect_uris: [callback], ...extra })

  it.each<
    [string, (id: string) => { status?: number; headers?: Record<string, string>; body: string; hangs?: boolean }]
  >([
    ['that is no JSON', () => ({ body: '<html>' })],
    ['that is a list', () => ({ body: '[]' })],
    ['of another id', () => ({ body: document('https://elsewhere.example/client.json') })],
    ['with a secret', (id) => ({ body: document(id, { client_secret: 'x' }) })],
    ['with a shared secret', (id) => ({ body: document(id, { token_endpoint_auth_method: 'client_secret_basic' }) })],
    ['without redirect_uris', (id) => ({ body: document(id, { redirect_uris: undefined }) })],
    ['with another redirect_uri', (id) => ({ body: document(id, { redirect_uris: ['https://app.example.com/'] }) })],
    ['that is too large', (id) => ({ body: document(id, { client_name: 'x'.repeat(6000) }) })],
    ['that moved', () => ({ status: 302, headers: { location: 'https://elsewhere.example/' }, body: '' })],
    ['that is gone', () => ({ status: 410, body: '{}' })],
    ['that never comes', () => ({ body: '', hangs: true })],
  ])('%s makes no client', async (_name, make) => {
    const path = `/${randomUUID()}.json`
    const id = `${host.origin}${path}`
    host.documents.set(path, make(id))
    const response = await open(authorization(local.issuer, id).url)
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    expect(host.requests.filter((asked) => asked === path)).toHaveLength(1)
  })

  it('is fetched from one host 30 times a minute at most', async () => {
    const before = host.requests.length
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => open(authorization(local.issuer, `${host.origin}/many-${n}.json`).url)),
    )
    expect(host.requests.length - before).toBeLessThanOrEqual(30)
  })
})

describe('a target', () => {
  it.each([
    'http://evil.example/token',
    '*',
    '//evil.example/authorize',
    '/authorize/../../etc/passwd',
    '/%00',
    '/token%',
  ])('%s is no way in', async (target) => {
    const { hostname, port } = new URL(at.issuer)
    const status = await new Promise<number>((resolve, reject) => {
      const req = httpRequest({ hostname, port, path: target }, (res) => {
        res.resume()
        resolve(res.statusCode!)
      })
      req.on('error', reject)
      req.end()
    })
    expect([400, 404]).toContain(status)
  })
})

describe('a body', () => {
  it('that is too large is refused with the standard error', async () => {
    for (const size of [57 * 1024, 200 * 1024]) {
      const { status, body } = await post(`${at.issuer}/token`, { grant_type: 'x'.repeat(size) })
      expect([status, body.error]).toEqual([413, 'invalid_request'])
    }
  })

  it('that lies about its length is not waited for', async () => {
    const { hostname, port } = new URL(at.issuer)
    const socket = connect(Number(port), hostname)
    const closed = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.on('close', () => resolve(text))
    })
    socket.write(
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\ngr',
    )
    expect(await closed).toContain('408')
  })
})

describe('a person who was disabled', () => {
  it('gets no token any more, neither by code nor by refresh', async () => {
    const other = await startService({
      ...(await (async () => {
        const { issuer, clientId: id, clientSecret } = at.upstream
        return {
          upstream: {
            issuer,
            clientId: id,
            clientSecret,
            check: async ({ sub, groups }: { sub: string; groups: string[] }) =>
              disabled.includes(sub) ? undefined : { groups },
          },
        }
      })()),
    })
    const id = await register(other.issuer)
    const tokens = await tokensFor(other.issuer, id, 'ada')
    const flow = authorization(other.issuer, id)
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    disabled = ['sub-ada']
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: id }
    expect((await post(`${other.issuer}/token`, form)).body.error).toBe('invalid_grant')
    expect((await redeem(other.issuer, id, code, flow.verifier)).body.error).toBe('invalid_grant')
    disabled = []
    expect((await post(`${other.issuer}/token`, form)).status).toBe(200)
    await other.close()
  })
})

describe('an assertion of a client', () => {
  it('signed by a stranger, or with no algorithm, is invalid_client', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const signed = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('machine')
      .setSubject('machine')
      .setAudience(at.issuer)
      .setExpirationTime('1m')
      .sign(privateKey)
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${signed.split('.')[1]}.`
    for (const client_assertion of [signed, none]) {
      const { status, body } = await post(`${at.issuer}/token`, {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion,
      })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
  })
})
