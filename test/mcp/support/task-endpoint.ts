import type { McpServerFactory } from '@modelcontextprotocol/server'
import { anonymous } from '../../../src/http/fetch-handler.ts'
import { listen } from '../../../src/http/node-server.ts'
import { createMcpEndpoint, type EndpointOptions } from '../../../src/mcp/endpoint.ts'
import { createTasks, type TasksOptions } from '../../../src/mcp/tasks/tasks.ts'

export const extension = 'io.modelcontextprotocol/tasks'
export const declared = { elicitation: {}, sampling: {}, extensions: { [extension]: {} } }

/** Starts an endpoint with tasks that takes the caller's name from a header, as a guard would from a token. */
export async function startTasks(factory: McpServerFactory, options: EndpointOptions & { keep: TasksOptions }) {
  const { keep, ...rest } = options
  const tasks = createTasks({ soonMs: 20, leaseMs: 300, ...keep })
  const endpoint = createMcpEndpoint({ kind: 'factory', factory }, { ...rest, tasks })
  const server = await listen(endpoint.fetch, {
    context: (request) => {
      const id = request.headers.get('x-caller')
      return { requestId: 'r', principal: id === null ? anonymous : { kind: 'user', id } }
    },
  })
  return {
    endpoint,
    url: `${server.url}/mcp`,
    close: async () => {
      await endpoint.close()
      await server.close()
    },
  }
}

export interface Answer {
  status: number
  result?: Record<string, unknown> & { taskId?: string; status?: string }
  error?: { code: number; message: string; data?: unknown }
}

/** Sends one request of 2026-07-28 as it is on the wire. */
export async function rpc(
  url: string,
  method: string,
  params: Record<string, unknown>,
  options: { caller?: string; capabilities?: object; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer> {
  const name = params.taskId ?? params.name
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...(options.caller ? { 'x-caller': options.caller } : {}),
      ...options.headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': options.capabilities ?? declared,
        },
      },
    }),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  const text = await response.text()
  const events = [...text.matchAll(/^data: (.*\S.*)$/gm)]
  return { status: response.status, ...(JSON.parse(events.at(-1)?.[1] ?? text) as object) }
}
