// The gateway's artifact beside a bare node:http proxy to the same upstream, in the same run; GitHub's document; tool search.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gatewayNodeOptions } from '../src/build/agentcore-gateway.ts'
import { search } from './gateway-search.ts'
import { gatewayPeers } from './gateway-peers.ts'
import { startServer, type BenchServer } from './support/child.ts'
import { startArtifact, type ArtifactOptions } from './support/gateway-artifact.ts'
import { closedLoop, send, type Call } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

function call(era: 'legacy' | 'modern', name: string, args: object): Call {
  const params = { name, arguments: args, ...(era === 'modern' ? { _meta: meta } : {}) }
  const headers =
    era === 'modern'
      ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name }
      : { 'mcp-protocol-version': '2025-11-25' }
  return {
    headers: { ...accept, ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  }
}

interface Subject {
  server: BenchServer
  url: string
  /** The next call, which may be another one each time. */
  call: () => Call
  cpu: number[]
  latency: number[]
}

export async function gateway(quick: boolean): Promise<Row[]> {
  const rest = await startServer('rest', 'gateway.ts', ['rest'])
  const mcp = await startServer('mcp', 'gateway.ts', ['mcp'])
  const tokens = await startServer('issuer', 'gateway.ts', ['issuer'])
  const [issuer, token] = tokens.url.split('#') as [string, string]
  const plain = { headers: accept, body: JSON.stringify({ text: 'hello', n: 1 }) }
  const toRest = call('modern', 'api___echo', { id: '7', text: 'hello', n: 1 })
  const hello = { text: 'hello' }
  const subjects: Record<string, Subject> = {
    restFloor: await proxy(rest.url, '/echo/7', plain),
    rest: await subject({ target: 'api', upstream: rest.url }, toRest),
    restGuarded: await subject({ target: 'api', upstream: rest.url, issuer }, withToken(toRest, token)),
    restCedar: await subject({ target: 'api', upstream: rest.url, issuer, policies: true }, withToken(toRest, token)),
    restCedarNew: await subject({ target: 'api', upstream: rest.url, issuer, policies: true }, newEach(token)),
    restAsItIs: await subject({ target: 'api', upstream: rest.url, execArgv: [] }, toRest),
    mcpFloor: await proxy(mcp.url, '/mcp', call('modern', 'echo', hello)),
    mcpModern: await subject({ target: 'mcp', upstream: mcp.url }, call('modern', 'mcp___echo', hello)),
    mcpLegacy: await subject({ target: 'mcp', upstream: mcp.url }, call('legacy', 'mcp___echo', hello)),
  }
  const all = Object.values(subjects)
  const rounds = quick ? 5 : 9
  const calls = quick ? 1000 : 2000
  for (const each of all) await closedLoop(quick ? 2000 : 4000, 16, () => send(each.url, each.call()))
  for (let round = 0; round < rounds; round++)
    for (const each of all) {
      const before = await each.server.cpu()
      await closedLoop(calls, 16, () => send(each.url, each.call()))
      each.cpu.push(((await each.server.cpu()) - before) / calls)
      for (let i = 0; i < 100; i++) {
        const sent = performance.now()
        await send(each.url, each.call())
        each.latency.push(performance.now() - sent)
      }
    }
  const memory = async (...names: string[]) =>
    Math.max(...(await Promise.all(names.map((name) => subjects[name]!.server.rss()))))
  const deployed = await memory('rest', 'restGuarded', 'mcpModern', 'mcpLegacy')
  const cedar = await memory('restCedar', 'restCedarNew')
  const [asItIs, floor] = [await memory('restAsItIs'), await memory('restFloor', 'mcpFloor')]
  const floors = { rest: median(subjects.restFloor!.cpu), mcp: median(subjects.mcpFloor!.cpu) }
  for (const { server } of all) await server.stop()
  const peers = await gatewayPeers(quick, { rest: rest.url, mcp: mcp.url }, floors)
  for (const server of [rest, mcp, tokens]) await server.stop()
  const ratio = (name: string, ours: string, floor: string, atMost?: number): Row => {
    const [a, b] = [median(subjects[ours]!.cpu), median(subjects[floor]!.cpu)]
    return {
      name,
      measured: a / b,
      unit: '×',
      ...(atMost === undefined ? {} : { goal: { atMost } }),
      note: `CPU a call ${a.toFixed(0)} and ${b.toFixed(0)} µs`,
    }
  }
  const added = (name: string, ours: string, floor: string): Row => ({
    name,
    measured: median(subjects[ours]!.latency) - median(subjects[floor]!.latency),
    unit: 'ms',
    goal: { atMost: 0.3 },
  })
  return [
    ratio('gateway: CPU over a bare proxy, REST', 'rest', 'restFloor', 1.4),
    ratio('gateway: the same with cached JWT, validation and an audit line', 'restGuarded', 'restFloor', 1.7),
    ratio('gateway: the same with ten Cedar policies too, which have judged such a call before', 'restCedar', 'restFloor', 2), // prettier-ignore
    // Each of these is evaluated by Cedar itself, in WebAssembly: no goal of ours changes what that takes.
    ratio('gateway: the same, for arguments that the policies read and that are new each time', 'restCedarNew', 'restFloor'), // prettier-ignore
    ratio('gateway: CPU over a bare proxy, MCP to MCP, modern client', 'mcpModern', 'mcpFloor', 2),
    ratio('gateway: CPU over a bare proxy, MCP to MCP, legacy client', 'mcpLegacy', 'mcpFloor', 2),
    added('gateway: added to the p50 of a bare proxy, REST', 'rest', 'restFloor'),
    added('gateway: added to the p50 of a bare proxy, MCP to MCP', 'mcpModern', 'mcpFloor'),
    {
      name: 'gateway: resident memory after the load, with Cedar',
      measured: cedar,
      unit: 'MB',
      goal: { atMost: 200 },
    },
    {
      name: 'gateway: resident memory after the load',
      measured: deployed,
      unit: 'MB',
      goal: { atMost: 150 },
      note: `the bare proxy ${floor.toFixed(0)} MB; without ${gatewayNodeOptions} ${asItIs.toFixed(0)} MB`,
    },
    ...peers,
    ...(await published()),
  ]
}

