import type { ServerResponse } from 'node:http'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { describe, expect, it } from 'vitest'
import { listen } from '../../src/http/node-server.ts'
import { mcpTarget, startGateway, startLegacyServer, startUpstream } from './support.ts'

const at = (name: string, url: string) => ({ [`https://${name}.example.com`]: url })

describe('an MCP server behind a gateway', () => {
  it('is initialized once for a thousand calls, and ids of its clients never reach it', async () => {
    const server = await startLegacyServer()
    const gateway = await startGateway([mcpTarget('old')], { endpoints: at('old', server.url) })
    for (let round = 0; round < 20; round++)
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const text = `${round}/${i}`
          // Every client has the same id.
          const { body } = await gateway.ask('tools/call', { name: 'old___echo', arguments: { text } }, { id: 7 })
          expect([body.id, body.result.content[0].text]).toEqual([7, text])
        }),
      )
    expect(server.counts).toMatchObject({ initialize: 1, 'notifications/initialized': 1, 'tools/call': 1000 })
    expect(new Set(server.ids).size).toBe(1000)
    await gateway.close()
    await server.close()
  }, 20_000)

  it('that has lost its session gets a new one, once, and the call is answered', async () => {
    const server = await startLegacyServer()
    const gateway = await startGateway([mcpTarget('old')], { endpoints: at('old', server.url) })
    expect((await gateway.call('old___echo', { text: 'a' })).content[0].text).toBe('a')
    server.forget()
    const answers = await Promise.all(['b', 'c', 'd'].map((text) => gateway.call('old___echo', { text })))
    expect(answers.map(({ content }) => content[0].text)).toEqual(['b', 'c', 'd'])
    expect(server.counts.initialize).toBe(2)
    await gateway.close()
    await server.close()
  })

  it('that is dead neither breaks nor delays the others’ tools; its last list stays', async () => {
    const [good, dying] = [await startLegacyServer(), await startLegacyServer()]
    const hanging = await startUpstream(() => {})
    const targets = [mcpTarget('good'), mcpTarget('dying', { listingMode: 'DYNAMIC' }), mcpTarget('never')]
    const endpoints = { ...at('good', good.url), ...at('dying', dying.url), ...at('never', 'http://127.0.0.1:1') }
    const gateway = await startGateway(targets, { endpoints })
    const names = async () =>
      (await gateway.ask('tools/list')).body.result.tools.map(({ name }: { name: string }) => name)
    expect(await names()).toEqual(['good___echo', 'dying___echo'])
    await dying.close()
    const before = performance.now()
    expect(await names()).toEqual(['good___echo', 'dying___echo'])
    expect(performance.now() - before).toBeLessThan(2500)
    expect((await gateway.call('good___echo', { text: 'x' })).content[0].text).toBe('x')
    expect((await gateway.call('dying___echo', { text: 'x' })).isError).toBe(true)
    expect(gateway.log.some((line) => line.startsWith('never could not be synchronized'))).toBe(true)
    await gateway.close()
    await good.close()
    await hanging.close()
  })

  it('DEFAULT has the tools of its last synchronization, DYNAMIC those that it has now', async () => {
    const server = await startLegacyServer()
    const targets = [mcpTarget('kept'), mcpTarget('live', { listingMode: 'DYNAMIC' })]
    const gateway = await startGateway(targets, { endpoints: { ...at('kept', server.url), ...at('live', server.url) } })
    server.tools.push({ name: 'more', inputSchema: { type: 'object' } })
    const names = (await gateway.ask('tools/list')).body.result.tools.map(({ name }: { name: string }) => name)
    expect(names).toEqual(['kept___echo', 'live___echo', 'live___more'])
    expect((await gateway.ask('tools/call', { name: 'kept___more', arguments: {} })).body.error.message).toBe(
      'Unknown tool: kept___more',
    )
    // Search sees what a dynamic server has now.
    const found = await gateway.call('x_amz_bedrock_agentcore_search', { query: 'more' })
    expect(found.structuredContent.tools[0].name).toBe('live___more')
    await gateway.close()
    await server.close()
  })

  it('with a static schema is not asked what it has', async () => {
    const server = await startLegacyServer()
    const inlinePayload = JSON.stringify({
      tools: [{ name: 'echo', description: 'As it is written', inputSchema: { type: 'object' } }],
    })
    const gateway = await startGateway([mcpTarget('fixed', { mcpToolSchema: { inlinePayload } })], {
      endpoints: at('fixed', server.url),
    })
    expect((await gateway.ask('tools/list')).body.result.tools).toEqual([
      { name: 'fixed___echo', description: 'As it is written', inputSchema: { type: 'object' } },
    ])
    expect(server.counts).toEqual({})
    expect((await gateway.call('fixed___echo', { text: 'x' })).content[0].text).toBe('x')
    await gateway.close()
    await server.close()
  })

  it('of 2026-07-28 is asked so, and gets arguments in headers where it wants them', async () => {
    const seen: string[] = []
    const region = z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) })
    const handler = createMcpHandler(() => {
      const made = new McpServer({ name: 'new', version: '1' })
      made.registerTool('where', { inputSchema: region }, async ({ region: text }) => ({
        content: [{ type: 'text', text }],
      }))
      return made
    })
    const server = await listen(async (request) => {
      seen.push(`${request.headers.get('mcp-method')} ${request.headers.get('mcp-param-region')}`)
      return handler.fetch(
        new Request(request.url, { method: 'POST', headers: [...request.headers], body: await request.text() }),
      )
    })
    const gateway = await startGateway([mcpTarget('new')], { endpoints: at('new', server.url) })
    const [tool] = (await gateway.ask('tools/list')).body.result.tools
    expect(tool.inputSchema.properties.region).toEqual({ type: 'string' })
    expect((await gateway.call('new___where', { region: 'zürich' })).content).toEqual([
      { type: 'text', text: 'zürich' },
    ])
    expect(seen).toContain(`tools/call =?base64?${Buffer.from('zürich').toString('base64')}?=`)
    expect(seen.some((line) => line.startsWith('initialize'))).toBe(false)
    await gateway.close()
    await server.close()
    await handler.close()
  })

  it.each([
    ['answers HTML', (res: ServerResponse) => res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>')],
    [
      'redirects to a private address',
      (res: ServerResponse) => res.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end(),
    ],
    [
      'lies about its length',
      (res: ServerResponse) => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' })
        res.write('{')
        res.socket!.destroy()
      },
    ],
    [
      'streams for ever',
      (res: ServerResponse) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        const chunk = `: ${'x'.repeat(65_536)}\n`
        const more = () => {
          while (!res.destroyed && res.write(chunk));
          res.once('drain', more)
        }
        more()
      },
    ],
    [
      'answers another id',
      (res: ServerResponse) =>
        res.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":99,"result":"x"}'),
    ],
  ])('that %s is a clear failure, and hides nothing else', async (_name, answer) => {
    const server = await startUpstream((_req, _body, res) => answer(res))
    const inlinePayload = JSON.stringify([{ name: 'echo', inputSchema: { type: 'object' } }])
    const gateway = await startGateway([mcpTarget('odd', { mcpToolSchema: { inlinePayload } })], {
      endpoints: at('odd', server.url),
      gateway: { exceptionLevel: 'DEBUG' },
    })
    const result = await gateway.call('odd___echo', {})
    expect(result.isError).toBe(true)
    expect(result.content[0].text).toMatch(/^(McpServer|Upstream)Exception - /)
    await gateway.close()
    await server.close()
  })
})
