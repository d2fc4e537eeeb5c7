#!/usr/bin/env node
// The command. On a Node that is too old it goes on under the Node that this repository's own install brought, if there is one.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
const file = process.platform === 'win32' ? 'win' : process.platform
const packaged = fileURLToPath(
  new URL(`../node_modules/node-${file}-${process.arch}/bin/node${file === 'win' ? '.exe' : ''}`, import.meta.url),
)

if (!existsSync(new URL('../dist/cli/main.js', import.meta.url))) stop('this clone is not built yet. Run: npm start')
else if (major > 22 || (major === 22 && minor >= 19)) await import('../dist/cli/main.js')
else if (existsSync(packaged)) goOn()
else stop(`Node 22.19 or newer is needed; this is ${process.version}. Get it from https://nodejs.org`)

function goOn() {
  const child = spawn(packaged, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
  // npx passes a signal to its shell alone: stop when our parent is gone.
  const parent = process.ppid
  setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 300).unref()
}

function stop(message) {
  console.error(`fairlead: ${message}`)
  process.exitCode = 2
}
