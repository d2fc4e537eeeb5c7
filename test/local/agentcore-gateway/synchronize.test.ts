import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BedrockAgentCoreControlClient,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  SynchronizeGatewayTargetsCommand,
} from '@aws-sdk/client-bedrock-agentcore-control'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { watchFolders } from '../../../src/local/watch.ts'
import { lambdaTarget, mcpTarget, roleArn, startLegacyServer } from '../../gateway/support.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const handler = "export const handler = async (event) => ({ said: event.text ?? 'nothing' })"
const document = (operationId: string) => `openapi: 3.0.3
info: { title: Stock, version: '1' }
servers: [{ url: https://stock.example.com }]
paths: { /stock: { get: { operationId: ${operationId}, responses: { 200: { description: OK } } } } }
`

let project: Awaited<ReturnType<typeof temporaryFolder>>
let shop: Awaited<ReturnType<typeof temporaryFolder>>
let server: Awaited<ReturnType<typeof startLegacyServer>>
let stack: Stack
let arn: string

beforeAll(async () => {
  project = await temporaryFolder()
  shop = await temporaryFolder()
  server = await startLegacyServer()
  const inShop = (name: string) => join(shop.path, name)
  const files = {
    'gateway.json': { name: 'shop', roleArn, authorizerType: 'NONE' },
    'old.json': mcpTarget('old'),
    'live.json': mcpTarget('live', { listingMode: 'DYNAMIC' }),
    'orders.json': lambdaTarget(),
    'stock.json': {
      name: 'stock',
      targetConfiguration: { mcp: { openApiSchema: { s3: { uri: 's3://definitions/stock.yaml' } } } },
    },
    'bindings.json': {
      functions: { [lambdaTarget().targetConfiguration.mcp.lambda.lambdaArn]: { handler: './orders.mjs' } },
      endpoints: { 'https://old.example.com': server.url, 'https://live.example.com': server.url },
      s3: { 's3://definitions/stock.yaml': './stock.yaml' },
    },
  }
  for (const [name, content] of Object.entries(files)) await writeFile(inShop(name), JSON.stringify(content))
  await writeFile(inShop('orders.mjs'), handler)
  await writeFile(inShop('stock.yaml'), document('getStock'))
  const gateway = {
    gateway: inShop('gateway.json'),
    targets: ['old', 'live', 'orders', 'stock'].map((name) => inShop(`${name}.json`)),
    bindings: inShop('bindings.json'),
  }
  const config = { name: 'shop', platforms: { 'agentcore-gateway': gateway } }
  stack = await startStack({ dir: project.path, configFile: '', config }, { port: 0 })
  arn = stack.endpoints['agentcore-gateway']!.arn!
}, 30_000)
afterAll(async () => {
  await stack?.close()
  await server.close()
  await project.remove()
  await shop.remove()
})

const names = async () => {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StreamableHTTPClientTransport(new URL(stack.endpoints['agentcore-gateway']!.url)))
  const { tools } = await client.listTools()
  await client.close()
  return tools.map(({ name }) => name)
}

const control = (name: string) => {
  const credentials = stack.identities.find((each) => each.name === name)!
  const endpoint = new URL(stack.endpoints['agentcore-gateway']!.url).origin
  return new BedrockAgentCoreControlClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
}

