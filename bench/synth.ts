// How long `fairlead synth` takes for all platforms of the sample, artifacts and process start included, and its memory.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { copyProject, sample } from '../test/cli/support.ts'
import { pinMadeUpBase } from '../test/support/pinned-base.ts'
import { median, type Row } from './support/table.ts'

const bin = fileURLToPath(new URL('../bin/fairlead.js', import.meta.url))
/** Runs before the command, and says at its end how much memory it had at most, in kB. */
const atEnd = `data:text/javascript,process.on('exit',()=>process.stderr.write('maxRSS '+process.resourceUsage().maxRSS+' cpu '+Object.values(process.cpuUsage()).reduce((a,b)=>a+b)))`

export async function synth(quick: boolean): Promise<Row[]> {
  const project = await copyProject(sample)
  pinMadeUpBase(project.dir)
  const runs: { seconds: number; megabytes: number; cpu: number }[] = []
  for (let round = 0; round <= (quick ? 1 : 3); round++) runs.push(await once(project.dir))
  await project.remove()
  const measured = runs.slice(1)
  return [
    {
      name: 'synth: fairlead synth of all four platforms of the sample, with its artifacts',
      measured: median(measured.map(({ seconds }) => seconds)),
      unit: 's',
      goal: { atMost: 6 },
      note: `${median(measured.map(({ cpu }) => cpu)).toFixed(2)} s CPU of its own`,
    },
    {
      name: 'synth: its memory at most (esbuild, a process of its own, not counted)',
      measured: median(measured.map(({ megabytes }) => megabytes)),
      unit: 'MB',
      goal: { atMost: 300 },
    },
  ]
}

async function once(cwd: string): Promise<{ seconds: number; megabytes: number; cpu: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', atEnd, bin, 'synth', '--json'], {
    cwd,
    env: { ...process.env, AWS_REGION: 'us-east-1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  const seconds = (performance.now() - started) / 1000
  const [, kilobytes, microseconds] = /maxRSS (\d+) cpu (\d+)/.exec(said) ?? []
  if (code !== 0 || kilobytes === undefined) throw new Error(`fairlead synth ended with ${String(code)}: ${said}`)
  return { seconds, megabytes: Number(kilobytes) / 1000, cpu: Number(microseconds) / 1e6 }
}