async function proxy(upstream: string, path: string, what: Call): Promise<Subject> {
  const server = await startServer('proxy', 'gateway.ts', ['proxy', upstream])
  return { server, url: server.url + path, call: () => what, cpu: [], latency: [] }
}

async function subject(options: ArtifactOptions, what: Call | (() => Call)): Promise<Subject> {
  const server = await startArtifact(options)
  const next = typeof what === 'function' ? what : () => what
  return { server, url: `${server.url}/mcp`, call: next, cpu: [], latency: [] }
}

/** No two calls have the same text: what a gateway remembers of one is nothing for another. */
function newEach(token: string): () => Call {
  let sent = 0
  return () => withToken(call('modern', 'api___echo', { id: '7', text: `hello ${sent++}`, n: 1 }), token)
}

function withToken({ headers, body }: Call, token: string): Call {
  return { headers: { ...headers, authorization: `Bearer ${token}` }, body }
}

const file = new URL('../tools/interop/node_modules/@octokit/openapi/generated/api.github.com.json', import.meta.url)

/** GitHub's document, which `npm run interop` and `npm run bench` install. */
async function published(): Promise<Row[]> {
  if (!existsSync(file)) return []
  const list = {
    headers: { ...accept, 'mcp-protocol-version': '2025-11-25' },
    body: '{"jsonrpc":"2.0","id":"hello","method":"tools/list"}',
  }
  const server = await startArtifact({ target: 'github', document: fileURLToPath(file) })
  const started = server.startedAt
  await send(`${server.url}/mcp`, list)
  const ms = performance.now() - started
  const rss = await server.rss()
  await server.stop()
  return [
    {
      name: 'gateway: GitHub’s document, from the start of the process to the first tools/list',
      measured: ms,
      unit: 'ms',
      goal: { atMost: 1000 },
    },
    { name: 'gateway: resident memory then', measured: rss, unit: 'MB', goal: { atMost: 250 } },
    ...search(),
  ]
}
