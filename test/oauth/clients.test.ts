import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, type Listening } from '../../src/http/node-server.ts'
import { Browser } from '../support/browser.ts'
import { startMetadataHost, type MetadataHost } from '../support/metadata-host.ts'
import {
  authorization,
  callback,
  post,
  postJson,
  read,
  redeem,
  refresh,
  register,
  resource,
  signIn,
  startService,
  toConsent,
  type TestService,
} from './support.ts'

let at: TestService
let documents: MetadataHost
let idp: Listening
let idpKey: CryptoKey
let machineKey: CryptoKey
const secret = randomUUID()

beforeAll(async () => {
  documents = await startMetadataHost()
  const made = await generateKeyPair('ES256')
  idpKey = made.privateKey
  const jwk = { ...(await exportJWK(made.publicKey)), kid: 'idp', alg: 'ES256' }
  idp = await listen(async () => Response.json({ keys: [jwk] }))
  const machine = await generateKeyPair('ES256')
  machineKey = machine.privateKey
  const jwks = { keys: [{ ...(await exportJWK(machine.publicKey)), kid: 'm', alg: 'ES256' } as JWK] }
  at = await startService({
    allowLocalMetadata: true,
    clients: [
      { id: 'm2m_secret', secret, scopes: ['read'] },
      { id: 'm2m_keys', jwks },
      { id: 'desk', name: 'The desk', redirectUris: [callback] },
    ],
    trustedIssuers: [{ issuer: idp.url, jwksUri: `${idp.url}/jwks`, scopes: ['read', 'write'] }],
  })
})
afterAll(async () => {
  await at.close()
  await documents.close()
  await idp.close()
})

describe('a client ID metadata document', () => {
  const put = (path: string, extra: Record<string, unknown> = {}) => {
    const id = `${documents.origin}${path}`
    const body = { client_id: id, client_name: 'Cabinet', redirect_uris: ['http://127.0.0.1/callback'], ...extra }
    documents.documents.set(path, { body: JSON.stringify(body) })
    return id
  }

  it('makes a client, from any loopback port, and is fetched once', async () => {
    const id = put('/client.json', { token_endpoint_auth_method: 'none' })
    for (const port of [7777, 7778]) {
      const redirect_uri = `http://127.0.0.1:${port}/callback`
      const flow = authorization(at.issuer, id, { redirect_uri })
      const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
      expect((await redeem(at.issuer, id, code, flow.verifier, { redirect_uri })).status).toBe(200)
    }
    expect(documents.requests.filter((path) => path === '/client.json')).toHaveLength(1)
  })

  it('names the host that describes the client on the consent page, and warns of loopback', async () => {
    const id = put('/named.json', { client_name: '<script>alert(1)</script>' })
    const page = await toConsent(new Browser(), authorization(at.issuer, id).url, 'ada')
    expect(page.text).toContain(new URL(documents.origin).host)
    expect(page.text).toContain('Described by')
    expect(page.text).toContain('127.0.0.1:7777')
    expect(page.text).toContain('its name cannot be verified')
    expect(page.text).toContain('See costs and resources')
    expect(page.text).not.toContain('<script')
  })

  it('that failed is not asked for again at once', async () => {
    const id = `${documents.origin}/missing.json`
    for (let n = 0; n < 3; n++) expect((await fetch(authorization(at.issuer, id).url)).status).toBe(400)
    expect(documents.requests.filter((path) => path === '/missing.json')).toHaveLength(1)
  })
})

describe('registration', () => {
  it('answers with the client, keeps no scope, and takes a body of the SDK', async () => {
    const { status, body, headers } = await postJson(
      `${at.issuer}/register`,
      {
        client_name: 'SDK',
        redirect_uris: [callback],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        scope: `${read} tools/write`,
      },
      { origin: 'https://inspector.example.com' },
    )
    expect(status).toBe(201)
    expect(body).toMatchObject({ grant_types: ['authorization_code', 'refresh_token'], application_type: 'native' })
    expect(body.client_id).toMatch(/^dcr_/)
    expect(body).not.toHaveProperty('scope')
    expect(body).not.toHaveProperty('registration_access_token')
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  it('gives a secret when asked for one, and that works', async () => {
    const { body } = await postJson(
      `${at.issuer}/register`,
      { redirect_uris: [callback], token_endpoint_auth_method: 'client_secret_post' },
      { 'x-forwarded-for': '192.0.2.1' },
    )
    const flow = authorization(at.issuer, String(body.client_id))
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    const wrong = await redeem(at.issuer, String(body.client_id), code, flow.verifier, { client_secret: 'wrong' })
    expect([wrong.status, wrong.body.error]).toEqual([401, 'invalid_client'])
    const right = await redeem(at.issuer, String(body.client_id), code, flow.verifier, {
      client_secret: body.client_secret,
    })
    expect(right.status).toBe(200)
    expect(await at.scan()).not.toContain(String(body.client_secret))
  })
})

describe('a client that the configuration names', () => {
  it('signs people in', async () => {
    const flow = authorization(at.issuer, 'desk')
    const browser = new Browser()
    const page = await toConsent(browser, flow.url, 'ada')
    expect(page.text).toContain('Allow The desk')
    expect(page.text).toContain('Set up by whoever runs this server')
    const code = (await signIn(browser, flow.url, 'ada')).get('code')!
    expect((await redeem(at.issuer, 'desk', code, flow.verifier)).status).toBe(200)
  })

  it('gets a token of its own by its secret, with the scopes that it was given', async () => {
    const basic = { authorization: `Basic ${Buffer.from(`m2m_secret:${secret}`).toString('base64')}` }
    const { status, body } = await post(`${at.issuer}/token`, { grant_type: 'client_credentials' }, basic)
    expect(status).toBe(200)
    expect(body.scope).toBe(read)
    expect(decodeJwt(body.access_token as string)).toMatchObject({
      sub: 'm2m_secret',
      client_id: 'm2m_secret',
      aud: resource,
    })
    expect(body).not.toHaveProperty('refresh_token')
    const more = await post(`${at.issuer}/token`, { grant_type: 'client_credentials', scope: 'tools/write' }, basic)
    expect([more.status, more.body.error]).toEqual([400, 'invalid_scope'])
  })

  it('gets one by private_key_jwt, and an assertion works once, also 10 times at once', async () => {
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'm' })
      .setIssuer('m2m_keys')
      .setSubject('m2m_keys')
      .setAudience(at.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(machineKey)
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(`${at.issuer}/token`, form)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers)
      if (status !== 200) expect([status, body.error]).toEqual([401, 'invalid_client'])
    expect(answers.find(({ status }) => status === 200)!.body.scope).toBe('tools/ping')
  })
})

