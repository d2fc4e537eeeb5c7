// `npm start`, `npm test` and the others come here: bootstrap, then the given script under the project's own Node.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { bootstrap, projectNode } from './bootstrap.mjs'

const [level, ...command] = process.argv.slice(2)
const parent = process.ppid
bootstrap(level)
if (command.length > 0) {
  const child = spawn(projectNode(), command, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
  // npm hands a signal to its shell alone, which dies and leaves us running: notice that our parent has gone.
  setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 300).unref()
}
