import { CognitoJwtVerifier } from 'aws-jwt-verify'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCognito, type RunningCognito } from '../../../src/local/cognito/start.ts'
import { ada, browser, callback, signInAt, tokenRequest, withQuery } from './support.ts'

const realIssuer = 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_fairlead0'
const resource = 'https://mcp.example.com/mcp'

describe('aws-jwt-verify, AWS’s own verifier,', () => {
  let cognito: RunningCognito
  let tokens: Record<string, string>
  beforeAll(async () => {
    cognito = await startCognito({ users: [ada], issuer: realIssuer })
    cognito.addClient({ clientId: 'web', callbackUrls: [callback], scopes: ['openid', 'tools/read'] })
    const location = await signInAt(cognito, {
      response_type: 'code',
      client_id: 'web',
      redirect_uri: callback,
      resource,
    })
    const answer = await tokenRequest(cognito, {
      grant_type: 'authorization_code',
      client_id: 'web',
      redirect_uri: callback,
      code: location.searchParams.get('code')!,
    })
    tokens = answer.body
  })
  afterAll(() => cognito.close())

  const verifier = async (tokenUse: 'access' | 'id', more: { scope?: string; groups?: string } = {}) => {
    const made = CognitoJwtVerifier.create({
      userPoolId: 'us-east-1_fairlead0',
      tokenUse,
      clientId: 'web',
      ...(more as object),
    })
    const jwks = await fetch(`${cognito.url}/us-east-1_fairlead0/.well-known/jwks.json`)
    made.cacheJwks((await jwks.json()) as Parameters<typeof made.cacheJwks>[0])
    return made
  }

  it('takes the access token, with its scope', async () => {
    const claims = await (await verifier('access', { scope: 'tools/read' })).verify(tokens.access_token!)
    expect(claims).toMatchObject({ sub: ada.sub, username: 'ada', aud: resource, version: 2, token_use: 'access' })
  })

  it('takes the ID token, with its groups', async () => {
    const claims = await (await verifier('id', { groups: 'readers' })).verify(tokens.id_token!)
    expect(claims).toMatchObject({ sub: ada.sub, 'cognito:username': 'ada', email: ada.email, aud: 'web' })
  })

  it('refuses one for the other, and a changed one', async () => {
    await expect((await verifier('access')).verify(tokens.id_token!)).rejects.toThrow(/Token use/)
    await expect((await verifier('id')).verify(tokens.access_token!)).rejects.toThrow(/Token use/)
    const [head, , signature] = tokens.access_token!.split('.')
    const body = Buffer.from(tokens.access_token!.split('.')[1]!, 'base64url').toString().replace('ada', 'eve')
    const changed = [head, Buffer.from(body).toString('base64url'), signature].join('.')
    await expect((await verifier('access')).verify(changed)).rejects.toThrow(/signature/i)
  })
})

describe('openid-client, a certified client,', () => {
  let cognito: RunningCognito
  beforeAll(async () => {
    cognito = await startCognito({ users: [ada] })
    cognito.addClient({ clientId: 'web', clientSecret: 'hush', callbackUrls: [callback], rotationGraceS: 0 })
    cognito.addClient({
      clientId: 'machine',
      clientSecret: 'hush+ /:é',
      flows: ['client_credentials'],
      scopes: ['tools/read', 'tools/write'],
    })
  })
  afterAll(() => cognito.close())

  const discover = (id: string, authentication: oidc.ClientAuth) =>
    oidc.discovery(new URL(cognito.issuer), id, undefined, authentication, { execute: [oidc.allowInsecureRequests] })

  it.each([
    ['client_secret_basic', oidc.ClientSecretBasic('hush')],
    ['client_secret_post', oidc.ClientSecretPost('hush')],
  ])('discovers, signs in with PKCE and nonce, refreshes, asks who it is and revokes, by %s', async (_, secret) => {
    const config = await discover('web', secret)
    const verifier = oidc.randomPKCECodeVerifier()
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid email',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    })
    const location = await signInAt(cognito, Object.fromEntries(url.searchParams))
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
    const tokens = await oidc.authorizationCodeGrant(config, location, checks)
    expect(tokens.claims()).toMatchObject({ sub: ada.sub, nonce, token_use: 'id' })

    const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token!)
    expect(fresh.claims()).toMatchObject({ sub: ada.sub })
    expect(fresh.refresh_token).not.toBe(tokens.refresh_token)

    const user = await oidc.fetchUserInfo(config, fresh.access_token, ada.sub)
    expect(user).toEqual({ sub: ada.sub, email: ada.email, email_verified: 'true', username: 'ada' })

    await oidc.tokenRevocation(config, fresh.refresh_token!)
    await expect(oidc.refreshTokenGrant(config, fresh.refresh_token!)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(oidc.fetchUserInfo(config, fresh.access_token, ada.sub)).rejects.toThrow()
  })

  it('gets a machine’s token, whose secret needs encoding', async () => {
    const config = await discover('machine', oidc.ClientSecretBasic('hush+ /:é'))
    const tokens = await oidc.clientCredentialsGrant(config, { scope: 'tools/read' })
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1]!, 'base64url').toString()) as object
    expect(Object.keys(claims).toSorted()).toEqual(
      ['auth_time', 'client_id', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub', 'token_use', 'version'].toSorted(),
    )
    expect(claims).toMatchObject({ sub: 'machine', client_id: 'machine', scope: 'tools/read', token_use: 'access' })
  })

  it('finds the session again with prompt=none, and none after logout', async () => {
    cognito.addClient({ clientId: 'app', callbackUrls: [callback], logoutUrls: ['https://app.example.com/bye'] })
    const at = browser()
    const query = { response_type: 'code', client_id: 'app', redirect_uri: callback, state: 's' }
    await signInAt(cognito, query, ada, at)
    expect((await signInAt(cognito, { ...query, prompt: 'none' }, ada, at)).searchParams.get('code')).toBeTruthy()
    expect([...at.cookies.keys()]).toContain(`cognito-${new URL(cognito.url).port}`)
    const login = await at.go(withQuery(`${cognito.url}/oauth2/authorize`, { ...query, prompt: 'login' }))
    expect(login.headers.get('location')).toContain('/login?')
    const bye = await at.go(`${cognito.url}/logout?client_id=app&logout_uri=https://app.example.com/bye`)
    expect(bye.headers.get('location')).toBe('https://app.example.com/bye')
    const none = await signInAt(cognito, { ...query, prompt: 'none' }, ada, at)
    expect(Object.fromEntries(none.searchParams)).toEqual({ error: 'login_required', state: 's' })
  })
})
