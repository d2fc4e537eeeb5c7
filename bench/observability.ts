// What observing costs: the same server without it, with a line for each call, and with spans beside, in one run.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startServer, type BenchServer } from './support/child.ts'
import { closedLoop, send, toolCalls } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const modes = ['off', 'control', 'lines', 'spans'] as const
type Mode = (typeof modes)[number]
type Figures = Record<Mode, { rps: number; cpu: number }>

/** As the bench of the guard: a process for each mode, as many calls to each, in an order that rotates. */
export async function observability(quick: boolean): Promise<Row[]> {
  const rounds = quick ? 4 : 12
  const calls = quick ? 400 : 800
  const collector = createServer((req, res) => req.resume().on('end', () => res.end('{}')))
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  const servers = {
    off: await startServer('off', 'observability.ts'),
    control: await startServer('control', 'observability.ts'),
    lines: await startServer('lines', 'observability.ts', ['emf']),
    spans: await startServer('spans', 'observability.ts', ['emf', url]),
  }
  for (const mode of modes) await measure(servers[mode], quick ? 1000 : 2500)
  const measured: Figures[] = []
  for (let round = 0; round < rounds; round++) {
    const figures: Partial<Figures> = {}
    for (let at = 0; at < modes.length; at++) {
      const mode = modes[(at + round) % modes.length]!
      figures[mode] = await measure(servers[mode], calls)
    }
    measured.push(figures as Figures)
  }
  for (const server of Object.values(servers)) await server.stop()
  collector.closeAllConnections()
  collector.close()
  const cpu = (mode: Mode) => median(measured.map((figures) => figures[mode].cpu))
  const row = (mode: Mode, name: string, atLeast?: number): Row => ({
    name,
    measured: median(measured.map((figures) => figures[mode].rps / figures.off.rps)),
    unit: '×',
    ...(atLeast === undefined ? {} : { goal: { atLeast } }),
    note: `CPU a call ${cpu(mode).toFixed(0)} and ${cpu('off').toFixed(0)} µs`,
  })
  return [
    row('control', 'observability: an unobserved server over another one (1 but for noise)'),
    row('lines', 'observability: throughput with a line for each call (audit, log, EMF) over without', 0.9),
    row('spans', 'observability: the same, and a span for each call to a collector', 0.8),
  ]
}

async function measure(server: BenchServer, calls: number): Promise<{ rps: number; cpu: number }> {
  const before = await server.cpu()
  const rps = await closedLoop(calls, 8, () => send(server.url, toolCalls.modern))
  return { rps, cpu: ((await server.cpu()) - before) / calls }
}
