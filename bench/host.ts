// The MCP host alone, beside the SDK's own Node handler and a bare node:http that answers the same bytes.
import { startServer, type BenchServer } from './support/child.ts'
import { closedLoop, send, toolCalls } from './support/load.ts'
import { median, type Row } from './support/table.ts'

interface Figures {
  rps: number[]
  cpu: number[]
}

export async function host(quick: boolean): Promise<Row[]> {
  const rounds = quick ? 3 : 7
  const calls = quick ? 600 : 1500
  const servers = [await startServer('floor', 'host.ts', ['floor', '1', 'once'])]
  for (const tools of ['1', '30'])
    for (const schemas of ['once', 'each'])
      for (const kind of ['ours', 'sdk'])
        servers.push(await startServer(`${kind}/${tools}/${schemas}`, 'host.ts', [kind, tools, schemas]))
  const figures = new Map<string, Figures>()
  // What is measured is a server that has run for a while: V8 has compiled what is hot.
  for (const server of servers)
    for (const era of ['modern', 'legacy'] as const)
      await closedLoop(quick ? 1000 : 2500, 8, () => send(server.url, toolCalls[era]))
  for (let round = 0; round < rounds; round++)
    for (const era of ['modern', 'legacy'] as const)
      for (const server of servers) {
        keep(figures, `${server.name}/${era}`, await measure(server, () => send(server.url, toolCalls[era]), calls))
      }
  for (const server of servers) await server.stop()
  const rps = (name: string) => median(figures.get(name)!.rps)
  const cpu = (name: string) => median(figures.get(name)!.cpu)
  const ratio = (name: string, ours: string, theirs: string, atLeast?: number): Row => ({
    name,
    measured: rps(ours) / rps(theirs),
    unit: '×',
    ...(atLeast ? { goal: { atLeast } } : {}),
    note: `CPU a call ${cpu(ours).toFixed(0)} and ${cpu(theirs).toFixed(0)} µs`,
  })
  return [
    ratio(
      'host: throughput over the SDK, modern, 1 tool, schemas made once in both',
      'ours/1/once/modern',
      'sdk/1/once/modern',
      1.5,
    ),
    ratio('host: the same, schemas made for each request in both', 'ours/1/each/modern', 'sdk/1/each/modern'),
    ratio(
      'host: the same, ours as our README has it, the SDK as its examples have it',
      'ours/1/once/modern',
      'sdk/1/each/modern',
    ),
    ratio(
      'host: throughput over the SDK, modern, 30 tools, schemas made once in both',
      'ours/30/once/modern',
      'sdk/30/once/modern',
      1.7,
    ),
    ratio('host: the same, schemas made for each request in both', 'ours/30/each/modern', 'sdk/30/each/modern'),
    ratio(
      'host: the same, ours as our README has it, the SDK as its examples have it',
      'ours/30/once/modern',
      'sdk/30/each/modern',
    ),
    ratio(
      'host: throughput over the SDK, legacy, 1 tool, schemas made once in both',
      'ours/1/once/legacy',
      'sdk/1/once/legacy',
      1.7,
    ),
    ratio('host: the same, 30 tools', 'ours/30/once/legacy', 'sdk/30/once/legacy'),
    {
      name: 'host: CPU a call over the bare floor, modern, 1 tool',
      measured: cpu('ours/1/once/modern') / cpu('floor/modern'),
      unit: '×',
      goal: { atMost: 7 },
      note: `${cpu('ours/1/once/modern').toFixed(0)} and ${cpu('floor/modern').toFixed(0)} µs`,
    },
    {
      name: 'host: CPU a call over the bare floor, legacy, 1 tool',
      measured: cpu('ours/1/once/legacy') / cpu('floor/legacy'),
      unit: '×',
      goal: { atMost: 7 },
    },
  ]
}

async function measure(
  server: BenchServer,
  one: () => Promise<void>,
  calls: number,
): Promise<{ rps: number; cpu: number }> {
  const before = await server.cpu()
  const rps = await closedLoop(calls, 8, one)
  return { rps, cpu: ((await server.cpu()) - before) / calls }
}

function keep(figures: Map<string, Figures>, name: string, { rps, cpu }: { rps: number; cpu: number }): void {
  const kept = figures.get(name) ?? { rps: [], cpu: [] }
  kept.rps.push(rps)
  kept.cpu.push(cpu)
  figures.set(name, kept)
}
