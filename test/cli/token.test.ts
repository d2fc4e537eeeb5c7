import { writeFile } from 'node:fs/promises'
import { existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../src/http/local-port.ts'
import { startCognito, type RunningCognito } from '../../src/local/cognito/start.ts'
import { readState, writeState } from '../../src/local/state.ts'
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts'
import { opaque, scopes, startGuardedServer, type GuardedServer } from '../support/guarded-server.ts'
import { copyProject, fairlead } from './support.ts'

const users = [
  { username: 'ada', password: 'ada-password', scopes: [scopes.read] },
  { username: 'grace', password: 'grace-password', scopes: [scopes.read, scopes.write] },
]
let project: Awaited<ReturnType<typeof copyProject>>
let cognito: RunningCognito
let as: TestAuthorizationServer
let rs: GuardedServer
let direct: GuardedServer

beforeAll(async () => {
  project = await copyProject('none')
  await writeFile(
    join(project.dir, 'fairlead.config.ts'),
    `export default { name: 'aws-tools', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {} } }`,
  )
  cognito = await startCognito({
    users: users.map((user) => ({ ...user, sub: user.username, email: 'x@example.com', groups: [] })),
  })
  cognito.addClient({ clientId: 'm', clientSecret: 's', flows: ['client_credentials'], scopes: [scopes.read] })
  as = await startAuthorizationServer(cognito, (name) => users.find(({ username }) => username === name)!.scopes)
  rs = await startGuardedServer({ issuer: as.issuer, verifier: opaque(as.tokens) })
  direct = await startGuardedServer({ issuer: cognito.issuer, verifier: opaque(new Map()) })
  writeState(project.dir, {
    pid: process.pid,
    version: '0',
    region: 'us-east-1',
    accountId: '000000000000',
    endpoints: {
      lambda: { url: 'http://127.0.0.1:9/mcp', auth: 'iam' },
      fargate: { url: rs.url, auth: 'oauth' },
    },
    identities: { iam: [], users },
    authorizationServer: as.issuer,
    control: { url: 'http://127.0.0.1:9', token: 'x' },
  })
})
beforeEach(() => void Object.assign(as.counts, { registrations: 0, signIns: 0, refreshes: 0 }))
afterAll(async () => {
  await Promise.all([rs.close(), direct.close(), as.close(), cognito.close()])
  await project.remove()
})

const cli = (args: string[], env: Record<string, string> = {}) => fairlead(args, { cwd: project.dir, env })
const error = async (args: string[]) => {
  const { stdout, code } = await cli([...args, '--json'])
  const answer = JSON.parse(stdout) as { error: { code: string; message: string; why: string; fix: string } }
  return { code, error: answer.error }
}

describe('fairlead call on an endpoint that OAuth guards', () => {
  it('signs the first user in, keeps the token, and does not sign in again', async () => {
    expect(await cli(['call', 'look', '--on', 'fargate'])).toMatchObject({ code: 0, stdout: 'look done\n' })
    expect(await cli(['tools', '--on', 'fargate', '--as', 'ada'])).toMatchObject({
      code: 0,
      stdout: 'look()\nchange()\n',
    })
    expect(as.counts).toEqual({ registrations: 1, signIns: 1, refreshes: 0 })
    expect(statSync(join(project.dir, '.fairlead/tokens.json')).mode & 0o777).toBe(0o600)
    expect(existsSync(join(project.dir, '.fairlead/tokens.json.lock'))).toBe(false)
  })

  it('steps up as grace, and as ada names the scope that is missing', async () => {
    expect(await cli(['call', 'change', '--on', 'fargate', '--as', 'grace'])).toMatchObject({
      code: 0,
      stdout: 'change done\n',
    })
    expect(await error(['call', 'change', '--on', 'fargate', '--as', 'ada'])).toMatchObject({
      code: 3,
      error: {
        code: 'ACCESS_DENIED',
        message: `ada does not have the scope ${scopes.write}`,
        fix: 'Call as one who has it: --as grace',
      },
    })
  })

  it('takes any URL, as a user who is named, and without a token when told so', async () => {
    expect(await cli(['call', 'look', '--on', rs.url, '--as', 'ada'])).toMatchObject({ code: 0, stdout: 'look done\n' })
    expect((await error(['call', 'look', '--on', rs.url, '--auth', 'none'])).error.code).toBe('ACCESS_DENIED')
  })

  it('knows the users’ names', async () => {
    expect(await error(['call', 'look', '--on', 'fargate', '--as', 'gracie'])).toMatchObject({
      code: 2,
      error: { code: 'IDENTITY_UNKNOWN', fix: 'There are: ada, grace. Try: --as grace' },
    })
  })
})

describe('fairlead token', () => {
  it('prints the token alone, or in JSON', async () => {
    const { stdout, code } = await cli(['token', '--as', 'ada'])
    expect(code).toBe(0)
    expect(as.tokens.get(stdout.trim())).toMatchObject({ username: 'ada', resource: rs.url })
    const json = JSON.parse((await cli(['token', '--as', 'ada', '--json'])).stdout) as { data: Record<string, string> }
    expect(json.data).toMatchObject({ access_token: stdout.trim(), scope: scopes.read, issuer: as.issuer })
  })

  it('asks for just the scopes that are named, however they are written', async () => {
    for (const words of [[scopes.read, scopes.write], [`${scopes.read} ${scopes.write}`]]) {
      const { stdout } = await cli(['token', '--as', 'grace', '--scope', ...words])
      expect(as.tokens.get(stdout.trim())!.scope).toBe(`${scopes.read} ${scopes.write}`)
    }
    const { stdout } = await cli(['token', '--as', 'grace', '--on', rs.url, '--scope', scopes.read])
    expect(as.tokens.get(stdout.trim())!.scope).toBe(scopes.read)
  })

  it('gets one for a client, whose secret is in the environment', async () => {
    const args = ['token', '--client', 'm', '--on', direct.url, '--decode']
    const { stdout } = await cli(args.slice(0, -1), { FAIRLEAD_CLIENT_SECRET: 's' })
    const decoded = await cli(['token', '--decode', stdout.trim(), '--json'])
    expect(JSON.parse(decoded.stdout)).toMatchObject({ data: { claims: { client_id: 'm', scope: scopes.read } } })
    expect(await error(args.slice(0, -1))).toMatchObject({ code: 2, error: { code: 'USAGE' } })
    const wrong = await cli(args.slice(0, -1), { FAIRLEAD_CLIENT_SECRET: 'wrong-secret' })
    expect(wrong).toMatchObject({ code: 3, stdout: '' })
    expect(wrong.stderr).toMatch(/^SIGN_IN_FAILED .*\n {2}Why .*invalid_client/)
    expect(wrong.stderr).not.toContain('wrong-secret')
  })

  it('signs the person at this machine in where the endpoint is elsewhere, also through a client that the server knows', async () => {
    const elsewhere = await startGuardedServer({ issuer: as.issuer, verifier: opaque(as.tokens) })
    const env = {
      BROWSER: fileURLToPath(new URL('../fixtures/browser.mjs', import.meta.url)),
      TEST_PERSON: 'grace:grace-password',
      FAIRLEAD_HOME: join(project.dir, 'home'),
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
    }
    const args = ['token', '--on', elsewhere.url]
    const first = await cli(args, env)
    expect(as.tokens.get(first.stdout.trim())).toMatchObject({ username: 'grace', resource: elsewhere.url })
    expect(first.stderr).toContain('Sign in at ')
    expect((await cli(args, env)).stdout).toBe(first.stdout)
    const redirectUri = `http://127.0.0.1:${await freePort()}/back`
    as.clients.set('known', [redirectUri])
    const other = { ...env, FAIRLEAD_HOME: join(project.dir, 'other') }
    const second = await cli([...args, '--client', 'known', '--redirect-uri', redirectUri], other)
    expect(as.tokens.get(second.stdout.trim())).toMatchObject({ username: 'grace' })
    expect((await cli(['token', '--list'], other)).stdout).toContain(elsewhere.url)
    expect(as.counts.registrations).toBe(1)
    await elsewhere.close()
  })

  it('signs local users in through the client that the stack names, where none can register', async () => {
    const client = { clientId: 'named', redirectUri: 'http://127.0.0.1:8976/app' }
    as.clients.set('named', [client.redirectUri])
    const state = readState(project.dir)
    writeState(project.dir, { ...state, identities: { ...state.identities, client } })
    const { stdout } = await cli(['token', '--as', 'ada', '--scope', scopes.read, scopes.write])
    expect(as.tokens.get(stdout.trim())).toMatchObject({ username: 'ada', clientId: 'named' })
    writeState(project.dir, state)
  })

  it('reads a token, and says that it did not verify it', async () => {
    const jwt = await new SignJWT({ sub: 'ada', exp: 1 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from('secret'))
    const { stdout, stderr, code } = await cli(['token', '--decode', jwt])
    expect(code).toBe(0)
    expect(stdout).toContain('"sub": "ada"')
    expect(stdout).toContain('exp  1970-01-01T00:00:01.000Z  (over)')
    expect(stderr).toContain('The signature was not verified')
    const json = JSON.parse((await cli(['token', '--decode', jwt, '--json'])).stdout) as object
    expect(json).toEqual({
      ok: true,
      data: { header: { alg: 'HS256' }, claims: { sub: 'ada', exp: 1 }, verified: false },
    })
  })

  it.each<[string[], string]>([
    [['--decode', 'not-a-token'], 'TOKEN_UNREADABLE'],
    [['--decode', ''], 'TOKEN_UNREADABLE'],
    [['--on', 'lambda'], 'USAGE'],
    [['--on', 'agentcore-runtime'], 'STACK_NOT_RUNNING'],
    [['--on', 'moon'], 'USAGE'],
    [['--as', 'agent'], 'IDENTITY_UNKNOWN'],
    [['--as', 'ada', '--client', 'm'], 'USAGE'],
    [['--on', 'http://127.0.0.1:9/mcp'], 'UNREACHABLE'],
    [['--redirect-uri', 'http://127.0.0.1:9/x'], 'USAGE'],
    [['--client', 'm', '--redirect-uri', 'nothing'], 'USAGE'],
  ])('with %j ends with %s', async (args, code) => {
    expect((await error(['token', ...args])).error.code).toBe(code)
  })
})
