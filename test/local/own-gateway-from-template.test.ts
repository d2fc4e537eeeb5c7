import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { buildGateway } from '../../src/build/agentcore-gateway.ts'
import type { Project } from '../../src/build/project.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'
import { startIssuer, type Issuer } from '../support/issuer.ts'

/** Our own gateway, from the templates that deploy it: the artifact itself runs, as a function or as tasks. */
const brownfield = join(import.meta.dirname, '../../examples/brownfield')
const root = mkdtempSync(join(tmpdir(), 'fairlead-own-template-'))
const agent = 'arn:aws:iam::111122223333:role/agent'
const audience = 'https://tools.example.com/mcp'
const discoveryUrl = 'https://login.example.com/.well-known/openid-configuration'
const key = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/apikeycredentialprovider/inventory'
const ways = { function: 'lambda', tokens: 'lambda', tasks: 'fargate' } as const
type Way = keyof typeof ways

let issuer: Issuer
const projects = {} as Record<Way, Project>

beforeAll(async () => {
  issuer = await startIssuer()
  const write = (name: string, body: unknown) => writeFileSync(join(root, name), JSON.stringify(body))
  const gateway = { name: 'tools', roleArn: 'arn:aws:iam::111122223333:role/x' }
  const customJWTAuthorizer = { discoveryUrl, allowedAudience: [audience], allowedScopes: ['tools/call'] }
  write('function.json', { ...gateway, authorizerType: 'AWS_IAM' })
  write('tokens.json', { ...gateway, authorizerType: 'CUSTOM_JWT', authorizerConfiguration: { customJWTAuthorizer } })
  const own = JSON.parse(readFileSync(join(brownfield, 'bindings.json'), 'utf8')) as {
    functions: Record<string, { handler: string }>
    endpoints: Record<string, { run: string }>
    s3: Record<string, string>
  }
  const at = (path: string) => join(brownfield, path)
  write('bindings.json', {
    functions: Object.fromEntries(Object.entries(own.functions).map(([arn, { handler }]) => [arn, { handler: at(handler) }])), // prettier-ignore
    endpoints: Object.fromEntries(Object.entries(own.endpoints).map(([origin, { run }]) => [origin, { run: at(run) }])),
    s3: Object.fromEntries(Object.entries(own.s3).map(([uri, file]) => [uri, at(file)])),
    credentialProviders: { [key]: { apiKey: 'sample-key-of-the-example', apiKeySecretConfig: { secretId: 'inventory', jsonKey: 'key' } } }, // prettier-ignore
    discoveryUrls: { [discoveryUrl]: `${issuer.url}/.well-known/openid-configuration` },
    audience,
  })
  for (const [way, deployAs] of Object.entries(ways) as [Way, 'lambda' | 'fargate'][]) {
    const config: FairleadConfig = {
      name: 'tools',
      callers: [agent],
      platforms: {
        'agentcore-gateway': {
          gateway: join(root, way === 'function' ? 'function.json' : 'tokens.json'),
          targets: [at('orders.json'), at('inventory.json')],
          bindings: join(root, 'bindings.json'),
          deployAs,
        },
      },
    }
    projects[way] = { dir: root, configFile: '', config }
    const artifact = await buildGateway({ projectDir: root, config, outDir: join(root, `${way}-artifact`) })
    const image = { kind: 'registry', repository: 'registry.example.com/tools', digest: `sha256:${'a'.repeat(64)}` } as const // prettier-ignore
    const deployment = { project: projects[way], environment: 'prod', account: '111122223333', region: 'us-east-1' }
    await synthesize(
      { ...deployment, platforms: ['agentcore-gateway'], artifacts: { gateway: artifact }, images: { gateway: image } },
      join(root, way),
    )
  }
}, 60_000)
afterAll(async () => {
  await issuer.close()
  rmSync(root, { recursive: true, force: true })
})

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(way: Way, path = join(root, way)): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-state-'))
  closers.push(async () => rmSync(dir, { recursive: true, force: true }))
  const { project, deployed } = await fromTemplate({ ...projects[way], dir }, path)
  const stack = await startStack(project, { port: 0, deployed })
  closers.push(() => stack.close())
  return stack
}

