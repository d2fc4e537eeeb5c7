// How long `fairlead dev` takes until it is ready, everything installed.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, type Row } from './support/table.ts'

const bin = fileURLToPath(new URL('../bin/fairlead.js', import.meta.url))
const cwd = fileURLToPath(new URL('../examples/account-summary', import.meta.url))

export async function start(quick: boolean): Promise<Row[]> {
  const times: number[] = []
  for (let round = 0; round <= (quick ? 2 : 5); round++) times.push(await ready())
  return [
    {
      name: 'start: fairlead dev, from the command to ready, of the sample',
      measured: median(times.slice(1)) / 1000,
      unit: 's',
      goal: { atMost: 1.5 },
    },
  ]
}

async function ready(): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [bin, 'dev', '--port', '0', '--json'], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', () => reject(new Error('fairlead dev ended; is another one running for the sample?')))
  })
  const took = performance.now() - started
  child.kill('SIGINT')
  await gone
  return took
}
