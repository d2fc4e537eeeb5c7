import { createMcpHandler, McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { inputRequired, acceptedContent } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import { createMcpEndpoint } from '../../../src/mcp/endpoint.ts'
import { connect, recording } from './support.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

const name = { type: 'object' as const, properties: { name: { type: 'string' as const } }, required: ['name'] }

function server(era: 'legacy' | 'modern'): McpServer {
  const made = new McpServer({ name: 'two-eras', version: '1.2.3' }, { instructions: 'Ask for a greeting.' })
  made.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, async ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  made.registerTool('count', { inputSchema: z.object({ to: z.number() }) }, async ({ to }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken
    for (let progress = 1; progress <= to; progress++)
      if (progressToken !== undefined)
        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: to } })
    return { content: [{ type: 'text', text: 'counted' }] }
  })
  made.registerTool('greet', { inputSchema: z.object({}) }, async (_, ctx) => {
    const message = 'Who are you?'
    if (era === 'legacy') {
      const { content } = await ctx.mcpReq.elicitInput({ message, requestedSchema: name })
      return { content: [{ type: 'text', text: `Hello ${String(content?.name)}` }] }
    }
    const content = acceptedContent(ctx.mcpReq.inputResponses, 'who') as { name?: string } | undefined
    if (!content) return inputRequired({ inputRequests: { who: inputRequired.elicit({ message, requestedSchema: name }) }, requestState: 'state-1' }) // prettier-ignore
    return { content: [{ type: 'text', text: `Hello ${content.name}` }] }
  })
  return made
}

/** Knows `initialize` and sessions, and nothing of 2026-07-28. */
function legacyOnly(): FetchHandler {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  closing.push(async () => {
    for (const transport of sessions.values()) await transport.close()
  })
  return async (request) => {
    const known = sessions.get(request.headers.get('mcp-session-id') ?? '')
    if (known) return known.handleRequest(request)
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await server('legacy').connect(transport)
    return transport.handleRequest(request)
  }
}

function modernOnly(): FetchHandler {
  const handler = createMcpHandler(({ era }) => server(era), { legacy: 'reject' })
  closing.push(() => handler.close())
  return (request) => handler.fetch(request)
}

function both(): FetchHandler {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory: ({ era }) => server(era) })
  closing.push(() => endpoint.close())
  return endpoint.fetch
}

const endpoints = { legacyOnly, modernOnly, both }
const clients = {
  legacy: { mode: 'legacy' },
  auto: { mode: 'auto' },
  pinned: { mode: { pin: '2026-07-28' } },
} as const

const combinations = Object.keys(endpoints).flatMap((endpoint) =>
  Object.keys(clients).map((client) => [client, endpoint] as [keyof typeof clients, keyof typeof endpoints]),
)

describe.each(combinations)('a %s client at an endpoint that is %s', (era, kind) => {
  it('lists, calls, hears progress and is asked in the middle of a call', async () => {
    const http = await recording(endpoints[kind]())
    closing.push(() => http.close())
    const { client, close } = await connect(
      { url: http.endpoint },
      { versionNegotiation: clients[era], capabilities: { elicitation: { form: {} } } },
    )
    closing.push(close)
    client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }))

    expect(client.getNegotiatedProtocolVersion()).toBe(era === 'legacy' ? '2025-11-25' : '2026-07-28')
    expect(client.getServerVersion()).toMatchObject({ name: 'two-eras', version: '1.2.3' })
    expect((await client.listTools()).tools.map((each) => each.name)).toEqual(['add', 'count', 'greet'])
    const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })
    expect(sum.content).toEqual([{ type: 'text', text: '5' }])

    const heard: number[] = []
    await client.callTool(
      { name: 'count', arguments: { to: 3 } },
      { onprogress: ({ progress }) => void heard.push(progress) },
    )
    expect(heard).toEqual([1, 2, 3])

    // Our endpoint is stateless for clients with `initialize`: there the server has nobody to ask.
    if (kind === 'both' && era === 'legacy') return
    const greeting = await client.callTool({ name: 'greet', arguments: {} })
    expect(greeting.content).toEqual([{ type: 'text', text: 'Hello Ada' }])
  })
})

describe('a modern call', () => {
  it('costs two HTTP requests cold and one warm', async () => {
    const http = await recording(both())
    closing.push(() => http.close())
    const { client, close } = await connect({ url: http.endpoint }, { versionNegotiation: clients.auto })
    closing.push(close)
    await client.callTool({ name: 'add', arguments: { a: 1, b: 1 } })
    expect(http.requests.map((each) => each.rpc)).toEqual(['server/discover', 'tools/call'])
    await client.callTool({ name: 'add', arguments: { a: 1, b: 1 } })
    expect(http.requests).toHaveLength(3)
  })
})
