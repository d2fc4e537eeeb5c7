import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Listening } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'

let server: Listening
afterEach(() => server.close())

const plain = z.object({ text: z.string() })
const named = z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) })
const limits: number[] = []

async function serve(): Promise<void> {
  const endpoint = createMcpEndpoint({
    kind: 'factory',
    factory: () => {
      const made = new McpServer({ name: 'lean', version: '1.0.0' })
      made.registerTool('echo', { inputSchema: plain }, async ({ text }) => ({ content: [{ type: 'text', text }] }))
      made.registerTool('where', { inputSchema: named }, async ({ region }) => ({
        content: [{ type: 'text', text: region }],
      }))
      Object.assign(made.server, { onclose: () => void limits.push(Error.stackTraceLimit) })
      return made
    },
  })
  server = await listen(endpoint.fetch)
}

async function call(name: string, args: Record<string, unknown>, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: args,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  })
  return { status: response.status, body: (await response.json()) as { result?: unknown; error?: { code: number } } }
}

describe('a lean server', () => {
  it('still checks the headers that a tool’s schema names, each time', async () => {
    await serve()
    for (let round = 0; round < 3; round++) {
      expect((await call('where', { region: 'eu-west-1' }, { 'mcp-param-region': 'eu-west-1' })).status).toBe(200)
      const wrong = await call('where', { region: 'eu-west-1' }, { 'mcp-param-region': 'us-east-1' })
      expect([wrong.status, wrong.body.error?.code]).toEqual([400, -32020])
      expect((await call('where', { region: 'eu-west-1' })).status).toBe(400)
      expect((await call('echo', { text: 'hello' })).status).toBe(200)
    }
  })

  it('closes without stacks in both eras, and leaves the limit as it was', async () => {
    await serve()
    limits.splice(0)
    const before = Error.stackTraceLimit
    await call('echo', { text: 'hello' })
    await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'a' } },
      }),
    }).then((response) => response.text())
    await expect.poll(() => limits).toEqual([0, 0])
    expect(Error.stackTraceLimit).toBe(before)
  })
})
