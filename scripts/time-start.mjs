// Runs `npm start` twice, prints how long each took until the stack answers, and stops it as npm does, with SIGTERM.
// The second time everything is installed already.
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'

const state = 'examples/account-summary/.fairlead/local.json'
for (const [name, limit] of [
  ['npm start, as cloned', 120],
  ['npm start, installed', 30],
]) {
  const first = existsSync('node_modules') ? `${name.replace('as cloned', 'node_modules already there')}` : name
  const seconds = await timed(limit * 1000)
  console.log(`${first}: ${seconds.toFixed(1)} s`)
}

async function timed(limitMs) {
  rmSync(state, { force: true })
  const began = performance.now()
  const child = spawn('npm', ['start'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FAIRLEAD_PORT: '0' },
  })
  const gone = new Promise((resolve) => child.on('close', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const ready = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => chunk.toString().includes('ready in') && resolve(performance.now()))
    child.on('close', () => reject(new Error('npm start ended before it was ready')))
  })
  clearTimeout(timer)
  child.kill('SIGTERM')
  await gone
  if (existsSync(state)) throw new Error('npm start was stopped and left local.json behind')
  return (ready - began) / 1000
}
