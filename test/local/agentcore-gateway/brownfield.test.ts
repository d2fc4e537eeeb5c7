import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from '../../../src/connect/sign-in.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { logged } from '../../support/log-capture.ts'

const example = (file: string) => fileURLToPath(new URL(`../../../examples/brownfield/${file}`, import.meta.url))

describe('the brownfield example, as fairlead dev runs it', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let stack: Stack
  let url: string
  const lines: string[] = []
  beforeAll(async () => {
    folder = await temporaryFolder()
    const config = {
      name: 'account-summary',
      scopes: { read: { description: 'Read' } },
      baseScopes: ['read'],
      platforms: {
        'agentcore-gateway': {
          gateway: example('gateway.json'),
          targets: ['orders.json', 'inventory.json', 'notes.json'].map(example),
          bindings: example('bindings.json'),
        },
      },
    }
    stack = await startStack(
      { dir: folder.path, configFile: '', config },
      { port: 0, log: (line) => lines.push(logged(line)) },
    )
    url = stack.endpoints['agentcore-gateway']!.url
  }, 60_000)
  afterAll(async () => {
    await stack?.close()
    await folder?.remove()
  })

  const connect = async (username: string): Promise<Client> => {
    const { password } = stack.users.find((each) => each.username === username)!
    const { accessToken } = await signIn({ url, username, password })
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
    const headers = { authorization: `Bearer ${accessToken}` }
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
    return client
  }
  const text = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text

  it('lists the tools of all three targets, the search tool first', async () => {
    const client = await connect('grace')
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual([
      'x_amz_bedrock_agentcore_search',
      'orders___get_order',
      'orders___search_orders',
      'orders___cancel_order',
      'inventory___listProducts',
      'inventory___getProduct',
      'inventory___setStock',
      'notes___find_notes',
      'notes___add_note',
    ])
    await client.close()
  })

  it('calls one of each, and finds tools by words', async () => {
    const client = await connect('grace')
    expect(
      JSON.parse(text(await client.callTool({ name: 'orders___get_order', arguments: { order_id: 'A-1002' } }))),
    ).toMatchObject({ status: 'shipped' })
    const product = await client.callTool({ name: 'inventory___getProduct', arguments: { sku: 'ROPE-12' } })
    expect(product.structuredContent).toEqual({ sku: 'ROPE-12', name: 'Rope, 12 mm', stock: 40 })
    expect(text(await client.callTool({ name: 'notes___find_notes', arguments: { customer: 'Grace' } }))).toContain(
      'morning',
    )
    const found = await client.callTool({
      name: 'x_amz_bedrock_agentcore_search',
      arguments: { query: 'cancel the order of a customer' },
    })
    expect((found.structuredContent as { tools: { name: string }[] }).tools[0]!.name).toBe('orders___cancel_order')
    await client.close()
  })

  it('refuses who has no token, with the challenge of the service, and describes itself', async () => {
    const response = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    const metadata = new URL('/.well-known/oauth-protected-resource', url).href
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer resource_metadata="${metadata}", scope="account-summary/read"`,
    ])
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: url,
      authorization_servers: [stack.authorizationServer],
    })
  })
})
