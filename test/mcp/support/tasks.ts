import type { McpServerFactory } from '@modelcontextprotocol/server'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { anonymous } from '../../../src/http/fetch-handler.ts'
import { listen } from '../../../src/http/node-server.ts'
import { createMcpEndpoint, type EndpointOptions } from '../../../src/mcp/endpoint.ts'
import { createPeers, type PeerOptions } from '../../../src/mcp/peers/peers.ts'
import type { Table } from '../../../src/state/table.ts'
import { sessionServer } from '../../fixtures/session-server.ts'

export const secret = 'a secret for the tests, which is long enough'

export const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** Starts an endpoint that takes the caller's name from a header, as a guard would from a token. */
export async function startTask(
  options: EndpointOptions & {
    table?: Table
    peer?: Partial<PeerOptions>
    factory?: McpServerFactory
  } = {},
) {
  const { table, peer, factory = sessionServer, ...rest } = options
  let url = ''
  const peers = table && createPeers({ table, secret, address: () => url, ...peer })
  const endpoint = createMcpEndpoint(
    { kind: 'factory', factory },
    { sessions: {}, ...(peers ? { peers } : {}), ...rest },
  )
  const server = await listen(endpoint.fetch, {
    context: (request) => {
      const id = request.headers.get('x-caller')
      return { requestId: 'r', principal: id === null ? anonymous : { kind: 'user', id, clientId: 'test' } }
    },
  })
  url = server.url
  await peers?.start()
  return {
    endpoint,
    peers,
    origin: url,
    port: server.port,
    url: `${url}/mcp`,
    close: async () => {
      await server.close()
      await endpoint.close()
      await peers?.close()
    },
  }
}

export async function connect(url: string, options: { caller?: string; fetch?: typeof fetch } = {}) {
  const client = new Client(
    { name: 'test', version: '7' },
    { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
  )
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }))
  client.setRequestHandler('sampling/createMessage', async () => ({
    model: 'm',
    role: 'assistant',
    content: { type: 'text', text: 'Paris' },
  }))
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: options.caller ? { 'x-caller': options.caller } : {} },
    ...(options.fetch ? { fetch: options.fetch } : {}),
  })
  await client.connect(transport)
  return { client, transport }
}

export async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const result = await client.callTool({ name, arguments: args })
  return (result.content as { text: string }[])[0]!.text
}

/** Opens a session by hand, and gives its id. */
export async function open(url: string, extra: Record<string, string> = {}, protocolVersion = '2025-11-25') {
  const response = await post(
    url,
    {
      jsonrpc: '2.0',
      id: 'init',
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
    },
    extra,
  )
  await response.text()
  const id = response.headers.get('mcp-session-id') ?? ''
  await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, { ...extra, 'mcp-session-id': id })
  return { id, status: response.status }
}

export async function post(url: string, body: unknown, extra: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { ...headers, ...extra }, body: JSON.stringify(body) })
}

export const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
