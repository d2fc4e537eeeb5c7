import { describe, expect, it } from 'vitest'
import { cognitoMetadata } from '../../../src/auth/bearer/cognito-metadata.ts'

const issuer = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc'
const origin = 'https://mcp.example.com'
const path = '/.well-known/oauth-authorization-server'
const own = {
  issuer,
  authorization_endpoint: 'https://x.auth.eu-west-1.amazoncognito.com/oauth2/authorize',
  token_endpoint: 'https://x.auth.eu-west-1.amazoncognito.com/oauth2/token',
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  userinfo_endpoint: 'https://x.auth.eu-west-1.amazoncognito.com/oauth2/userInfo',
}

function facade(answers: (() => Response)[], clock = { ms: 0 }) {
  const asked: string[] = []
  const answer = cognitoMetadata({
    issuer,
    origin,
    scopesSupported: ['tools/read'],
    now: () => clock.ms,
    fetch: async (input) => {
      asked.push(input as string)
      return answers.shift()!()
    },
  })
  return { answer, asked }
}

describe('the metadata of Cognito at our origin', () => {
  it('have its endpoints, S256 and clients without a secret, and are read once an hour', async () => {
    const clock = { ms: 0 }
    const { answer, asked } = facade([() => Response.json(own), () => new Response(null, { status: 500 })], clock)
    const [first, second] = await Promise.all([answer('GET', path), answer('HEAD', path)])
    expect(await first!.json()).toEqual({
      issuer: origin,
      authorization_endpoint: own.authorization_endpoint,
      token_endpoint: own.token_endpoint,
      jwks_uri: own.jwks_uri,
      scopes_supported: ['tools/read'],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      code_challenge_methods_supported: ['S256'],
    })
    expect([second!.status, await second!.text()]).toEqual([200, ''])
    await answer('GET', path)
    expect(asked).toEqual([`${issuer}/.well-known/openid-configuration`])
    clock.ms = 3_600_001
    expect((await answer('GET', path))!.status).toBe(200)
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['another issuer', () => Response.json({ ...own, issuer: 'https://evil.example' })],
    ['no JSON', () => new Response('<html>')],
    ['an error', () => new Response('', { status: 500 })],
    ['far too much', () => Response.json({ ...own, more: 'x'.repeat(100_000) })],
  ])('are 503 when Cognito answers with %s, and are asked for again', async (_, wrong) => {
    const { answer } = facade([wrong, () => Response.json(own)])
    expect((await answer('GET', path))!.status).toBe(503)
    expect((await answer('GET', path))!.status).toBe(200)
  })

  it('are at that path alone, for reading', async () => {
    const { answer } = facade([])
    expect(await answer('GET', '/mcp')).toBeUndefined()
    expect(await answer('GET', `${path}/mcp`)).toBeUndefined()
    expect((await answer('POST', path))!.status).toBe(405)
    expect((await answer('OPTIONS', path))!.status).toBe(204)
  })
})
