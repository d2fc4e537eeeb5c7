import { fork } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cognitoProfile } from '../../src/auth/bearer/profiles.ts'
import { createTokenVerifier } from '../../src/auth/bearer/verify.ts'
import { TokenStore } from '../../src/auth/oauth-client/token-store.ts'
import { connectClient } from '../../src/connect/client.ts'
import { oauthFetch } from '../../src/connect/oauth-fetch.ts'
import { signIn, signInMachine } from '../../src/connect/sign-in.ts'
import { tokenSource } from '../../src/connect/tokens.ts'
import { listen } from '../../src/http/node-server.ts'
import { startCognito, type RunningCognito } from '../../src/local/cognito/start.ts'
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts'
import { opaque, scopes, startGuardedServer, type GuardedServer } from '../support/guarded-server.ts'
import { temporaryFolder } from '../support/temporary.ts'

const person = (username: string) => ({ username, password: `${username}-password` })
const poolUser = (username: string) => ({
  ...person(username),
  sub: `sub-${username}`,
  email: `${username}@example.com`,
  groups: [],
})
const without = (all: Record<string, string>, name: string) =>
  Object.fromEntries(Object.entries(all).filter(([each]) => each !== name))
const may: Record<string, string[]> = { ada: [scopes.read], grace: [scopes.read, scopes.write] }

let cognito: RunningCognito
let as: TestAuthorizationServer
let rs: GuardedServer
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let store: TokenStore

beforeAll(async () => {
  cognito = await startCognito({ users: [poolUser('ada'), poolUser('grace')] })
  as = await startAuthorizationServer(cognito, (username) => may[username]!)
  rs = await startGuardedServer({ issuer: as.issuer, verifier: opaque(as.tokens) })
})
beforeEach(async () => {
  await folder?.remove()
  folder = await temporaryFolder()
  store = new TokenStore(join(folder.path, 'tokens.json'))
  as.bent = Object.assign(as.bent, {
    metadata: undefined,
    callback: undefined,
    lifeS: undefined,
    consentPage: undefined,
  })
  Object.assign(rs.bent, { metadata: undefined, status: undefined, neverEnough: undefined })
  Object.assign(as.counts, { registrations: 0, signIns: 0, refreshes: 0 })
})
afterAll(async () => {
  await Promise.all([rs.close(), as.close(), cognito.close()])
  await folder.remove()
})

const source = (username: string, more: object = {}) =>
  tokenSource({ url: rs.url, ...person(username), store, ...more })

describe('signIn', () => {
  it('goes from the 401 to a token: registration, login at Cognito, consent', async () => {
    const signedIn = await signIn({ url: rs.url, ...person('ada') })
    expect(signedIn).toMatchObject({ scope: scopes.read, issuer: as.issuer, resource: rs.url })
    expect(as.tokens.get(signedIn.accessToken)).toMatchObject({ username: 'ada', clientId: signedIn.clientId })
    expect(signedIn.refreshToken).toBeTruthy()
    expect(as.counts).toEqual({ registrations: 1, signIns: 1, refreshes: 0 })
  })

  it('asks for the scopes that it is given', async () => {
    const signedIn = await signIn({ url: rs.url, ...person('grace'), scopes: Object.values(scopes) })
    expect(signedIn.scope).toBe(`${scopes.read} ${scopes.write}`)
  })

  it.each<[string, () => void, RegExp]>([
    ['state is another', () => (as.bent.callback = (all) => ({ ...all, state: 'x' })), /another state/],
    ['state is missing', () => (as.bent.callback = (all) => without(all, 'state')), /another state/],
    ['iss is another', () => (as.bent.callback = (all) => ({ ...all, iss: 'https://evil.example' })), /another issuer/],
    ['iss is missing though announced', () => (as.bent.callback = (all) => without(all, 'iss')), /another issuer/],
    [
      'iss of an error is another',
      () => (as.bent.callback = (all) => ({ error: 'x', state: all.state!, iss: 'y' })),
      /another issuer/,
    ],
    ['there is no code', () => (as.bent.callback = (all) => without(all, 'code')), /no code/],
    ['the code is another', () => (as.bent.callback = (all) => ({ ...all, code: 'x' })), /no token for the code/],
    [
      'PKCE is not advertised',
      () => (as.bent.metadata = { code_challenge_methods_supported: undefined }),
      /does not advertise PKCE/,
    ],
    [
      'PKCE is plain only',
      () => (as.bent.metadata = { code_challenge_methods_supported: ['plain'] }),
      /does not advertise PKCE/,
    ],
    [
      'the issuer is another',
      () => (as.bent.metadata = { issuer: 'https://evil.example' }),
      /metadata of the authorization server/,
    ],
    [
      'there is no registration',
      () => (as.bent.metadata = { registration_endpoint: undefined }),
      /registers no clients/,
    ],
    [
      'the login is on another machine',
      () => (as.bent.metadata = { authorization_endpoint: 'https://evil.example/a' }),
      /not this machine/,
    ],
    [
      'the login is on a name like loopback',
      () => (as.bent.metadata = { authorization_endpoint: 'http://127.0.0.1.evil.example/a' }),
      /not this machine/,
    ],
    [
      'the resource is another',
      () => (rs.bent.metadata = { resource: 'https://evil.example/mcp' }),
      /for another resource/,
    ],
    [
      'there is no authorization server',
      () => (rs.bent.metadata = { resource: rs.url, authorization_servers: [] }),
      /names no authorization server/,
    ],
    ['the endpoint asks for no token', () => (rs.bent.status = 200), /does not ask for a token/],
    [
      'the consent page cannot be approved',
      () => (as.bent.consentPage = '<form><button>Cancel</button></form>'),
      /answered 200/,
    ],
    [
      'the consent page leads round and round',
      () => (as.bent.consentPage = '<form method=post action=1><button>Continue</button></form>'),
      /did not end/,
    ],
    [
      'the first page would send the password in its address',
      () => (as.bent.metadata = { authorization_endpoint: `${as.issuer}/password-in-address` }),
      /in its address/,
    ],
  ])('stops with SIGN_IN_FAILED when %s', async (_, bend, message) => {
    bend()
    const failed = signIn({ url: rs.url, ...person('ada') })
    await expect(failed).rejects.toMatchObject({
      code: 'SIGN_IN_FAILED',
      message: expect.stringMatching(message) as string,
    })
  })

  it('says that the password is wrong, and does not say the password', async () => {
    const error = await signIn({ url: rs.url, username: 'ada', password: 'wrong-one' }).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'SIGN_IN_FAILED', why: 'It said: Incorrect username or password.' })
    expect(JSON.stringify(error)).not.toContain('wrong-one')
  })

  it('says that nothing answers', async () => {
    const gone = await listen(async () => new Response('x'))
    await gone.close()
    await expect(signIn({ url: `${gone.url}/mcp`, ...person('ada') })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })
})

