import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { buildArtifact } from '../../../src/build/build.ts'
import type { Server } from '../../../src/config.ts'
import { childrenOf, isRunning } from '../../support/processes.ts'
import { ask, connect, startRuntime } from './support.ts'

const script = (name: string) => fileURLToPath(new URL(`../../fixtures/servers/${name}`, import.meta.url))
const servers: Record<string, { server: Server; tool: string; seen: RegExp }> = {
  stdio: {
    server: { kind: 'stdio', command: process.execPath, args: [script('stdio.mjs')] },
    tool: 'env',
    seen: /"HOME":"[^"]*fairlead-runtime-/,
  },
  http: {
    server: { kind: 'http', command: process.execPath, args: [script('http.mjs')] },
    tool: 'headers',
    seen: /x-amzn-bedrock-agentcore-runtime-session-id/,
  },
}

it.each(Object.keys(servers))('a %s command is a session’s server, and ends with it', async (kind) => {
  const { server, tool, seen } = servers[kind]!
  const test = await startRuntime({}, {}, async (folder) => {
    const config = { name: 'command', server, platforms: {} }
    return (await buildArtifact({ projectDir: folder, config, outDir: join(folder, 'artifact') })).dir
  })
  const client = await connect(test.url, test.signed)
  expect(JSON.stringify(await ask(client, tool))).toMatch(new RegExp(seen.source.replaceAll('"', '\\\\?"')))
  await client.close()
  const all = test.runtime.sessions.pids().flatMap((pid) => [pid, ...childrenOf(pid)])
  expect(all.map(isRunning)).toEqual(process.platform === 'linux' ? [true, true] : [true])
  await test.close()
  await expect.poll(() => all.some(isRunning)).toBe(false)
})