describe('SynchronizeGatewayTargets at the local gateway, by AWS’s own client', () => {
  const gatewayIdentifier = () => arn.split('/')[1]!
  const idOf = async (name: string) => {
    const { items = [] } = await control('agent').send(
      new ListGatewayTargetsCommand({ gatewayIdentifier: gatewayIdentifier() }),
    )
    return items.find((each) => each.name === name)!.targetId!
  }

  it('asks a DEFAULT server again for its tools, and says how it went', async () => {
    const agent = control('agent')
    server.tools.push({ name: 'more', inputSchema: { type: 'object' } })
    expect(await names()).toEqual(['old___echo', 'live___echo', 'live___more', 'orders___echo', 'stock___getStock'])
    const targetId = await idOf('old')
    const of = { gatewayIdentifier: gatewayIdentifier(), targetId }
    const before = (await agent.send(new GetGatewayTargetCommand(of))).lastSynchronizedAt!
    const sent = await agent.send(
      new SynchronizeGatewayTargetsCommand({ gatewayIdentifier: gatewayIdentifier(), targetIdList: [targetId] }),
    )
    expect(sent.$metadata.httpStatusCode).toBe(202)
    expect(sent.targets).toMatchObject([{ gatewayArn: arn, targetId, name: 'old', status: 'SYNCHRONIZING' }])
    let now = await agent.send(new GetGatewayTargetCommand(of))
    while (now.status === 'SYNCHRONIZING') now = await agent.send(new GetGatewayTargetCommand(of))
    expect(now.status).toBe('READY')
    expect(now.lastSynchronizedAt!.getTime()).toBeGreaterThan(before.getTime())
    expect(now.targetConfiguration).toEqual(mcpTarget('old').targetConfiguration)
    expect(await names()).toContain('old___more')
  })

  it.each([
    ['a target that is no MCP server', () => idOf('orders'), 'ValidationException'],
    ['a DYNAMIC one', () => idOf('live'), 'ValidationException'],
    ['an unknown one', async () => 'AAAAAAAAAA', 'ResourceNotFoundException'],
  ])('refuses %s by the name of the service’s error', async (_name, id, error) => {
    const command = new SynchronizeGatewayTargetsCommand({
      gatewayIdentifier: gatewayIdentifier(),
      targetIdList: [await id()],
    })
    await expect(control('agent').send(command)).rejects.toMatchObject({ name: error })
  })

  it('refuses who may not, and who has not signed', async () => {
    const list = new ListGatewayTargetsCommand({ gatewayIdentifier: gatewayIdentifier() })
    await expect(control('stranger').send(list)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    const url = new URL(`/gateways/${gatewayIdentifier()}/targets`, stack.endpoints['agentcore-gateway']!.url)
    expect((await fetch(url)).status).toBe(403)
  })
})

describe('a gateway whose files change', () => {
  /** Changes a file as an editor does, and reloads when the watching has seen it, as `fairlead dev` does. */
  const change = async (name: string, text: string): Promise<boolean> => {
    let seen = () => {}
    const noticed = new Promise<void>((resolve) => (seen = resolve))
    const watching = watchFolders(() => stack.folders(), seen)
    await writeFile(join(shop.path, name), text)
    await noticed
    watching.stop()
    return stack.reload()
  }

  it('is read again when a document, a definition or the bindings are others, and tells who listens', async () => {
    let told = () => {}
    const isTold = new Promise<void>((resolve) => (told = resolve))
    const client = new Client(
      { name: 'test', version: '1' },
      {
        versionNegotiation: { mode: 'auto' },
        listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => told() } },
      },
    )
    await client.connect(new StreamableHTTPClientTransport(new URL(stack.endpoints['agentcore-gateway']!.url)))
    expect(await change('stock.yaml', document('countStock'))).toBe(true)
    await isTold
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('stock___countStock')
    await client.close()
    expect(await change('old.json', JSON.stringify(mcpTarget('older')).replaceAll('older.', 'old.'))).toBe(true)
    expect(await names()).toContain('older___echo')
  })

  it('goes on as it was when they are wrong, and is not read again for the same bytes', async () => {
    await expect(change('stock.json', '{')).rejects.toMatchObject({ code: 'GATEWAY_DEFINITION_INVALID' })
    expect(await names()).toContain('stock___countStock')
    const right = {
      name: 'stock',
      targetConfiguration: { mcp: { openApiSchema: { s3: { uri: 's3://definitions/stock.yaml' } } } },
    }
    expect(await change('stock.json', JSON.stringify(right))).toBe(false)
  })
})