describe('signIn at Cognito itself', () => {
  const callback = 'http://127.0.0.1:9/callback'
  let direct: GuardedServer
  beforeAll(async () => {
    cognito.addClient({ clientId: 'web', callbackUrls: [callback], scopes: ['openid', ...Object.values(scopes)] })
    cognito.addClient({ clientId: 'm', clientSecret: 's', flows: ['client_credentials'], scopes: [scopes.read] })
    direct = await startGuardedServer({
      issuer: cognito.issuer,
      verifier: (resource) => {
        const groups = { [scopes.read]: undefined, [scopes.write]: ['operators'] }
        const profile = cognitoProfile({ issuer: cognito.issuer, resource, clients: ['web', 'm'], scopes: groups })
        return createTokenVerifier({ profile })
      },
    })
  })
  afterAll(() => direct.close())
  const known = () => ({ url: direct.url, ...person('ada'), client: { clientId: 'web', redirectUri: callback } })

  it('is refused while its metadata do not advertise PKCE', async () => {
    await expect(signIn(known())).rejects.toThrow(/does not advertise PKCE/)
  })

  it('works with a client that is known beforehand, once they do', async () => {
    cognito.switches.advertisePkce = true
    const asAda = oauthFetch({ source: tokenSource({ ...known(), store }), username: 'ada' })
    const client = await connectClient({ url: direct.url, version: '0', fetch: asAda })
    cognito.switches.advertisePkce = false
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ content: [{ text: 'look done' }] })
    // Cognito grants what the client may ask for; that ada is in no group, the endpoint sees.
    await expect(client.callTool({ name: 'change', arguments: {} })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await client.close()
  })

  it('gives machines a token that the endpoint takes, and says why when it gives none', async () => {
    const machine = await signInMachine({ url: direct.url, clientId: 'm', clientSecret: 's', scopes: [scopes.read] })
    expect(machine).toMatchObject({ clientId: 'm', scope: scopes.read, issuer: cognito.issuer })
    const withToken: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${machine.accessToken}`)
      return fetch(input, { ...init, headers })
    }
    const client = await connectClient({ url: direct.url, version: '0', fetch: withToken })
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ content: [{ text: 'look done' }] })
    await client.close()
    await expect(signInMachine({ url: direct.url, clientId: 'm', clientSecret: 'wrong' })).rejects.toMatchObject({
      code: 'SIGN_IN_FAILED',
      why: expect.stringContaining('invalid_client') as string,
    })
  })
})

describe('kept tokens', () => {
  it('are given again while they live, then refreshed; the file is its owner’s alone', async () => {
    let time = Date.now()
    const now = () => time
    const first = await source('ada', { now }).token()
    expect((await source('ada', { now }).token()).accessToken).toBe(first.accessToken)
    expect(statSync(join(folder.path, 'tokens.json')).mode & 0o777).toBe(0o600)
    time += 295_000
    const second = await source('ada', { now }).token()
    expect(second.accessToken).not.toBe(first.accessToken)
    expect(as.counts).toEqual({ registrations: 1, signIns: 1, refreshes: 1 })
  })

  it('are apart by user, and hold no password', async () => {
    const ada = await source('ada').token()
    const grace = await source('grace').token()
    expect(as.tokens.get(grace.accessToken)!.username).toBe('grace')
    expect((await source('ada').token()).accessToken).toBe(ada.accessToken)
    expect(as.counts).toMatchObject({ registrations: 1, signIns: 2 })
    expect(readFileSync(join(folder.path, 'tokens.json'), 'utf8')).not.toContain('-password')
  })

  it('are fetched once, however many ask at once, in one process', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => source('ada').token()))
    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1)
    expect(as.counts.signIns).toBe(1)
  })

  it('are refreshed once by two processes', async () => {
    await source('ada', { now: () => Date.now() - 400_000 }).token()
    const ask = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const child = fork(new URL('../fixtures/ask-token.ts', import.meta.url).pathname, [
          rs.url,
          join(folder.path, 'tokens.json'),
          ...Object.values(person('ada')),
        ])
        child.on('message', (message) => resolve(message as string))
        child.on('exit', () => reject(new Error('it ended without a token')))
      })
    const [one, two] = await Promise.all([ask(), ask()])
    expect(one).toBe(two)
    expect(as.counts).toMatchObject({ signIns: 1, refreshes: 1 })
  }, 20_000)

  it('do not hang on the lock of a process that has gone, nor on a broken file', async () => {
    writeFileSync(join(folder.path, 'tokens.json.lock'), '999999999')
    writeFileSync(join(folder.path, 'tokens.json'), '{')
    expect((await source('ada').token()).scope).toBe(scopes.read)
  })

  it('wait for the lock of a process that lives, and say so when it stays', async () => {
    writeFileSync(join(folder.path, 'tokens.json.lock'), String(process.pid))
    const impatient = new TokenStore(join(folder.path, 'tokens.json'), { waitMs: 50 })
    await expect(impatient.locked(async () => 1)).rejects.toThrow(/held by another process/)
  })

  it('with exactly the scopes that are asked for, when they must be exact', async () => {
    await source('grace').token({ scopes: Object.values(scopes) })
    expect((await source('grace').token()).scope).toBe(Object.values(scopes).join(' '))
    expect((await source('grace').token({ scopes: [scopes.read], exact: true })).scope).toBe(scopes.read)
  })

  it('are not asked for again when the server granted less', async () => {
    await source('ada').token({ scopes: Object.values(scopes) })
    expect((await source('ada').token({ scopes: Object.values(scopes) })).scope).toBe(scopes.read)
    expect(as.counts.signIns).toBe(1)
  })
})

describe('oauthFetch', () => {
  const connect = (username: string, more: object = {}) =>
    connectClient({
      url: rs.url,
      version: '0',
      fetch: oauthFetch({
        source: source(username),
        username,
        may: may[username]!,
        whoMay: (scope) => Object.keys(may).find((name) => may[name]!.includes(scope)),
        ...more,
      }),
    })

  it('calls a tool, and signs in once more for a scope that it needs', async () => {
    const client = await connect('grace')
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ content: [{ text: 'look done' }] })
    expect(as.counts.signIns).toBe(1)
    expect(await client.callTool({ name: 'change', arguments: {} })).toMatchObject({
      content: [{ text: 'change done' }],
    })
    expect(as.counts.signIns).toBe(2)
    await client.callTool({ name: 'change', arguments: {} })
    expect(as.counts.signIns).toBe(2)
    await client.close()
  })

  it('names the scope that a user cannot have, without another sign-in', async () => {
    const client = await connect('ada')
    const refused = client.callTool({ name: 'change', arguments: {} })
    await expect(refused).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: `ada does not have the scope ${scopes.write}`,
      fix: 'Call as one who has it: --as grace',
    })
    expect(as.counts.signIns).toBe(1)
    await client.close()
  })

  it('names it as well when only the server knows', async () => {
    const client = await connect('ada', { may: undefined })
    await expect(client.callTool({ name: 'change', arguments: {} })).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      why: expect.stringContaining('did not grant it') as string,
    })
    await client.close()
  })

  it('steps up once, not for ever', async () => {
    const client = await connect('grace')
    rs.bent.neverEnough = true
    await expect(client.callTool({ name: 'change', arguments: {} })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(as.counts.signIns).toBe(2)
    await client.close()
  })

  it('replaces a token that the endpoint no longer takes, though all was forgotten', async () => {
    await source('ada').token()
    as.tokens.clear()
    as.refreshTokens.clear()
    as.clients.clear()
    const client = await connect('ada')
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ content: [{ text: 'look done' }] })
    expect(as.counts).toMatchObject({ registrations: 2, signIns: 2 })
    await client.close()
  })
})
