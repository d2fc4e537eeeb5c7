// `fairlead proxy`: start, added time of a call and memory, beside mcp-remote and beside no proxy at all.
import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { startServer } from './support/child.ts'
import { median, type Row } from './support/table.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const proxies = {
  ours: (url: string, ...flags: string[]) => [path('../bin/fairlead.js'), 'proxy', url, ...flags],
  peer: (url: string) => [path('../tools/interop/node_modules/mcp-remote/dist/proxy.js'), url, '--allow-http'],
}
type Name = keyof typeof proxies

/** The base class starts a second process to ask which era the server has. */
class ProxyTransport extends StdioClientTransport {}

export async function proxy(quick: boolean): Promise<Row[]> {
  const server = await startServer('endpoint', 'host.ts', ['ours', '1', 'once'])
  const guarded = await startServer('endpoint', 'signed-in.ts')
  try {
    const starts: Record<Name, number[]> = { ours: [], peer: [] }
    for (let round = 0; round < (quick ? 3 : 7); round++)
      for (const name of ['ours', 'peer'] as const) starts[name].push(await firstAnswer(proxies[name](server.url)))
    const { added, rss } = await calls(server.url, quick)
    const signed = await memory(server.url, ['--auth', 'sigv4', '--service', 'lambda', '--region', 'us-east-1'], quick)
    const signedIn = await memory(guarded.url, ['--auth', 'oauth', '--client', 'bench', '--client-credentials'], quick)
    const [ours, peer] = [median(starts.ours), median(starts.peer)]
    return [
      { name: 'proxy: start to an answered initialize', measured: ours, unit: 'ms', goal: { atMost: 250 } },
      { name: 'proxy: the same, over mcp-remote', measured: ours / peer, unit: '×', goal: { atMost: 0.5 }, note: `${peer.toFixed(0)} ms` }, // prettier-ignore
      { name: 'proxy: p50 of a call, added to the SDK client’s own', measured: added, unit: 'ms', goal: { atMost: 1 } },
      { name: 'proxy: memory after the calls', measured: rss, unit: 'MB', goal: { atMost: 90 } },
      { name: 'proxy: the same, each call signed', measured: signed, unit: 'MB', goal: { atMost: 90 } },
      { name: 'proxy: the same, with a token it went for', measured: signedIn, unit: 'MB', goal: { atMost: 90 } },
    ]
  } finally {
    await server.stop()
    await guarded.stop()
  }
}

/** From the start of the process to the first byte of the answer. */
async function firstAnswer(args: string[]): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } }
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })}\n`)
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', () => reject(new Error(`${args[0]} ended before it answered`)))
  })
  const took = performance.now() - started
  child.kill()
  await gone
  return took
}

/** Calls in turns, directly and through the proxy, so that both meet the same noise. */
async function calls(url: string, quick: boolean): Promise<{ added: number; rss: number }> {
  const stdio = new ProxyTransport({ command: process.execPath, args: proxies.ours(url), stderr: 'ignore' })
  const clients = [await connected(new StreamableHTTPClientTransport(new URL(url))), await connected(stdio)]
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < (quick ? 300 : 2000); round++)
    for (const [at, client] of clients.entries()) {
      const started = performance.now()
      await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
      times[at]!.push(performance.now() - started)
    }
  const warm = Math.floor(times[0].length / 4)
  const added = median(times[1].slice(warm)) - median(times[0].slice(warm))
  const rss = rssOf(stdio)
  for (const client of clients) await client.close()
  return { added, rss }
}

/** Of a proxy that has authenticated each call. */
async function memory(url: string, flags: string[], quick: boolean): Promise<number> {
  const env = {
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'a-secret',
    FAIRLEAD_CLIENT_SECRET: 'a-secret',
  }
  const stdio = new ProxyTransport({
    command: process.execPath,
    args: proxies.ours(url, ...flags),
    stderr: 'ignore',
    env,
  })
  const client = await connected(stdio)
  for (let round = 0; round < (quick ? 300 : 2000); round++)
    await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
  const rss = rssOf(stdio)
  await client.close()
  return rss
}

function rssOf({ pid }: StdioClientTransport): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024
}

async function connected(transport: Parameters<Client['connect']>[0]): Promise<Client> {
  const client = new Client({ name: 'bench', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(transport)
  await client.listTools()
  return client
}
