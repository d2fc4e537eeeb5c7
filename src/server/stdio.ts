import { Console } from 'node:console'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { FairleadError } from '../errors.ts'
import type { ServerSource } from '../mcp/source.ts'

/**
 * Serves on stdin and stdout until stdin ends, without authentication: who can start the process may use it.
 * stdout carries the protocol and nothing else. Call `protectStdout` before the server's own code runs.
 */
export async function serveOnStdio(source: ServerSource): Promise<void> {
  if (source.kind === 'fetch')
    throw new FairleadError('USAGE', 'A server of kind `http` has no stdio side', {
      fix: 'Use fairlead dev, or bring the server as a stdio command.',
    })
  const ended = new Promise<void>((resolve) => process.stdin.once('end', resolve).once('close', resolve))
  serveStdio(source.factory)
  await ended
  await source.close?.()
}

/** Sends what the server's code prints by console.log to stderr. */
export function protectStdout(): void {
  globalThis.console = new Console(process.stderr, process.stderr)
}
