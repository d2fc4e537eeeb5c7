import { ProtocolError, Server, type McpServerFactory, type ServerContext } from '@modelcontextprotocol/server'
import type { Command, ToolConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import type { ServerSource } from '../mcp/source.ts'
import { timeoutOf } from '../mcp/tool-guard.ts'
import type { ChildOptions } from './child.ts'
import { StdioPool } from './stdio-pool.ts'
import { StdioRpcError } from './stdio-process.ts'

export interface StdioCommandOptions extends ChildOptions {
  tools?: Record<string, ToolConfig>
  /** Processes at once; 4 by default. */
  maxProcesses?: number
  toolTimeoutMs?: number
}

/** The requests that are passed on, by the capability that a server has to have for them. */
const forwarded = {
  tools: ['tools/list', 'tools/call'],
  prompts: ['prompts/list', 'prompts/get'],
  resources: ['resources/list', 'resources/templates/list', 'resources/read'],
  completions: ['completion/complete'],
} as const

/**
 * Wraps a stdio server, in any language, as a server for every revision. Processes are started once and kept; each client's
 * request has a process to itself while it lasts, so progress and log messages reach its caller and nobody else.
 * What the wrapped server keeps between requests is its own matter: it sees one client, fairlead.
 */
export async function wrapStdioCommand(command: Command, options: StdioCommandOptions): Promise<ServerSource> {
  const pool = new StdioPool({ ...options, command })
  const surface = await pool.warm()
  const capabilities = Object.fromEntries(
    Object.keys(forwarded)
      .filter((name) => surface.capabilities[name] !== undefined)
      .map((name) => [name, {}]),
  )
  const factory: McpServerFactory = () => {
    const server = new Server(surface.serverInfo, {
      capabilities,
      ...(surface.instructions ? { instructions: surface.instructions } : {}),
    })
    for (const [capability, methods] of Object.entries(forwarded))
      if (capability in capabilities) for (const method of methods) server.setRequestHandler(method, forward as never)
    return server
  }
  const forward = async (
    request: { method: string; params?: Record<string, unknown> },
    context: ServerContext,
  ): Promise<unknown> => {
    const timeoutMs = timeoutOf(String(request.params?.name), context, options)
    try {
      return await pool.request({
        method: request.method,
        params: request.params,
        signal: context.mcpReq.signal,
        timeoutMs,
        onNotification: (method, params) => void context.mcpReq.notify({ method, params }).catch(() => {}),
      })
    } catch (error) {
      if (error instanceof StdioRpcError) throw new ProtocolError(error.code, error.message, error.data)
      const said = error instanceof FairleadError ? error.message : 'The server failed'
      throw new ProtocolError(-32603, said)
    }
  }
  return { kind: 'factory', factory, close: async () => pool.close() }
}
