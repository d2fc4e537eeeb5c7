import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startIssuer, type Issuer } from '../../support/issuer.ts'
import { ask, connect, post, rpc, startRuntime, type TestRuntime } from './support.ts'

const claims = { sub: 'ada', client_id: 'app', aud: 'https://api.example', scope: 'openid tools/read' }
let issuer: Issuer
let test: TestRuntime

beforeAll(async () => {
  issuer = await startIssuer()
  test = await startRuntime({
    auth: {
      customJWTAuthorizer: {
        discoveryUrl: `${issuer.url}/.well-known/openid-configuration`,
        allowedClients: ['app'],
        allowedAudience: ['https://api.example'],
        allowedScopes: ['tools/read', 'tools/write'],
        customClaims: [
          {
            inboundTokenClaimName: 'team',
            inboundTokenClaimValueType: 'STRING',
            authorizingClaimMatchValue: { claimMatchOperator: 'EQUALS', claimMatchValue: { matchValueString: 'blue' } },
          },
        ],
      },
    },
    headers: ['Authorization'],
  })
})
afterAll(async () => {
  await test?.close()
  await issuer?.close()
})

const token = (more: Record<string, unknown> = {}, lifeS = 300) => {
  const now = Math.floor(Date.now() / 1000)
  return issuer.sign({ ...claims, team: 'blue', iss: issuer.url, iat: now, exp: now + lifeS, ...more })
}
const withBearer =
  (bearer: string): typeof fetch =>
  (input, init) =>
    fetch(input, {
      ...init,
      headers: { ...Object.fromEntries(new Headers(init?.headers)), authorization: `Bearer ${bearer}` },
    })

describe('a runtime with a JWT authorizer', () => {
  it('lets real clients in with a good token, and the server reads who they are from it', async () => {
    expect(test.runtime.endpoint).toMatchObject({ auth: 'oauth' })
    expect(test.runtime.endpoint.service).toBeUndefined()
    const client = await connect(test.url, withBearer(await token()))
    expect(await ask(client, 'who')).toMatchObject({
      principal: { kind: 'user', id: 'ada', clientId: 'app', scopes: ['openid', 'tools/read'] },
    })
    await client.close()
  })

  it('asks who has no token for one, and says where its metadata is', async () => {
    const record = test.nextRecord()
    const answer = await post(fetch, test.url, rpc('ping'))
    expect(answer).toMatchObject({
      status: 401,
      body: { id: 7, error: { code: -32001, message: 'Authentication error - Invalid credentials' } },
    })
    const challenge = answer.headers.get('www-authenticate')!
    const [, metadataUrl] = /^Bearer resource_metadata="([^"]+)"$/.exec(challenge)!
    expect(metadataUrl).toBe(test.url.replace('?', '/.well-known/oauth-protected-resource?'))
    expect(await (await fetch(metadataUrl!)).json()).toEqual({
      authorization_servers: [issuer.url],
      resource: test.url,
      scopes_supported: ['tools/read', 'tools/write'],
    })
    expect(await record).toMatchObject({ code: 'TOKEN_MISSING' })
  })

  it('takes no signature, however good', async () => {
    const record = test.nextRecord()
    expect((await post(test.signed, test.url, rpc('ping'))).status).toBe(401)
    expect(await record).toMatchObject({ code: 'TOKEN_MISSING', why: expect.stringContaining('signed') as string })
  })

  it.each([
    ['a wrong audience', { aud: 'https://other.example' }, 401, 'TOKEN_AUDIENCE'],
    ['a wrong client', { client_id: 'other' }, 401, 'TOKEN_CLIENT'],
    ['a claim that does not hold', { team: 'red' }, 401, 'TOKEN_CLAIM'],
    ['another issuer', { iss: 'https://evil.example' }, 401, 'TOKEN_ISSUER'],
    ['an expired token', { exp: 1 }, 401, 'TOKEN_EXPIRED'],
    ['none of the scopes', { scope: 'openid' }, 403, 'SCOPE_MISSING'],
  ])('refuses %s: all that is configured must hold', async (_name, more, status, code) => {
    const record = test.nextRecord()
    const answer = await post(withBearer(await token(more)), test.url, rpc('ping'))
    expect(answer).toMatchObject({ status, body: { error: { code: status === 401 ? -32001 : -32002 } } })
    expect(answer.headers.has('www-authenticate')).toBe(status === 401)
    expect(await record).toMatchObject({ code })
  })

  it('refuses to stop a session in the words of the service’s own API', async () => {
    const answer = await post(fetch, test.url.replace('invocations', 'stopruntimesession'), '{}')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('x-amzn-errortype')).toBe('UnauthorizedException')
    expect(answer.body).toMatchObject({ message: expect.any(String) as string })
  })
})

describe('a configuration of a JWT authorizer', () => {
  it.each([
    ['without a rule', { discoveryUrl: 'https://a.example/.well-known/openid-configuration' }],
    [
      'with a member that AWS does not have',
      { discoveryUrl: 'https://a.example/.well-known/openid-configuration', audience: ['x'] },
    ],
  ])('is refused %s', async (_name, customJWTAuthorizer) => {
    await expect(startRuntime({ auth: { customJWTAuthorizer } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
