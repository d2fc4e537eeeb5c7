// `npm run bench [names] [--quick]`: ratios against floors and peers, measured in one run. See bench/README.md.
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { agentcoreRuntime } from './agentcore-runtime.ts'
import { bearer } from './bearer.ts'
import { cold } from './cold.ts'
import { explain } from './explain.ts'
import { gateway } from './gateway.ts'
import { host } from './host.ts'
import { lambda } from './lambda.ts'
import { oauth } from './oauth.ts'
import { observability } from './observability.ts'
import { proxy } from './proxy.ts'
import { sessions } from './sessions.ts'
import { sigv4 } from './sigv4.ts'
import { start } from './start.ts'
import { synth } from './synth.ts'
import { isMet, print, type Row } from './support/table.ts'

const benches: Record<string, (quick: boolean) => Promise<Row[]>> = {
  host,
  bearer,
  oauth,
  observability,
  gateway,
  lambda,
  'agentcore-runtime': agentcoreRuntime,
  cold,
  sigv4,
  explain,
  start,
  synth,
  sessions,
  proxy,
}
const names = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const quick = process.argv.includes('--quick')
const unknown = names.find((name) => !(name in benches))
if (unknown) throw new Error(`There is no bench ${unknown}. There are: ${Object.keys(benches).join(', ')}`)

const rows: Row[] = []
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  const measured = await benches[name]!(quick)
  rows.push(...measured)
  console.log(print(measured))
}
const results = new URL('./results/', import.meta.url)
await mkdir(results, { recursive: true })
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: availableParallelism() }
await writeFile(
  new URL('latest.json', results),
  `${JSON.stringify({ at: new Date().toISOString(), quick, machine, rows: rows.map((row) => ({ ...row, met: isMet(row) })) }, null, 2)}\n`,
)
const goals = rows.filter(({ goal }) => goal)
console.log(
  `${goals.filter(isMet).length} of ${goals.length} goals met. A goal that is not met is a finding: figures vary with the machine.`,
)
