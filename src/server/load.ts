import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { McpServerFactory } from '@modelcontextprotocol/server'
import type { Server } from '../config.ts'
import { FairleadError } from '../errors.ts'
import type { ServerSource } from '../mcp/source.ts'
import { loadCommand, type CommandOptions } from './command.ts'

const importTimeoutMs = 10_000

/** Loads a server, however it is brought, into this process. Throws SERVER_… and COMMAND_… errors. */
export async function loadServer(server: Server, options: CommandOptions): Promise<ServerSource> {
  return server.kind === 'module' ? loadModule(server.entry, options.projectDir) : loadCommand(server, options)
}

async function loadModule(entry: string, projectDir: string): Promise<ServerSource> {
  const file = resolve(projectDir, entry)
  if (!existsSync(file)) throw new FairleadError('SERVER_NOT_FOUND', `There is no ${entry}`)
  const module = await inTime(import(pathToFileURL(file).href) as Promise<{ default?: unknown }>, entry).catch(
    (error: unknown) => {
      if (error instanceof FairleadError) throw error
      const said = error instanceof Error ? error.message.split('\n')[0]! : String(error)
      throw new FairleadError(
        error instanceof SyntaxError ? 'SERVER_BROKEN' : 'SERVER_THROWS',
        `${entry} cannot be loaded: ${said}`,
        { cause: error },
      )
    },
  )
  if (typeof module.default !== 'function')
    throw new FairleadError(
      'SERVER_NO_FACTORY',
      `The default export of ${entry} is not a function that makes an McpServer`,
    )
  return { kind: 'factory', factory: module.default as McpServerFactory }
}

async function inTime<T>(work: Promise<T>, entry: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new FairleadError('SERVER_SILENT', `${entry} did not finish loading within ${importTimeoutMs / 1000} s`),
        ),
      importTimeoutMs,
    )
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
