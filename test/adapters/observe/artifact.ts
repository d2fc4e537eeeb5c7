import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildArtifact } from '../../../src/build/build.ts'
import type { FairleadConfig } from '../../../src/config.ts'

export interface RunningArtifact {
  url: string
  /** Every line that it wrote, on stdout and on stderr. */
  lines: string[]
  /** The first line, from now on or before, that is JSON and matches. */
  line(matches: (json: Record<string, never>) => boolean): Promise<Record<string, never>>
  post(message: unknown, headers?: Record<string, string>): Promise<Response>
  stop(): Promise<void>
}

/** Builds the artifact of the contract server. */
export async function buildContract(
  platforms: FairleadConfig['platforms'] = { lambda: {} },
): Promise<{ file: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-observe-'))
  const entry = fileURLToPath(new URL('../../fixtures/contract-server.ts', import.meta.url))
  const config: FairleadConfig = { name: 'contract', server: { kind: 'module', entry }, platforms }
  await buildArtifact({ projectDir: dir, config, outDir: join(dir, 'out') })
  return { file: join(dir, 'out/index.js'), remove: () => rm(dir, { recursive: true, force: true }) }
}

/** Runs an artifact as a process that listens. */
export async function runArtifact(file: string, env: Record<string, string>): Promise<RunningArtifact> {
  const child = spawn(process.execPath, [file], {
    env: { HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      lines.push(line)
      for (const each of waiting) each()
    })
  const line: RunningArtifact['line'] = (matches) =>
    new Promise((resolve, reject) => {
      const look = () => {
        for (const text of lines) {
          const json = parsed(text)
          if (!json || !matches(json)) continue
          waiting.delete(look)
          resolve(json)
        }
      }
      waiting.add(look)
      look()
      void ended.then(() => reject(new Error(`It ended: ${lines.join('\n')}`)))
    })
  const { listening } = (await line((json) => 'listening' in json)) as unknown as { listening: string }
  return {
    url: listening,
    lines,
    line,
    post: (message, headers = {}) =>
      fetch(`${listening}/mcp`, {
        method: 'POST',
        body: JSON.stringify(message),
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
          ...headers,
        },
      }),
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function parsed(text: string): Record<string, never> | undefined {
  try {
    return JSON.parse(text) as Record<string, never>
  } catch {
    return undefined
  }
}

export const call = (id: number, name: string, args: unknown = {}, meta?: Record<string, unknown>) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...(meta ? { _meta: meta } : {}) },
})
