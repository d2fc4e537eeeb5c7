import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import type { Command } from '../config.ts'
import { FairleadError } from '../errors.ts'

export interface ChildOptions {
  projectDir: string
  log: (line: string) => void
}

/** Variables of ours that a command needs to run at all. A user's AWS_* come only by `env`, or from Lambda. */
const passed = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SYSTEMROOT', 'USER']

/** What is said to the artifact itself. */
const notForCommands = new Set(['AWS_LAMBDA_RUNTIME_API', 'HOST', 'PORT', 'FAIRLEAD_SESSION_TOKEN'])

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a command of the configuration. Its stderr goes to the log, line by line; the last lines are kept for an error. */
export function startChild(
  { command, args = [], env = {}, cwd = '.' }: Command,
  options: ChildOptions,
  more: Record<string, string> = {},
): { child: ChildProcess; lastWords(): string } {
  const child = spawn(command, args, {
    cwd: resolve(options.projectDir, cwd),
    env: { ...inherited(), ...env, ...more },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.stdin.on('error', () => {})
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => {
    const text = chunk.toString()
    words = (words + text).slice(-1000)
    for (const line of text.split('\n')) if (line.trim() !== '') options.log(line.slice(0, 2000))
  })
  return { child, lastWords: () => words.trim().split('\n').slice(-3).join(' | ') }
}

/** Under Lambda and AgentCore Runtime the variables that are set are the server's own, its role's credentials among them. */
function inherited(): Record<string, string> {
  const own =
    process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined || process.env.FAIRLEAD_PLATFORM === 'agentcore-runtime'
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name, value]) => value !== undefined && (passed.includes(name) || (own && !notForCommands.has(name))),
    ),
  ) as Record<string, string>
}

/** Says that a command could not be started, or ended. */
export function childError(
  command: string,
  error: NodeJS.ErrnoException | { code: number | null; signal: string | null; lastWords: string },
): FairleadError {
  if (error instanceof Error)
    return new FairleadError('COMMAND_NOT_FOUND', `${command} cannot be started: ${error.code ?? error.message}`)
  const how = error.signal ? `signal ${error.signal}` : `exit code ${error.code}`
  return new FairleadError(
    'COMMAND_ENDED',
    `${command} ended with ${how}`,
    error.lastWords ? { why: `It said: ${error.lastWords}` } : {},
  )
}