describe('enterprise-managed authorization', () => {
  const jag = async (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key = idpKey) =>
    new SignJWT({
      iss: idp.url,
      sub: 'employee-7',
      aud: at.issuer,
      resource,
      client_id: 'm2m_secret',
      jti: randomUUID(),
      scope: read,
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'idp', typ: 'oauth-id-jag+jwt', ...header })
      .sign(key)
  const present = (assertion: string, extra: Record<string, string> = {}) =>
    post(`${at.issuer}/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      client_id: 'm2m_secret',
      client_secret: secret,
      assertion,
      ...extra,
    })

  it('gives a token for the person that the enterprise names, without asking', async () => {
    const { status, body } = await present(await jag())
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token as string)).toMatchObject({
      sub: `${idp.url}#employee-7`,
      aud: resource,
      client_id: 'm2m_secret',
      scope: read,
    })
    expect(body).not.toHaveProperty('refresh_token')
  })

  it('takes an assertion once, also when it comes 10 times at once', async () => {
    const assertion = await jag()
    const answers = await Promise.all(Array.from({ length: 10 }, () => present(assertion)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it.each([
    ['of another client', { client_id: 'm2m_keys' }, {}],
    ['for another service', { aud: 'https://elsewhere.example.com' }, {}],
    ['for several services', { aud: ['http://127.0.0.1', 'https://elsewhere.example.com'] }, {}],
    ['for a resource that is not ours', { resource: 'https://elsewhere.example.com/mcp' }, {}],
    ['that has ended', { exp: Math.floor(Date.now() / 1000) - 60 }, {}],
    ['that is old', { iat: Math.floor(Date.now() / 1000) - 3600 }, {}],
    ['of an issuer that is not trusted', { iss: 'https://evil.example.com' }, {}],
    ['without jti', { jti: undefined }, {}],
    ['without a person', { sub: undefined }, {}],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['that is an ID token', {}, { typ: 'JWT' }],
  ])('refuses an assertion %s', async (_name, claims, header) => {
    const { status, body } = await present(await jag(claims, header))
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })

  it('refuses one that another key signed, and a client that does not prove itself', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    expect((await present(await jag({}, {}, privateKey))).body.error).toBe('invalid_grant')
    expect((await present(await jag(), { client_secret: 'wrong' })).body.error).toBe('invalid_client')
    const clientId = await register(at.issuer)
    const stranger = await post(`${at.issuer}/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      client_id: clientId,
      assertion: await jag({ client_id: clientId }),
    })
    expect(stranger.status).toBe(400)
  })
})

describe('DPoP', () => {
  it('binds tokens to a key, and a refresh needs that key, in its grace too', async () => {
    const [own, other] = [await proofs(), await proofs()]
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId)
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    const form = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: flow.verifier,
      redirect_uri: callback,
    }
    const { body } = await post(`${at.issuer}/token`, form, { dpop: await own.proof() })
    expect(body.token_type).toBe('DPoP')
    expect(decodeJwt(body.access_token as string).cnf).toEqual({ jkt: own.jkt })
    const again = { grant_type: 'refresh_token', client_id: clientId, refresh_token: body.refresh_token as string }
    expect((await post(`${at.issuer}/token`, again)).body.error).toBe('invalid_grant')
    expect((await post(`${at.issuer}/token`, again, { dpop: await other.proof() })).body.error).toBe('invalid_grant')
    const proof = await own.proof()
    const first = await post(`${at.issuer}/token`, again, { dpop: proof })
    expect(first.status).toBe(200)
    expect((await refresh(at.issuer, clientId, body.refresh_token as string)).status).toBe(400)
    expect((await post(`${at.issuer}/token`, again, { dpop: await other.proof() })).status).toBe(400)
    expect((await post(`${at.issuer}/token`, again, { dpop: proof })).status).toBe(400)
    expect((await post(`${at.issuer}/token`, again, { dpop: await own.proof() })).body).toEqual(first.body)
  })

  async function proofs() {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    return {
      jkt: await calculateJwkThumbprint(jwk),
      proof: () =>
        new SignJWT({ htm: 'POST', htu: `${at.issuer}/token`, jti: randomUUID() })
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
          .setIssuedAt()
          .sign(privateKey),
    }
  }
})
