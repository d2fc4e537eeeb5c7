// What npm has beside the gateway: the same call through each, in the same run. Installed by `npm run bench`.
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { startServer } from './support/child.ts'
import { documentText } from './support/gateway-artifact.ts'
import { closedLoop } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const installed = (path: string) => new URL(`../tools/interop/node_modules/${path}`, import.meta.url)

interface Peer {
  name: string
  program: URL
  args: (port: string, upstream: string) => string[]
  env: (port: string, upstream: string) => Record<string, string>
  tool: string
}

const peers: Record<'rest' | 'mcp', Peer> = {
  rest: {
    name: '@ivotoby/openapi-mcp-server',
    program: installed('@ivotoby/openapi-mcp-server/bin/mcp-server.js'),
    args: (port, upstream) =>
      `--transport http --host 127.0.0.1 --port ${port} --tools all --api-base-url ${upstream} --spec-inline`
        .split(' ')
        .concat(documentText),
    env: () => ({}),
    tool: 'echo',
  },
  mcp: {
    name: '@civic/passthrough-mcp-server',
    program: installed('@civic/passthrough-mcp-server/dist/cli.js'),
    args: () => [],
    env: (port, upstream) => ({ PORT: port, TARGET_SERVER_URL: upstream, LOG_LEVEL: 'error' }),
    tool: 'echo',
  },
}

/** CPU a call of each peer, beside that of the bare proxy. One session, sixteen calls at once: one peer mixes sessions up. */
export async function gatewayPeers(
  quick: boolean,
  upstreams: Record<'rest' | 'mcp', string>,
  floors: Record<'rest' | 'mcp', number>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const kind of ['rest', 'mcp'] as const) {
    const peer = peers[kind]
    if (!existsSync(peer.program)) continue
    const { cpu, rss } = await measured(peer, upstreams[kind], quick)
    rows.push({
      name: `gateway: a peer, ${peer.name}: CPU over a bare proxy`,
      measured: cpu / floors[kind],
      unit: '×',
      note: `CPU a call ${cpu.toFixed(0)} µs, resident ${rss.toFixed(0)} MB`,
    })
  }
  return rows
}

async function measured(peer: Peer, upstream: string, quick: boolean): Promise<{ cpu: number; rss: number }> {
  const port = String(await freePort())
  const { PATH = '' } = process.env
  const server = await startServer(peer.name, 'peer.mjs', [peer.program.href, ...peer.args(port, upstream)], {
    env: { PATH, ...peer.env(port, upstream) },
  })
  try {
    const client = await connected(`http://127.0.0.1:${port}/mcp`)
    const { tools } = await client.listTools()
    const { name } = tools.find((each) => each.name.includes(peer.tool)) ?? { name: peer.tool }
    const one = async () => {
      const { isError } = await client.callTool({ name, arguments: { id: '7', text: 'hello', n: 1 } })
      if (isError) throw new Error(`${peer.name} did not call ${name}`)
    }
    const calls = quick ? 400 : 1000
    await closedLoop(quick ? 800 : 2000, 16, one)
    const cpus: number[] = []
    for (let round = 0; round < 5; round++) {
      const before = await server.cpu()
      await closedLoop(calls, 16, one)
      cpus.push(((await server.cpu()) - before) / calls)
    }
    const rss = await server.rss()
    await client.close()
    return { cpu: median(cpus), rss }
  } finally {
    await server.stop()
  }
}

/** A program that begins to listen says so nowhere: it is asked until it answers. */
async function connected(url: string): Promise<Client> {
  for (let left = 100; ; left--) {
    const client = new Client({ name: 'bench', version: '1' })
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(url)))
      return client
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
