import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { noBindings, type Bindings } from '../../src/gateway/bindings.ts'
import { Changes } from '../../src/gateway/changes.ts'
import { readGateway, readTarget } from '../../src/gateway/definitions/read.ts'
import { openGateway, type OpenGatewayOptions } from '../../src/gateway/open.ts'
import type { FetchHandler } from '../../src/http/fetch-handler.ts'
import { listen } from '../../src/http/node-server.ts'
import { logged } from '../support/log-capture.ts'

export const roleArn = 'arn:aws:iam::111122223333:role/gateway'
export const lambdaArn = 'arn:aws:lambda:us-east-1:111122223333:function:orders'

export const lambdaTarget = (
  more: object = {},
  tools: object[] = [
    {
      name: 'echo',
      description: 'Echoes',
      inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    },
  ],
) => ({
  name: 'orders',
  targetConfiguration: { mcp: { lambda: { lambdaArn, toolSchema: { inlinePayload: tools } } } },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
  ...more,
})

export const mcpTarget = (name: string, more: object = {}) => ({
  name,
  targetConfiguration: { mcp: { mcpServer: { endpoint: `https://${name}.example.com/mcp`, ...more } } },
})

export const apiTarget = (document: unknown, more: object = {}) => ({
  name: 'api',
  targetConfiguration: {
    mcp: { openApiSchema: { inlinePayload: typeof document === 'string' ? document : JSON.stringify(document) } },
  },
  ...more,
})

/** An answer, whatever is in it: what a test expects says what it must be. */
// oxlint-disable-next-line typescript/no-explicit-any
type Answered = any

export interface Running {
  url: string
  log: string[]
  changes: Changes
  close(): Promise<void>
  /** One JSON-RPC request of 2025-11-25. */
  ask(
    method: string,
    params?: object,
    more?: { id?: unknown; headers?: Record<string, string> },
  ): Promise<{ status: number; headers: Headers; body: Answered }>
  call(name: string, args?: object, headers?: Record<string, string>): Promise<Answered>
}

/** A gateway over definitions, listening. */
export async function startGateway(
  targets: object[],
  {
    gateway = {},
    endpoints = {},
    ...more
  }: {
    gateway?: object
    endpoints?: Record<string, string>
    bindings?: Partial<Bindings>
    listens?: boolean
    /** Told of each response, with what is noted beside it. */
    observe?: (response: Response) => void
  } & Partial<Omit<OpenGatewayOptions, 'gateway' | 'targets' | 'bindings' | 'changes'>> = {},
): Promise<Running> {
  const log: string[] = []
  const { bindings, listens = true, observe, ...options } = more
  const changes = new Changes()
  const opened = await openGateway({
    gateway: readGateway({ name: 'test', roleArn, authorizerType: 'NONE', ...gateway }),
    targets: targets.map((target) => readTarget(target)),
    bindings: { ...noBindings, endpoints, ...bindings },
    invoke: async ({ payload }) => ({ payload }),
    roleCredentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }),
    region: 'us-east-1',
    log: (line) => log.push(logged(line)),
    ...(listens ? { changes } : {}),
    ...options,
  })
  const handler: FetchHandler = async (request, context) => {
    const response = await opened.fetch(request, context)
    observe?.(response)
    return response
  }
  const server = await listen(handler, { maxBodyBytes: 7 * 1024 * 1024 })
  const url = `${server.url}/mcp`
  const ask: Running['ask'] = async (method, params = {}, { id = 1, headers = {} } = {}) => {
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        ...headers,
      },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    url,
    log,
    ask,
    call: async (name, args = {}, headers = {}) => {
      const { body } = await ask('tools/call', { name, arguments: args }, { headers })
      return body.result ?? body
    },
    changes,
    close: async () => {
      changes.end()
      await server.close()
      await opened.close()
    },
  }
}

export interface Upstream {
  url: string
  close(): Promise<void>
}

/** A server that does whatever is wanted. */
export async function startUpstream(
  answer: (req: IncomingMessage, body: Buffer, res: ServerResponse) => void,
): Promise<Upstream> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => answer(req, Buffer.concat(chunks), res))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An MCP server by hand, of the revisions with `initialize`, that counts what it is asked. */
export async function startLegacyServer(): Promise<
  Upstream & {
    counts: Record<string, number>
    sessions: Set<string>
    forget(): void
    tools: { name: string; inputSchema: object }[]
    ids: unknown[]
  }
> {
  const counts: Record<string, number> = {}
  const sessions = new Set<string>()
  const ids: unknown[] = []
  const tools = [{ name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } }]
  const upstream = await startUpstream((req, body, res) => {
    const json = (status: number, value: unknown, headers: Record<string, string> = {}) =>
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
    if (req.method !== 'POST') return void res.writeHead(200).end()
    const { id, method, params } = JSON.parse(body.toString()) as {
      id?: unknown
      method: string
      params: { arguments: { text: string } }
    }
    counts[method] = (counts[method] ?? 0) + 1
    const result = (value: object, headers = {}) => json(200, { jsonrpc: '2.0', id, result: value }, headers)
    if (method === 'initialize') {
      const session = `session-${sessions.size}-${counts.initialize}`
      sessions.add(session)
      return void result(
        { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } },
        { 'mcp-session-id': session },
      )
    }
    const session = req.headers['mcp-session-id']
    if (method === 'server/discover')
      return void json(400, { jsonrpc: '2.0', id, error: { code: -32_000, message: 'Bad Request: no session' } })
    if (typeof session !== 'string' || !sessions.has(session))
      return void json(404, { jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } })
    if (id === undefined) return void res.writeHead(202).end()
    if (method === 'tools/list') return void result({ tools })
    ids.push(id)
    return void result({ content: [{ type: 'text', text: params.arguments.text }] })
  })
  return { ...upstream, counts, sessions, tools, ids, forget: () => sessions.clear() }
}
