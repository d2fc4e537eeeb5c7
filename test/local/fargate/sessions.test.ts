import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from '../../../src/connect/sign-in.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { temporaryFolder } from '../../support/temporary.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack
let url: string
const tokens: string[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../../fixtures/pid-server.ts', import.meta.url))
  const config = {
    name: 'sessions',
    server: { kind: 'module' as const, entry },
    platforms: { fargate: { tasks: 3, sessions: 'stateful' as const } },
  }
  stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  url = stack.endpoints.fargate!.url
  for (const user of stack.users) tokens.push((await signIn({ url, ...user })).accessToken)
}, 30_000)
afterAll(async () => {
  await stack.close()
  await folder.remove()
})

async function connect(token: string, sessionId?: string) {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit,
    ...(sessionId ? { sessionId } : {}),
  })
  await client.connect(transport)
  return { client, transport }
}
const pidOf = async (client: Client) =>
  ((await client.callTool({ name: 'pid', arguments: {} })).content as { text: string }[])[0]!.text

describe('sessions on fargate', () => {
  it('stay with the task that has them, whichever task a request reaches', async () => {
    const many = await Promise.all(Array.from({ length: 6 }, () => connect(tokens[0]!)))
    const homes = new Set<string>()
    for (const { client } of many) {
      const home = await pidOf(client)
      homes.add(home)
      for (let n = 0; n < 4; n++) expect(await pidOf(client)).toBe(home)
    }
    expect(homes.size).toBe(3)
    await Promise.all(many.map(({ client }) => client.close()))
  })

  it('belong to who began them: to somebody else they do not exist', async () => {
    const { client, transport } = await connect(tokens[0]!)
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens[1]!}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': transport.sessionId!,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
    expect(response.status).toBe(404)
    expect(await pidOf(client)).toMatch(/^\d+$/)
    await client.close()
  })

  it('end with their task: 404, and the client begins anew', async () => {
    const { client, transport } = await connect(tokens[0]!)
    const home = Number(await pidOf(client))
    process.kill(home, 'SIGKILL')
    const status = async () =>
      (
        await fetch(url, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${tokens[0]!}`,
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            'mcp-session-id': transport.sessionId!,
          },
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
        })
      ).status
    await expect.poll(status, { timeout: 10_000 }).toBe(404)
    const again = await connect(tokens[0]!)
    expect(Number(await pidOf(again.client))).not.toBe(home)
    await again.client.close()
    await client.close().catch(() => {})
  })
})
