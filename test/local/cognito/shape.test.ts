import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCognito, type RunningCognito } from '../../../src/local/cognito/start.ts'
import { ada, callback, pkce, signInAt, tokenRequest } from './support.ts'

let cognito: RunningCognito
let time = Date.now()
const now = () => time
const resource = 'https://mcp.example.com/mcp'
const request = { response_type: 'code', client_id: 'web', redirect_uri: callback }

beforeAll(async () => {
  cognito = await startCognito({ users: [ada, { ...ada, username: 'lone', groups: [] }], now })
  cognito.addClient({ clientId: 'web', callbackUrls: [callback] })
})
afterAll(() => cognito.close())

async function signIn(more: Record<string, string> = {}, user = ada): Promise<Record<string, string>> {
  const location = await signInAt(cognito, { ...request, ...more }, user)
  const { body } = await tokenRequest(cognito, {
    grant_type: 'authorization_code',
    client_id: more.client_id ?? 'web',
    redirect_uri: callback,
    code: location.searchParams.get('code')!,
  })
  return body
}

const refresh = (refreshToken: string, clientId: string) =>
  tokenRequest(cognito, { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken })

describe('the documents', () => {
  it('have Cognito’s keys, and neither PKCE nor none nor iss', async () => {
    const response = await fetch(`${cognito.issuer}/.well-known/openid-configuration`)
    const document = (await response.json()) as Record<string, unknown>
    expect(Object.keys(document)).toEqual([
      'authorization_endpoint',
      'end_session_endpoint',
      'id_token_signing_alg_values_supported',
      'issuer',
      'jwks_uri',
      'response_types_supported',
      'revocation_endpoint',
      'scopes_supported',
      'subject_types_supported',
      'token_endpoint',
      'token_endpoint_auth_methods_supported',
      'userinfo_endpoint',
    ])
    expect(document).toMatchObject({
      issuer: cognito.issuer,
      response_types_supported: ['code', 'token'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    })
  })

  it('hold two RS256 keys, and nothing private', async () => {
    const response = await fetch(`${cognito.issuer}/.well-known/jwks.json`)
    const { keys } = (await response.json()) as { keys: Record<string, string>[] }
    expect(keys.map((key) => Object.keys(key).join())).toEqual(['alg,e,kid,kty,n,use', 'alg,e,kid,kty,n,use'])
    expect(keys[0]!.kid).not.toBe(keys[1]!.kid)
  })
})

describe('the tokens', () => {
  it('of access have kid and alg alone in the header, and no aud', async () => {
    const { access_token, id_token } = await signIn()
    expect(Object.keys(decodeProtectedHeader(access_token!))).toEqual(['kid', 'alg'])
    expect(decodeProtectedHeader(access_token!).kid).not.toBe(decodeProtectedHeader(id_token!).kid)
    expect(Object.keys(decodeJwt(access_token!))).toEqual(
      'sub cognito:groups iss version client_id origin_jti event_id token_use scope auth_time exp iat jti username'.split(
        ' ',
      ),
    )
  })

  it('are bound to a resource when the sign-in names one, refreshed ones too', async () => {
    const { access_token, refresh_token } = await signIn({ resource })
    expect(decodeJwt(access_token!).aud).toBe(resource)
    const again = await refresh(refresh_token!, 'web')
    expect(decodeJwt(again.body.access_token!)).toMatchObject({
      aud: resource,
      origin_jti: decodeJwt(access_token!).origin_jti,
    })
    expect(again.body.refresh_token).toBeUndefined()
  })

  it('carry no cognito:groups for a user in none, no ID token comes without openid, and no nonce unless asked', async () => {
    const lone = { ...ada, username: 'lone', groups: [] as string[] }
    expect(decodeJwt((await signIn({}, lone)).access_token!)).not.toHaveProperty('cognito:groups')
    const { access_token, id_token } = await signIn({ scope: 'email' })
    expect(id_token).toBeUndefined()
    expect(decodeJwt(access_token!).scope).toBe('email')
    expect(decodeJwt((await signIn()).id_token!)).not.toHaveProperty('nonce')
    expect(decodeJwt((await signIn({ nonce: 'n-1' })).id_token!)).toMatchObject({ nonce: 'n-1', token_use: 'id' })
  })
})

describe('time', () => {
  it('ends a code after five minutes, and a session after an hour', async () => {
    const location = await signInAt(cognito, request)
    time += 301_000
    const late = await tokenRequest(cognito, {
      grant_type: 'authorization_code',
      client_id: 'web',
      redirect_uri: callback,
      code: location.searchParams.get('code')!,
    })
    expect(late).toEqual({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('lets a rotated refresh token go on for its grace, and no longer', async () => {
    cognito.addClient({ clientId: 'rotating', callbackUrls: [callback], rotationGraceS: 10 })
    const { refresh_token } = await signIn({ client_id: 'rotating' })
    const first = await refresh(refresh_token!, 'rotating')
    expect(first.body.refresh_token).toBeTruthy()
    time += 9000
    expect((await refresh(refresh_token!, 'rotating')).status).toBe(200)
    time += 1001
    expect((await refresh(refresh_token!, 'rotating')).body).toEqual({ error: 'invalid_grant' })
    expect((await refresh(first.body.refresh_token!, 'rotating')).status).toBe(200)
  })

  it('ends refresh with the user: one who is switched off gets no more tokens', async () => {
    const { refresh_token } = await signIn()
    cognito.setUser({ ...ada, enabled: false })
    expect((await refresh(refresh_token!, 'web')).body).toEqual({ error: 'invalid_grant' })
    await expect(signInAt(cognito, request)).rejects.toThrow('401')
    cognito.setUser(ada)
  })
})

describe('the switches', () => {
  const document = async () =>
    (await (await fetch(`${cognito.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
  const switched = async (name: keyof RunningCognito['switches'], work: () => Promise<void>) => {
    cognito.switches[name] = true
    await work().finally(() => (cognito.switches[name] = false))
  }

  it('advertise PKCE, and none', async () => {
    await switched('advertisePkce', async () =>
      expect((await document()).code_challenge_methods_supported).toEqual(['S256']),
    )
    await switched('advertiseNone', async () =>
      expect((await document()).token_endpoint_auth_methods_supported).toContain('none'),
    )
    expect(await document()).not.toHaveProperty('code_challenge_methods_supported')
  })

  it('put iss into authorization responses, errors too', async () => {
    await switched('issParameter', async () => {
      expect((await document()).authorization_response_iss_parameter_supported).toBe(true)
      expect((await signInAt(cognito, request)).searchParams.get('iss')).toBe(cognito.issuer)
      const refused = await signInAt(cognito, { ...request, scope: 'nope' })
      expect(Object.fromEntries(refused.searchParams)).toEqual({ error: 'invalid_scope', iss: cognito.issuer })
    })
  })

  it('write typ: at+jwt', async () => {
    await switched('accessTokenTyp', async () =>
      expect(decodeProtectedHeader((await signIn()).access_token!).typ).toBe('at+jwt'),
    )
  })

  it('bind machines’ tokens to a resource', async () => {
    cognito.addClient({ clientId: 'm', clientSecret: 's', flows: ['client_credentials'], scopes: ['t/read'] })
    const form = { grant_type: 'client_credentials', client_id: 'm', client_secret: 's', resource }
    expect(decodeJwt((await tokenRequest(cognito, form)).body.access_token!)).not.toHaveProperty('aud')
    await switched('bindClientCredentials', async () =>
      expect(decodeJwt((await tokenRequest(cognito, form)).body.access_token!).aud).toBe(resource),
    )
  })

  it('demand that the resource is a resource server', async () => {
    await switched('resourceMustExist', async () =>
      expect(await signIn({ resource })).toEqual({ error: 'invalid_grant' }),
    )
  })

  it('take localhost alone, as Cognito does', async () => {
    await switched('localhostOnly', async () => {
      expect(() => cognito.addClient({ callbackUrls: [callback] })).toThrow(/no callback URL for Cognito/)
      cognito.addClient({ callbackUrls: ['http://localhost:9/callback'] })
      const refused = await signInAt(cognito, { ...request, resource: 'http://127.0.0.1:4102/mcp' })
      expect(refused.searchParams.get('error')).toBe('invalid_request')
    })
    expect(
      (await signInAt(cognito, { ...request, resource: 'http://127.0.0.1:4102/mcp' })).searchParams.has('code'),
    ).toBe(true)
  })
})

it('asks for PKCE only when the request began with it', async () => {
  const { verifier, challenge } = pkce()
  const location = await signInAt(cognito, { ...request, code_challenge: challenge, code_challenge_method: 'S256' })
  const redeemed = await tokenRequest(cognito, {
    grant_type: 'authorization_code',
    client_id: 'web',
    redirect_uri: callback,
    code: location.searchParams.get('code')!,
    code_verifier: verifier,
  })
  expect(redeemed.status).toBe(200)
})
