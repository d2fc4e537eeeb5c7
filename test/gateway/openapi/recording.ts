import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readTarget } from '../../../src/gateway/definitions/read.ts'
import { Catalog } from '../../../src/gateway/catalog.ts'
import { invalidArguments } from '../../../src/gateway/failure.ts'
import { openApiTarget } from '../../../src/gateway/targets/openapi.ts'
import type { Target, Tool, ToolResult } from '../../../src/gateway/tool.ts'
import { anonymous } from '../../../src/http/fetch-handler.ts'

/** What reached the upstream, byte for byte. */
export interface Recorded {
  method: string
  target: string
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface Recording {
  url: string
  requests: Recorded[]
  /** What the next answer is; JSON `{"ok":true}` when nothing is said. */
  answer: (status: number, type: string, body: string | Buffer, headers?: Record<string, string>) => void
  close(): Promise<void>
}

/** An upstream that keeps what it is sent. */
export async function startRecording(): Promise<Recording> {
  const requests: Recorded[] = []
  const usual = { status: 200, type: 'application/json', body: '{"ok":true}' as string | Buffer, headers: {} }
  let next = usual
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      requests.push({ method: req.method!, target: req.url!, headers: req.headers, body: Buffer.concat(chunks) })
      const { status, type, body, headers } = next
      next = usual
      res.writeHead(status, { ...(type ? { 'content-type': type } : {}), ...headers }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (status, type, body, headers = {}) => {
      next = { status, type, body, headers }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Opened {
  target: Target
  warnings: string[]
  tools: readonly Tool[]
  /** Checks the arguments as the gateway does, then calls. */
  call(tool: string, args?: Record<string, unknown>): Promise<ToolResult>
}

export async function openDocument(
  document: unknown,
  upstream: Recording,
  more: Record<string, unknown> = {},
): Promise<Opened> {
  const warnings: string[] = []
  const target = await openApiTarget({
    definition: readTarget({
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: '{}' } } },
      ...(more.definition as object),
    }),
    document: typeof document === 'string' ? document : JSON.stringify(document),
    auth: { apply: () => {} },
    locate: () => upstream.url,
    warn: (warning) => warnings.push(warning),
    ...(more.options as object),
  })
  const catalog = new Catalog([target])
  return {
    target,
    warnings,
    tools: await target.tools(),
    call: async (tool, args = {}) => {
      const problems = target.check!(tool, args, catalog)
      if (problems.length > 0) return invalidArguments(problems)
      const call = {
        tool,
        args,
        messageId: 1,
        requestId: 'r',
        principal: anonymous,
        headers: new Headers(),
        query: new URLSearchParams(),
        signal: new AbortController().signal,
      }
      return (await target.call(call))!
    },
  }
}

/** A document with one operation, of any version. */
export function oneOperation(
  operation: Record<string, unknown>,
  { method = 'get', path = '/x', ...rest }: Record<string, unknown> = {},
): Record<string, unknown> {
  const version =
    rest.swagger === undefined
      ? { openapi: '3.0.3', servers: [{ url: 'https://api.example.com/v1' }] }
      : { host: 'api.example.com', basePath: '/v1', schemes: ['https'] }
  return {
    ...version,
    info: { title: 'API', version: '1' },
    ...rest,
    paths: {
      [path as string]: {
        [method as string]: { operationId: 'op', responses: { 200: { description: 'OK' } }, ...operation },
      },
    },
  }
}
