import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { readKept } from '../../../src/local/kept.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { watchFolders } from '../../../src/local/watch.ts'
import { lambdaArn, lambdaTarget, roleArn } from '../../gateway/support.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const permit = (tool: string, when = '') =>
  `permit(principal is AgentCore::IamEntity, action == AgentCore::Action::"orders___${tool}",
  resource == AgentCore::Gateway::"\${GatewayArn}")${when};\n`
const tool = (name: string) => ({
  name,
  description: name,
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
})

let project: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack
beforeAll(async () => {
  project = await temporaryFolder()
  await mkdir(join(project.path, 'policies'))
  const files = {
    'gateway.json': JSON.stringify({ name: 'shop', roleArn, authorizerType: 'AWS_IAM' }),
    'orders.json': JSON.stringify(lambdaTarget({}, [tool('find'), tool('purge')])),
    'bindings.json': JSON.stringify({ functions: { [lambdaArn]: { handler: './orders.mjs' } } }),
    'orders.mjs': 'export const handler = async () => ({ done: true })',
    'policies/find.cedar': permit('find', ' when { context.input has text && context.input.text != "secret" }'),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project.path, name), text)
  const gateway = {
    gateway: 'gateway.json',
    targets: ['orders.json'],
    bindings: 'bindings.json',
    policies: ['policies/*.cedar'],
  }
  const config = { name: 'shop', platforms: { 'agentcore-gateway': gateway } }
  stack = await startStack({ dir: project.path, configFile: '', config }, { port: 0 })
}, 30_000)
afterAll(async () => {
  await stack?.close()
  await project.remove()
})

/** Changes a file as an editor does, and reloads when the watching has seen it, as `fairlead dev` does. */
async function change(edit: () => Promise<void>): Promise<boolean> {
  let seen = () => {}
  const noticed = new Promise<void>((resolve) => (seen = resolve))
  const watching = watchFolders(() => stack.folders(), seen)
  await edit()
  await noticed
  watching.stop()
  return stack.reload()
}

const inPolicies = (name: string) => join(project.path, 'policies', name)

async function connect(more: object = {}): Promise<Client> {
  const credentials = stack.identities.find(({ name }) => name === 'agent')!
  const signed = sigv4Fetch({ credentials, service: 'bedrock-agentcore', region: 'us-east-1' })
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' }, ...more })
  const url = new URL(stack.endpoints['agentcore-gateway']!.url)
  await client.connect(new StreamableHTTPClientTransport(url, { fetch: signed }))
  return client
}

const names = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name)

describe('fairlead dev with Cedar policies', () => {
  it('enforces them for the signer of a request, with the ARN of this gateway', async () => {
    const client = await connect()
    expect(await names(client)).toEqual(['orders___find'])
    const found = await client.callTool({ name: 'orders___find', arguments: { text: 'ropes' } })
    expect(found.content).toEqual([{ type: 'text', text: '{"done":true}' }])
    const secret = client.callTool({ name: 'orders___find', arguments: { text: 'secret' } })
    await expect(secret).rejects.toMatchObject({
      code: -32_002,
      message: expect.stringContaining('[No policy applies to the request (denied by default).]'),
    })
    await client.close()
  })

  it('reads them again when one is written, and tells who listens', async () => {
    let told = () => {}
    const isTold = new Promise<void>((resolve) => (told = resolve))
    const client = await connect({
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => told() } },
    })
    expect(await change(() => writeFile(inPolicies('purge.cedar'), permit('purge')))).toBe(true)
    await isTold
    expect(await names(client)).toEqual(['orders___find', 'orders___purge'])
    await client.close()
  })

  it('goes on as it was when one is wrong, and says where', async () => {
    const wrong = change(() => writeFile(inPolicies('purge.cedar'), `\n${permit('purges')}`))
    await expect(wrong).rejects.toMatchObject({
      code: 'GATEWAY_POLICY',
      message: expect.stringMatching(/^policies\/purge\.cedar:2: unrecognized action/),
      fix: 'Did you mean orders___purge?',
    })
    const client = await connect()
    expect(await names(client)).toEqual(['orders___find', 'orders___purge'])
    await client.close()
    expect(await change(() => rm(inPolicies('purge.cedar')))).toBe(true)
    const another = await connect()
    expect(await names(another)).toEqual(['orders___find'])
    await another.close()
  })

  it('keeps what it denied, with the policies that decided', async () => {
    await stack.close()
    const denied = readKept(project.path).find(({ code }) => code === 'POLICY_DENIED')
    expect(denied).toMatchObject({
      status: 200,
      call: 'tools/call orders___find',
      why: 'No policy applies to the request (denied by default).',
      policies: [],
      principal: stack.identities.find(({ name }) => name === 'agent')!.arn,
    })
  })
})
