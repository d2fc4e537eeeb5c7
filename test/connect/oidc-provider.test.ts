import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { TokenStore } from '../../src/auth/oauth-client/token-store.ts'
import { signIn } from '../../src/connect/sign-in.ts'
import { tokenSource } from '../../src/connect/tokens.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { opaque, startGuardedServer, type GuardedServer } from '../support/guarded-server.ts'

// A certified authorization server with its own login and consent pages, none of which is ours.
const server = createServer()
let rs: GuardedServer
let issuer: string

beforeAll(async () => {
  // It warns of its development settings.
  for (const level of ['warn', 'info'] as const) vi.spyOn(console, level).mockImplementation(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const scope = 'aws-tools/read aws-tools/write'
  const provider = new Provider(issuer, {
    scopes: ['openid', ...scope.split(' ')],
    clientDefaults: { token_endpoint_auth_method: 'none' },
    cookies: { keys: ['test'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    issueRefreshToken: () => true,
    features: {
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({ scope, audience, accessTokenFormat: 'jwt' }),
      },
    },
  })
  server.on('request', provider.callback())
  rs = await startGuardedServer({ issuer, verifier: opaque(new Map()) })
})
afterAll(async () => {
  server.closeAllConnections()
  await Promise.all([rs.close(), new Promise((resolve) => server.close(resolve))])
})

it('signIn goes through the pages of oidc-provider', async () => {
  const signedIn = await signIn({ url: rs.url, username: 'ada', password: 'any' })
  expect(signedIn).toMatchObject({ issuer, scope: 'aws-tools/read' })
  expect(decodeJwt(signedIn.accessToken)).toMatchObject({ sub: 'ada', aud: rs.url, iss: issuer })
  expect(signedIn.refreshToken).toBeTruthy()
})

it('a client that oidc-provider has forgotten is registered once more', async () => {
  const folder = await temporaryFolder()
  const store = new TokenStore(join(folder.path, 'tokens.json'))
  store.putClientId(issuer, 'forgotten')
  const { clientId } = await tokenSource({ url: rs.url, username: 'ada', password: 'any', store }).token()
  expect(clientId).not.toBe('forgotten')
  expect(store.clientId(issuer)).toBe(clientId)
  await folder.remove()
})
