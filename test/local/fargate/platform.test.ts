import { copyFile, writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../../../src/config.ts'
import { signIn } from '../../../src/connect/sign-in.ts'
import type { RequestRecord } from '../../../src/local/requests.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { logged } from '../../support/log-capture.ts'

const fixture = fileURLToPath(new URL('../../fixtures/pid-server.ts', import.meta.url))
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack
let url: string
const records: RequestRecord[] = []
const lines: string[] = []
const tokens: Record<string, string> = {}
const config: FairleadConfig = {
  name: 'pid',
  server: { kind: 'module', entry: './server.ts' },
  scopes: {
    read: { description: 'Read', groups: ['readers', 'writers'] },
    write: { description: 'Write', groups: ['writers'] },
  },
  baseScopes: ['read'],
  tools: { write: { scopes: ['write'] } },
  platforms: { fargate: { tasks: 2 } },
}

beforeAll(async () => {
  folder = await temporaryFolder()
  await copyFile(fixture, join(folder.path, 'server.ts'))
  stack = await startStack(
    { dir: folder.path, configFile: '', config },
    { port: 0, onRequest: (record) => records.push(record), log: (line) => lines.push(logged(line)) },
  )
  url = stack.endpoints.fargate!.url
  for (const user of stack.users)
    tokens[user.username] = (await signIn({ url, ...user, scopes: user.scopes })).accessToken
}, 30_000)
afterAll(async () => {
  await stack.close()
  await folder.remove()
})

async function connect(token: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  return client
}
/** A call on the wire that has begun, the process that has it, and how it ends. */
async function slowCall(ms: number): Promise<{ pid: number; answer: Promise<'answered' | 'lost'> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokens.ada!}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'slow', arguments: { ms }, _meta: { progressToken: 1 } },
    }),
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const pid = async () => {
    for (;;) {
      text += (await reader.read()).value ?? ''
      const found = /"progress":(\d+)/.exec(text)?.[1]
      if (found) return Number(found)
    }
  }
  const rest = async (): Promise<'answered' | 'lost'> => {
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        text += value
      }
    } catch {
      return 'lost'
    }
    return text.includes('"result"') ? 'answered' : 'lost'
  }
  const hit = await pid()
  return { pid: hit, answer: rest() }
}

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text

describe('fargate, here', () => {
  it('spreads calls over its tasks', async () => {
    const client = await connect(tokens.ada!)
    const pids = new Set<string>()
    for (let n = 0; n < 6; n++) pids.add(textOf(await client.callTool({ name: 'pid', arguments: {} })))
    expect(pids.size).toBe(2)
    await client.close()
  })

  it('loses only the calls of a task that is killed, and starts another task', async () => {
    const calls = await Promise.all(Array.from({ length: 8 }, () => slowCall(1500)))
    const victim = calls[0]!.pid
    expect(new Set(calls.map(({ pid }) => pid)).size).toBe(2)
    process.kill(victim, 'SIGKILL')
    for (const { pid, answer } of calls) expect(await answer).toBe(pid === victim ? 'lost' : 'answered')
    const pids = new Set<string>()
    const client = await connect(tokens.ada!)
    const seen = async () => pids.add(textOf(await client.callTool({ name: 'pid', arguments: {} }))).size
    await expect.poll(seen, { timeout: 10_000 }).toBe(2)
    expect([...pids]).not.toContain(String(victim))
    await client.close()
  })

  it('asks for the write scope of a tool, which grace may have and ada may not', async () => {
    const [ada, grace] = [await connect(tokens.ada!), await connect(tokens.grace!)]
    await expect(ada.callTool({ name: 'write', arguments: {} })).rejects.toThrow()
    expect(textOf(await grace.callTool({ name: 'write', arguments: {} }))).toBe('written')
    await expect.poll(() => records.some(({ code }) => code === 'SCOPE_MISSING')).toBe(true)
    const refused = records.find(({ code }) => code === 'SCOPE_MISSING')!
    expect(refused).toMatchObject({ platform: 'fargate', status: 403, tool: 'write' })
    expect(refused.why).toContain('pid/write')
    await ada.close()
    await grace.close()
  })

  it('logs who called what, and why a request was refused', async () => {
    const response = await fetch(url, { method: 'POST', headers: { authorization: 'Bearer a.b.c' }, body: '{}' })
    expect(response.status).toBe(401)
    await expect.poll(() => records.some(({ code }) => code === 'TOKEN_MALFORMED')).toBe(true)
    expect(records.some(({ call, principal }) => call === 'tools/call pid' && principal !== undefined)).toBe(true)
  })

  it('rolls a changed server out while calls on the old one finish', async () => {
    const client = await connect(tokens.ada!)
    const started = Promise.withResolvers<number>()
    const slow = client.callTool(
      { name: 'slow', arguments: { ms: 1500 } },
      { onprogress: ({ progress }) => started.resolve(progress) },
    )
    const old = await started.promise
    const file = join(folder.path, 'server.ts')
    await writeFile(file, (await readFile(file, 'utf8')).replace("text('written')", "text('written anew')"))
    const reload = stack.reload()
    expect(textOf(await slow)).toBe(String(old))
    expect(await reload).toBe(true)
    const grace = await connect(tokens.grace!)
    expect(textOf(await grace.callTool({ name: 'write', arguments: {} }))).toBe('written anew')
    await grace.close()
    await client.close()
  })

  it('writes no token, password or secret into any log', () => {
    const all = JSON.stringify([records, lines])
    for (const secret of [...Object.values(tokens), ...stack.users.map(({ password }) => password)])
      expect(all).not.toContain(secret)
  })
})
