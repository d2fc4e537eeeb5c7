import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { statSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { authorizeByScript } from '../../src/auth/oauth-client/authorize.ts'
import { discover } from '../../src/auth/oauth-client/discover.ts'
import { register } from '../../src/auth/oauth-client/register.ts'
import { TokenStore } from '../../src/auth/oauth-client/token-store.ts'
import { browserTokens } from '../../src/connect/browser-tokens.ts'
import { connectClient } from '../../src/connect/client.ts'
import { endpointFetch } from '../../src/connect/endpoint-fetch.ts'
import { oauthFetch } from '../../src/connect/oauth-fetch.ts'
import { startCognito, type RunningCognito } from '../../src/local/cognito/start.ts'
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts'
import { opaque, scopes, startGuardedServer, type GuardedServer } from '../support/guarded-server.ts'
import { temporaryFolder } from '../support/temporary.ts'

const grace = { username: 'grace', password: 'grace-password' }
let cognito: RunningCognito
let as: TestAuthorizationServer
let rs: GuardedServer
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let store: TokenStore
let opened: URL[]

beforeAll(async () => {
  cognito = await startCognito({ users: [{ ...grace, sub: 'sub-grace', email: 'grace@example.com', groups: [] }] })
  as = await startAuthorizationServer(cognito, () => Object.values(scopes))
  rs = await startGuardedServer({ issuer: as.issuer, verifier: opaque(as.tokens) })
})
beforeEach(async () => {
  await folder?.remove()
  folder = await temporaryFolder()
  store = new TokenStore(join(folder.path, 'tokens.json'))
  opened = []
  Object.assign(as.counts, { registrations: 0, signIns: 0, refreshes: 0 })
  Object.assign(as.bent, { callback: undefined, metadata: undefined })
})
afterAll(async () => {
  await Promise.all([rs.close(), as.close(), cognito.close()])
  await folder.remove()
})

/** A person at a browser: signs in, says yes, and is led back to the loopback address. */
function person(url: URL): void {
  opened.push(url)
  const redirectUri = url.searchParams.get('redirect_uri')!
  void authorizeByScript(url, redirectUri, grace).then((answer) => fetch(`${redirectUri}?${answer.toString()}`))
}

const source = (more: object = {}) => browserTokens({ url: rs.url, store, note: () => {}, open: person, ...more })

it('signs in by the browser, comes back to a free port, and keeps the token for its owner alone', async () => {
  const { accessToken } = await source().token()
  expect(as.tokens.get(accessToken)).toMatchObject({ username: 'grace', resource: rs.url })
  expect(opened[0]!.searchParams.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
  expect((await source().token()).accessToken).toBe(accessToken)
  expect(opened).toHaveLength(1)
  expect(statSync(join(folder.path, 'tokens.json')).mode & 0o777).toBe(0o600)
})

it('uses the registered port again, so that a server which compares it exactly is content', async () => {
  await source().token()
  await source().token({ scopes: Object.values(scopes) })
  expect(opened).toHaveLength(2)
  expect(opened[1]!.searchParams.get('redirect_uri')).toBe(opened[0]!.searchParams.get('redirect_uri'))
  expect(as.counts.registrations).toBe(1)
})

it('comes back to the very redirect URI of a client that the server knows, and to no other', async () => {
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  const { port } = busy.address() as AddressInfo
  const redirectUri = `http://localhost:${port}/signed-in`
  const { client_id: clientId } = await register(await discover(rs.url), redirectUri)
  const client = { clientId, redirectUri }
  await expect(source({ client }).token()).rejects.toMatchObject({ code: 'SIGN_IN_FAILED', message: `The port ${port} of the redirect URI is taken` }) // prettier-ignore
  await new Promise((resolve) => busy.close(resolve))
  expect((await source({ client }).token()).clientId).toBe(clientId)
  expect(opened.map((url) => url.searchParams.get('redirect_uri'))).toEqual([redirectUri])
  const elsewhere = { clientId, redirectUri: 'https://app.example.com/callback' }
  await expect(source({ client: elsewhere, scopes: Object.values(scopes) }).token()).rejects.toMatchObject({ code: 'SIGN_IN_FAILED', message: expect.stringContaining('leads to this program') as string }) // prettier-ignore
})

it('takes no answer with another state, and waits for its own', async () => {
  const open = (url: URL) => {
    const redirectUri = url.searchParams.get('redirect_uri')!
    void fetch(`${redirectUri}?code=stolen&state=guessed`).then((response) => {
      expect(response.status).toBe(400)
      person(url)
    })
  }
  expect((await source({ open }).token()).accessToken).toBeTruthy()
})

it.each([
  ['an issuer that is another', (all: Record<string, string>) => ({ ...all, iss: 'https://evil.example' }), /another issuer/], // prettier-ignore
  ['a refusal', ({ state, iss }: Record<string, string>) => ({ state: state!, iss: iss!, error: 'access_denied' }), /access_denied/], // prettier-ignore
])('ends with %s', async (_, callback, message) => {
  as.bent.callback = callback
  await expect(source().token()).rejects.toMatchObject({ code: 'SIGN_IN_FAILED', message: expect.stringMatching(message) as string }) // prettier-ignore
})

it('names itself by a metadata document only where the server reads them', async () => {
  const client = { clientId: 'https://client.example/metadata.json' }
  await source({ client }).token()
  expect(opened[0]!.searchParams.get('client_id')).not.toBe(client.clientId)
  as.clients.set(client.clientId, [])
  as.bent.metadata = { client_id_metadata_document_supported: true }
  const asked = new Promise<URL>((resolve) => {
    void source({ client, open: resolve, store: new TokenStore(join(folder.path, 'other.json')) }).token().catch(() => {}) // prettier-ignore
  })
  expect((await asked).searchParams.get('client_id')).toBe(client.clientId)
})

it('is found out by itself, steps up where a scope is missing, and asks once when two sources share a file', async () => {
  const connect = () =>
    connectClient({
      url: rs.url,
      version: '1',
      fetch: endpointFetch({ url: rs.url, oauth: () => oauthFetch({ source: source(), username: 'grace' }) }),
    })
  const [one, two] = await Promise.all([connect(), connect()])
  expect(opened).toHaveLength(1)
  const result = await one.callTool({ name: 'change', arguments: {} })
  expect(result.content).toEqual([{ type: 'text', text: 'change done' }])
  expect(opened[1]!.searchParams.get('scope')).toBe(`${scopes.read} ${scopes.write}`)
  await Promise.all([one.close(), two.close()])
})

it('forgets tokens, and the client of an issuer that has none left', async () => {
  await source().token()
  expect(store.list()).toMatchObject([{ issuer: as.issuer, resource: rs.url }])
  await store.locked(async () => expect(store.forget(() => true)).toHaveLength(1))
  expect(store.list()).toEqual([])
  expect(store.clientId(as.issuer)).toBeUndefined()
})
