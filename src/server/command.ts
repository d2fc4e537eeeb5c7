import type { Server, ToolConfig } from '../config.ts'
import type { ServerSource } from '../mcp/source.ts'
import { wrapHttpCommand } from './http-command.ts'
import { wrapStdioCommand } from './stdio-command.ts'

export interface CommandOptions {
  projectDir: string
  tools?: Record<string, ToolConfig>
  log?: (line: string) => void
}

/** Loads a server that is a command, in any language. Throws COMMAND_NOT_FOUND, COMMAND_ENDED, SERVER_SILENT. */
export async function loadCommand(
  server: Exclude<Server, { kind: 'module' }>,
  options: CommandOptions,
): Promise<ServerSource> {
  const child = { projectDir: options.projectDir, log: options.log ?? ((line: string) => console.error(line)) }
  if (server.kind === 'http') return wrapHttpCommand(server, child)
  return wrapStdioCommand(server, { ...child, ...(options.tools ? { tools: options.tools } : {}) })
}
