// The memory of one task with 10,000 idle legacy sessions, and what a call costs in one of them.
import { startServer, type BenchServer } from './support/child.ts'
import { closedLoop } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

export async function sessions(quick: boolean): Promise<Row[]> {
  const count = quick ? 1000 : 10_000
  const server = await startServer('sessions', 'sessions.ts', [String(count)])
  const empty = await server.rss()
  const ids: string[] = []
  await closedLoop(count, 8, async () => void ids.push(await open(server)))
  const full = await server.rss()
  const times: number[] = []
  for (let at = 0; at < 200; at++) {
    const started = performance.now()
    await call(server, ids[(at * 37) % ids.length]!)
    times.push(performance.now() - started)
  }
  const used = await server.rss()
  await server.stop()
  return [
    {
      name: `sessions: resident memory with ${ids.length} idle sessions that have each made a call`,
      measured: full,
      unit: 'MB',
      ...(quick ? {} : { goal: { atMost: 450 } }),
      note: `empty ${empty.toFixed(0)} MB, after 200 more calls ${used.toFixed(0)} MB`,
    },
    { name: 'sessions: a call in one of them, its server perhaps made anew', measured: median(times), unit: 'ms' },
  ]
}

async function open(server: BenchServer): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    clientInfo: { name: 'bench', version: '1.0.0' },
  }
  const response = await send(server, { id: 1, method: 'initialize', params })
  const id = response.headers.get('mcp-session-id')!
  await send(server, { method: 'notifications/initialized' }, id)
  await call(server, id)
  return id
}

async function call(server: BenchServer, id: string): Promise<void> {
  const response = await send(
    server,
    { id: 2, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hello' } } },
    id,
  )
  if (response.status !== 200) throw new Error(`a call was answered ${response.status}`)
}

async function send(server: BenchServer, message: object, id?: string): Promise<Response> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      ...headers,
      ...(id === undefined ? {} : { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  })
  await response.text()
  return response
}
