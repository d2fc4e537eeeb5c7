import { fileURLToPath } from 'node:url'
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizeByScript } from '../../../src/auth/oauth-client/authorize.ts'
import { signIn, signInMachine } from '../../../src/connect/sign-in.ts'
import type { FairleadConfig } from '../../../src/config.ts'
import { followSignIn } from '../../../src/explain/sign-in.ts'
import { readKept } from '../../../src/local/kept.ts'
import type { RequestRecord } from '../../../src/local/requests.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const callback = 'http://127.0.0.1:8976/callback'
const records: RequestRecord[] = []
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack
let url: string

beforeAll(async () => {
  process.env.TEST_ROBOT_SECRET = randomBytes(16).toString('hex')
  folder = await temporaryFolder()
  const config: FairleadConfig = {
    name: 'pid',
    server: { kind: 'module', entry: fileURLToPath(new URL('../../fixtures/pid-server.ts', import.meta.url)) },
    scopes: { read: { description: 'Read' }, write: { description: 'Write', groups: ['writers'] } },
    baseScopes: ['read'],
    tools: { write: { scopes: ['write'] } },
    oauth: {
      verifier: 'cognito',
      clients: [
        { id: 'app', redirectUris: [callback] },
        { id: 'robot', secretEnv: 'TEST_ROBOT_SECRET' },
      ],
    },
    platforms: { fargate: { tasks: 1 } },
  }
  stack = await startStack(
    { dir: folder.path, configFile: '', config },
    { port: 0, onRequest: (each) => records.push(each) },
  )
  url = stack.endpoints.fargate!.url
}, 30_000)
afterAll(async () => {
  await stack.close()
  await folder.remove()
})

const cognito = () => new URL(stack.authorizationServer!).origin

async function tokenOf(
  username: string,
  scope: string,
  kind: 'access_token' | 'id_token' = 'access_token',
): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'app',
    redirect_uri: callback,
    scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const person = stack.users.find((user) => user.username === username)!
  const came = await authorizeByScript(new URL(`${cognito()}/oauth2/authorize?${query.toString()}`), callback, person)
  return tokens(
    {
      grant_type: 'authorization_code',
      client_id: 'app',
      redirect_uri: callback,
      code: came.get('code')!,
      code_verifier: verifier,
    },
    kind,
  )
}

async function tokens(form: Record<string, string>, kind = 'access_token'): Promise<string> {
  const response = await fetch(`${cognito()}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
  return ((await response.json()) as Record<string, string>)[kind]!
}

async function call(token: string, name: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  })
  await response.text()
  return response.status
}

describe('tokens of Cognito itself', () => {
  it('let people in who signed in there, with the scopes that their groups give', async () => {
    const [ada, grace] = [await tokenOf('ada', 'pid/read pid/write'), await tokenOf('grace', 'pid/read pid/write')]
    expect(await call(ada, 'pid')).toBe(200)
    expect(await call(grace, 'write')).toBe(200)
    // Cognito gives any scope that the client may ask for: her groups say no.
    expect(await call(ada, 'write')).toBe(403)
  })

  it('let a client in that calls for itself', async () => {
    const form = {
      grant_type: 'client_credentials',
      client_id: 'robot',
      client_secret: process.env.TEST_ROBOT_SECRET!,
      scope: 'pid/read',
    }
    expect(await call(await tokens(form), 'pid')).toBe(200)
  })

  it('do not let in an ID token, or a token without a scope of this server', async () => {
    expect(await call(await tokenOf('ada', 'openid pid/read', 'id_token'), 'pid')).toBe(401)
    expect(await call(await tokenOf('ada', 'openid email'), 'pid')).toBe(401)
    await expect
      .poll(() => records.map(({ code }) => code))
      .toEqual(expect.arrayContaining(['TOKEN_TYPE', 'SCOPE_MISSING']))
  })

  it('are missing where a sign-in at Cognito stopped, and it is kept at which step', async () => {
    const headers = { 'user-agent': 'a-client', 'content-type': 'application/json' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(401)
    await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url), { headers })
    await fetch(`${stack.authorizationServer}/.well-known/openid-configuration`, { headers })
    const query = new URLSearchParams({ response_type: 'code', client_id: 'app', redirect_uri: callback, scope: 'x' })
    const sent = await fetch(`${cognito()}/oauth2/authorize?${query.toString()}`, { headers, redirect: 'manual' })
    expect(sent.status).toBe(302)
    const why = async () => {
      stack.requests.flush()
      const kept = readKept(folder.path)
      const refused = kept.findLast((each) => each.code === 'TOKEN_MISSING' && each.headers.includes('a-client'))
      return refused && followSignIn(refused, kept).stopped
    }
    await expect.poll(why).toBe('The client stopped at GET authorization: invalid_scope')
    const text = JSON.stringify(readKept(folder.path))
    for (const { password } of stack.users) expect(text).not.toContain(password)
  })

  it('are led to by metadata at our own origin, which say what Cognito does without saying so', async () => {
    const read = async (path: string) => (await fetch(new URL(path, url))).json()
    const { origin } = new URL(url)
    expect(await read('/.well-known/oauth-protected-resource/mcp')).toMatchObject({ authorization_servers: [origin] })
    expect(await read('/.well-known/oauth-authorization-server')).toMatchObject({
      issuer: origin,
      token_endpoint: `${cognito()}/oauth2/token`,
      scopes_supported: ['pid/read', 'pid/write'],
      code_challenge_methods_supported: ['S256'],
    })
  })

  it('are had by signing in as any MCP client does, through a client that Cognito knows', async () => {
    const { accessToken, issuer } = await signIn({ url, ...stack.users[0]!, client: { clientId: 'app', redirectUri: callback } }) // prettier-ignore
    expect(issuer).toBe(new URL(url).origin)
    expect(await call(accessToken, 'pid')).toBe(200)
    const machine = { url, clientId: 'robot', clientSecret: process.env.TEST_ROBOT_SECRET!, scopes: ['pid/read'] }
    expect(await call((await signInMachine(machine)).accessToken, 'pid')).toBe(200)
  })
})
