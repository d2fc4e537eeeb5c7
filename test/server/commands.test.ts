import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Server } from '../../src/config.ts'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { loadServer } from '../../src/server/load.ts'
import { logged } from '../support/log-capture.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/servers/${name}`, import.meta.url))
const node = process.execPath
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** Serves a command behind our endpoint, and gives a way to connect to it. */
async function serve(server: Server, options: { timeoutMs?: number } = {}) {
  const log: string[] = []
  const tools = { hang: { timeoutMs: options.timeoutMs ?? 60_000 } }
  const source = await loadServer(server, { projectDir: process.cwd(), log: (line) => log.push(logged(line)), tools })
  const endpoint = createMcpEndpoint(source)
  const http = await listen(endpoint.fetch)
  closers.push(async () => {
    await http.close()
    await endpoint.close()
  })
  const connect = async (mode: 'legacy' | { pin: string } = 'legacy') => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${http.url}/mcp`)))
    closers.push(() => client.close())
    return client
  }
  return { connect, log }
}

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text
const stdio: Server = { kind: 'stdio', command: node, args: [fixture('stdio.mjs')], env: { OWN: '1' } }

describe('a stdio command', () => {
  it.each(['legacy', { pin: '2026-07-28' }] as const)(
    'is served in the era %o: what it says of itself, its tools, its answers',
    async (mode) => {
      const client = await (await serve(stdio)).connect(mode)
      expect(client.getServerVersion()?.name).toBe('wrapped')
      const { tools } = await client.listTools()
      expect(tools.find(({ name }) => name === 'echo')).toMatchObject({
        description: 'Says it again.',
        inputSchema: { required: ['text'] },
      })
      expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'grüße' } }))).toBe('grüße')
      expect(await client.callTool({ name: 'refuse' })).toMatchObject({ isError: true })
      const steps: number[] = []
      await client.callTool({ name: 'progress' }, { onprogress: ({ progress }) => steps.push(progress) })
      expect(steps).toEqual([1, 2, 3])
    },
  )

  it('is kept warm', async () => {
    const client = await (await serve(stdio)).connect()
    const [pid] = textOf(await client.callTool({ name: 'pid' })).split(' ')
    expect(textOf(await client.callTool({ name: 'pid' }))).toBe(`${pid} 2`)
  })

  it('gives 1,000 interleaved callers their own answers and no one else’s', async () => {
    const { connect } = await serve(stdio)
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect()))
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) =>
        textOf(await clients[i % 4]!.callTool({ name: 'echo', arguments: { text: `caller ${i}` } })),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, i) => `caller ${i}`))
  }, 60_000)

  it('that prints to stdout goes on, with a line in the log', async () => {
    const { connect, log } = await serve(stdio)
    expect(textOf(await (await connect()).callTool({ name: 'garbage' }))).toBe('still here')
    expect(log.join('\n')).toContain('oops, not JSON')
  })

  it('that dies in a call fails that call, and serves the next', async () => {
    const client = await (await serve(stdio)).connect()
    await expect(client.callTool({ name: 'die' })).rejects.toThrow(/ended with exit code 7/)
    expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'again' } }))).toBe('again')
  })

  it('that hangs is stopped at its time limit, and serves the next', async () => {
    const client = await (await serve(stdio, { timeoutMs: 300 })).connect()
    await expect(client.callTool({ name: 'hang' })).rejects.toThrow(/longer than 300 ms/)
    expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'again' } }))).toBe('again')
  })

  it('sees the variables that it was given and none of the user’s AWS_*', async () => {
    process.env.AWS_TEST_MINE = '1'
    const client = await (await serve(stdio)).connect()
    const env = JSON.parse(textOf(await client.callTool({ name: 'env' }))) as Record<string, string>
    expect(env.OWN).toBe('1')
    expect(Object.keys(env).filter((name) => name.startsWith('AWS_'))).toEqual([])
    delete process.env.AWS_TEST_MINE
  })

  it.skipIf(process.platform === 'win32')('that was frozen and thawed answers as before', async () => {
    const client = await (await serve(stdio)).connect()
    const [pid] = textOf(await client.callTool({ name: 'pid' })).split(' ')
    process.kill(Number(pid), 'SIGSTOP')
    const answer = client.callTool({ name: 'echo', arguments: { text: 'after the freeze' } })
    process.kill(Number(pid), 'SIGCONT')
    expect(textOf(await answer)).toBe('after the freeze')
  })

  it.each<[string, Server, string, RegExp]>([
    [
      'does not exist',
      { kind: 'stdio', command: 'no-such-program-here' },
      'COMMAND_NOT_FOUND',
      /no-such-program-here.*ENOENT/,
    ],
    [
      'ends at once',
      { kind: 'stdio', command: node, args: ['-e', 'console.error("cannot find my config"); process.exit(4)'] },
      'COMMAND_ENDED',
      /exit code 4/,
    ],
    ['has no such file', { kind: 'stdio', command: node, args: ['no-such-file.mjs'] }, 'COMMAND_ENDED', /exit code 1/],
  ])('that %s is a coded error', async (_name, server, code, message) => {
    await expect(serve(server)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })
})

describe('an HTTP command', () => {
  const http: Server = { kind: 'http', command: node, args: [fixture('http.mjs')] }

  it.each(['legacy', { pin: '2026-07-28' }] as const)(
    'is started on a free port and passed on to, in the era %o',
    async (mode) => {
      const client = await (await serve(http)).connect(mode)
      expect(client.getServerVersion()?.name).toBe('plain-http')
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['headers', 'exit'])
    },
  )

  it('is started again when it has ended', async () => {
    const client = await (await serve(http)).connect({ pin: '2026-07-28' })
    await expect(client.callTool({ name: 'exit' })).rejects.toThrow()
    expect((await client.listTools()).tools).toHaveLength(2)
  })

  it('that never listens is a coded error', async () => {
    await expect(serve({ kind: 'http', command: node, args: ['-e', 'process.exit(5)'] })).rejects.toMatchObject({
      code: 'COMMAND_ENDED',
    })
  })
})