/** A copy of a template with a mistake. */
function mistaken(way: Way, change: (text: string) => string): string {
  const dir = join(root, `copy-of-${way}-${closers.length}`)
  cpSync(join(root, way), dir, { recursive: true })
  const file = join(dir, 'tools-prod-agentcore-gateway.template.json')
  const before = readFileSync(file, 'utf8')
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(file, after)
  return file
}

async function call(stack: Stack, send: typeof fetch, tool: string, args: object): Promise<Response> {
  return send(stack.endpoints['agentcore-gateway']!.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } }),
  })
}

/** Calls a Lambda of the definitions, and an API with a key that Secrets Manager has. */
async function expectTools(stack: Stack, send: typeof fetch): Promise<void> {
  const order = await call(stack, send, 'orders___get_order', { order_id: 'A-1001' })
  expect(order.status).toBe(200)
  expect(await order.text()).toContain('A-1001')
  const stock = await call(stack, send, 'inventory___listProducts', {})
  expect(stock.status).toBe(200)
  expect(await stock.text()).toContain('"isError":false')
}

function bearer(token: string): typeof fetch {
  return (url, init) => {
    const headers = new Headers(init?.headers)
    headers.set('authorization', `Bearer ${token}`)
    return fetch(url, { ...init, headers })
  }
}

async function tokenFor(stack: Stack, scope = 'tools/call'): Promise<string> {
  const { url } = stack.endpoints['agentcore-gateway']!
  const now = Math.floor(Date.now() / 1000)
  return issuer.sign({ iss: issuer.url, sub: 'ada', aud: url, scope, iat: now, exp: now + 300 })
}

it('runs as the function that is deployed, behind IAM', async () => {
  const stack = await start('function')
  const { auth, service } = stack.endpoints['agentcore-gateway']!
  expect({ auth, service }).toEqual({ auth: 'iam', service: 'lambda' })
  const signed = (name: string) =>
    sigv4Fetch({ credentials: stack.identities.find((each) => each.name === name)!, service: 'lambda', region: 'us-east-1' }) // prettier-ignore
  await expectTools(stack, signed('agent'))
  expect((await call(stack, signed('stranger'), 'orders___get_order', { order_id: 'A-1001' })).status).toBe(403)
})

it.for(['tokens', 'tasks'] as const)('runs as the %s that are deployed, for who has a token', async (way) => {
  const stack = await start(way)
  const anonymous = await call(stack, fetch, 'orders___get_order', {})
  expect(anonymous.status).toBe(401)
  expect(anonymous.headers.get('www-authenticate')).toContain('scope="tools/call"')
  await expectTools(stack, bearer(await tokenFor(stack)))
  const weak = await call(stack, bearer(await tokenFor(stack, 'other')), 'orders___get_order', { order_id: 'A-1001' })
  expect(weak.status).toBe(403)
})

it('with a role that may not invoke a Lambda is told', async () => {
  const file = mistaken('function', (text) =>
    text.replaceAll(/"lambda:InvokeFunction"(?=,\s*"Effect")/g, '"lambda:GetFunction"'),
  )
  await expect(start('function', file)).rejects.toMatchObject({
    code: 'TEMPLATE_NOT_RUNNABLE',
    message: expect.stringContaining('may not invoke') as string,
  })
})

it('without the setting that says where it is does not start: it would take no token', async () => {
  for (const way of ['tokens', 'tasks'] as const) {
    const file = mistaken(way, (text) => text.replaceAll('"FAIRLEAD_GATEWAY', '"OTHER_SETTING'))
    await expect(start(way, file)).rejects.toThrow()
  }
})
