import { gatewayPolicy } from '../../../src/aws/permissions.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { noBindings } from '../../../src/gateway/bindings.ts'
import { readGateway, readTarget } from '../../../src/gateway/definitions/read.ts'
import { openGateway } from '../../../src/gateway/open.ts'
import { listen } from '../../../src/http/node-server.ts'
import { inboundOf } from '../../../src/local/agentcore-gateway/inbound.ts'
import { agentArn, loadIdentities } from '../../../src/local/iam/identities.ts'
import { makeKey, signWith, startIssuer } from '../../auth/bearer/issuer.ts'
import { lambdaTarget, roleArn } from '../../gateway/support.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const arn = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/test-0123456789'
const ping = {
  method: 'POST',
  body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  headers: { 'content-type': 'application/json' },
}

async function start(definition: object) {
  const folder = await temporaryFolder()
  const identities = loadIdentities(folder.path, { accountId: '000000000000' })
  const gateway = readGateway({ name: 'test', roleArn, ...definition })
  const policy = gatewayPolicy(arn, [agentArn('000000000000')])
  let url = ''
  const opened = await openGateway({
    gateway,
    targets: [readTarget(lambdaTarget())],
    bindings: noBindings,
    invoke: async ({ payload }) => ({ payload }),
    roleCredentials: async () => identities[0]!,
    region: 'us-east-1',
    inbound: inboundOf({ gateway, bindings: noBindings, arn, identities, policy, resource: () => url }),
  })
  const server = await listen(opened.fetch)
  url = `${server.url}/mcp`
  closers.push(
    folder.remove,
    () => opened.close(),
    () => server.close(),
  )
  return { url, identities }
}

describe('a gateway with AWS_IAM', () => {
  it('lets in who signs and may, and nobody else', async () => {
    const { url, identities } = await start({ authorizerType: 'AWS_IAM' })
    const as = async (name: string, service = 'bedrock-agentcore') => {
      const credentials = identities.find((each) => each.name === name)!
      return (await sigv4Fetch({ credentials, service, region: 'us-east-1' })(url, ping)).status
    }
    expect([
      await as('agent'),
      await as('stranger'),
      await as('agent', 'lambda'),
      (await fetch(url, ping)).status,
    ]).toEqual([200, 403, 403, 403])
  })
})

describe('a gateway with CUSTOM_JWT', () => {
  it('checks all of it, and says what is missing in the challenge of the service', async () => {
    const key = await makeKey('k')
    const issuer = await startIssuer([key])
    closers.push(() => issuer.close())
    const customJWTAuthorizer = {
      discoveryUrl: issuer.discoveryUrl,
      allowedAudience: ['tools'],
      allowedScopes: ['read'],
      advertisedScopeMapping: { read: 'shop/read' },
    }
    const { url } = await start({ authorizerType: 'CUSTOM_JWT', authorizerConfiguration: { customJWTAuthorizer } })
    const now = Math.floor(Date.now() / 1000)
    const good = { iss: issuer.url, aud: 'tools', sub: 'ada', scope: 'read', iat: now, exp: now + 60 }
    const asked = async (claims: object, signedWith = key) => {
      const token = await signWith(signedWith, { ...good, ...claims })
      const response = await fetch(url, { ...ping, headers: { ...ping.headers, authorization: `Bearer ${token}` } })
      return [response.status, response.headers.get('www-authenticate')]
    }
    const metadata = `resource_metadata="${new URL('/.well-known/oauth-protected-resource', url).href}", scope="shop/read"`
    expect(await asked({})).toEqual([200, null])
    expect(await asked({ scope: 'write' })).toEqual([403, `Bearer error="insufficient_scope", ${metadata}`])
    const others = [
      asked({ aud: 'others' }),
      asked({ exp: now - 60 }),
      asked({ iss: 'https://evil.example' }),
      asked({}, { ...(await makeKey('k')), kid: 'k' }),
    ]
    for (const other of await Promise.all(others)) expect(other).toEqual([401, `Bearer ${metadata}`])
  })

  it('answers 503, and lets nobody in, when the issuer cannot be reached', async () => {
    const customJWTAuthorizer = {
      discoveryUrl: 'http://127.0.0.1:1/.well-known/openid-configuration',
      allowedAudience: ['tools'],
    }
    const { url } = await start({ authorizerType: 'CUSTOM_JWT', authorizerConfiguration: { customJWTAuthorizer } })
    const key = await makeKey('k')
    const now = Math.floor(Date.now() / 1000)
    const token = await signWith(key, { iss: 'x', aud: 'tools', sub: 'a', iat: now, exp: now + 60 })
    expect((await fetch(url, { ...ping, headers: { ...ping.headers, authorization: `Bearer ${token}` } })).status).toBe(
      503,
    )
  })
})
