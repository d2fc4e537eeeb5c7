import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contractSuiteRefusals } from './wire-cases.ts'
import { lambdaTarget, startGateway, type Running } from './support.ts'

const many = Array.from({ length: 250 }, (_, at) => ({
  name: `tool_${at}`,
  description: `Does ${at}`,
  inputSchema: { type: 'object' },
}))

describe('the wire of a gateway', () => {
  let running: Running
  const seen: { clientContext: unknown; payload: unknown }[] = []
  beforeAll(async () => {
    running = await startGateway([lambdaTarget()], {
      invoke: async ({ payload, clientContext }) => {
        const event = JSON.parse(payload.toString()) as { text?: string }
        seen.push({ payload: event, clientContext: JSON.parse(Buffer.from(clientContext, 'base64').toString()) })
        if (event.text === 'fail')
          return { payload: Buffer.from('{"errorType":"Error","errorMessage":"hunter2"}'), functionError: 'Unhandled' }
        return { payload: Buffer.from('{"city":"\\u5317\\u4eac"}') }
      },
    })
  })
  afterAll(async () => running.close())

  it('gives a Lambda the bare arguments, and says the rest beside them; the answer is passed on as it is', async () => {
    const { body } = await running.ask(
      'tools/call',
      { name: 'orders___echo', arguments: { text: 'hi' } },
      { id: 'seven' },
    )
    expect(body).toEqual({
      jsonrpc: '2.0',
      id: 'seven',
      result: { isError: false, content: [{ type: 'text', text: '{"city":"\\u5317\\u4eac"}' }] },
    })
    expect(seen.at(-1)).toEqual({
      payload: { text: 'hi' },
      clientContext: {
        custom: {
          bedrockAgentCoreMessageVersion: '1.0',
          bedrockAgentCoreAwsRequestId: expect.any(String),
          bedrockAgentCoreMcpMessageId: 'seven',
          bedrockAgentCoreGatewayId: expect.stringMatching(/^test-[a-z0-9]{10}$/),
          bedrockAgentCoreTargetId: expect.stringMatching(/^[a-z0-9]{10}$/),
          bedrockAgentCoreToolName: 'orders___echo',
        },
      },
    })
  })

  it('names an unknown tool, and what is wrong with arguments, in the words of the service', async () => {
    for (const name of ['orders___nothing', 'nobody___echo', 'echo', '___', 'constructor___toString'])
      expect((await running.ask('tools/call', { name, arguments: {} })).body.error).toEqual({
        code: -32602,
        message: `Unknown tool: ${name}`,
      })
    expect(await running.call('orders___echo', { text: 5 })).toEqual({
      isError: true,
      content: [
        {
          type: 'text',
          text: "JsonSchemaException - Parameter validation failed: Invalid request parameters:\n- Field 'text' has invalid type: $.text: integer found, string expected",
        },
      ],
    })
  })

  it('hides a failure behind it, unless the gateway is at DEBUG', async () => {
    expect(await running.call('orders___echo', { text: 'fail' })).toEqual({
      isError: true,
      content: [{ type: 'text', text: 'An internal error occurred. Please retry later.' }],
    })
    const debug = await startGateway([lambdaTarget()], {
      gateway: { exceptionLevel: 'DEBUG' },
      invoke: async () => ({
        payload: Buffer.from('{"errorType":"Error","errorMessage":"no stock"}'),
        functionError: 'Unhandled',
      }),
    })
    const text = 'LambdaException - the function failed: Error: no stock'
    expect(await debug.call('orders___echo', { text: 'x' })).toEqual({
      isError: true,
      content: [{ type: 'text', text }],
      _meta: { debug: { type: 'text', text } },
    })
    await debug.close()
  })

  it('lists in pages that a client follows, or whole where the definition says so', async () => {
    const paged = await startGateway([lambdaTarget({}, many)])
    const names: string[] = []
    let cursor: string | undefined
    do {
      const { body } = await paged.ask('tools/list', cursor === undefined ? {} : { cursor })
      names.push(...body.result.tools.map((tool: { name: string }) => tool.name))
      cursor = body.result.nextCursor
    } while (cursor)
    // So many do not fit into a model's context: the search tool is there unasked.
    expect(names).toEqual(['x_amz_bedrock_agentcore_search', ...many.map(({ name }) => `orders___${name}`)])
    expect((await paged.ask('tools/list', { cursor: 'bm9uZQ' })).body.error.code).toBe(-32602)
    await paged.close()
    const whole = await startGateway([lambdaTarget({}, many)], {
      gateway: { protocolConfiguration: { mcp: { disableMcpListToolsPagination: true } } },
    })
    expect((await whole.ask('tools/list')).body.result.tools).toHaveLength(251)
    await whole.close()
  })

  it('serves the revisions that the definition names, and no other', async () => {
    const narrow = await startGateway([lambdaTarget()], {
      gateway: { protocolConfiguration: { mcp: { supportedVersions: ['2025-06-18'] } } },
    })
    const initialize = (protocolVersion: string) =>
      narrow.ask(
        'initialize',
        { protocolVersion, capabilities: {}, clientInfo: { name: 'a', version: '1' } },
        { headers: { 'mcp-protocol-version': '2025-06-18' } },
      )
    expect((await initialize('2025-06-18')).body.result.protocolVersion).toBe('2025-06-18')
    expect((await initialize('2025-11-25')).body.error.message).toBe('Unsupported MCP protocol version: 2025-11-25')
    expect((await narrow.ask('ping')).status).toBe(400)
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const modern = await narrow.ask(
      'tools/list',
      { _meta: meta },
      { headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' } },
    )
    expect([modern.status, modern.body.error.code]).toEqual([400, -32022])
    await narrow.close()
  })

  it('answers beside /mcp as the service does', async () => {
    const response = await fetch(new URL('/a2a', running.url), { method: 'POST' })
    expect([response.status, await response.json()]).toEqual([
      404,
      { success: false, error: 'Http operation is not supported for gateway protocol type MCP' },
    ])
  })

  it.each(contractSuiteRefusals)('refuses %s', async (_name, body, headers, status, code) => {
    const response = await fetch(running.url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    expect([response.status, ((await response.json()) as { error: { code: number } }).error.code]).toEqual([
      status,
      code,
    ])
  })
})
