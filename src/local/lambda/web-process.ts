import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { accepts, freePort } from '../../http/local-port.ts'
import { FairleadError } from '../../errors.ts'
import { initError } from './function.ts'
import type { Watchdog } from './watchdog.ts'

export interface WebProcessOptions {
  /** The folder of the zip, and the file in it that the adapter's wrapper starts: the handler. */
  artifactDir: string
  handler: string
  env: Record<string, string>
  initTimeoutMs: number
  log: (line: string) => void
  watchdog: Watchdog
}

/** A server, and the port at which the adapter calls it. */
export interface WebProcess {
  port: number
  running(): boolean
  /** How it has ended, in Lambda's words. */
  ended: Promise<string>
  kill(): void
}

/**
 * Starts what the wrapper of the Lambda Web Adapter starts, and waits until it can be called. The port of the adapter is one that
 * is free; that of the server is the template's own. Throws PORT_IN_USE, SERVER_SILENT, SERVER_THROWS.
 */
export async function startWebProcess(options: WebProcessOptions): Promise<WebProcess> {
  const { artifactDir, handler, env, initTimeoutMs, log, watchdog } = options
  const own = Number(env.PORT)
  if (own > 0 && own < 65_536 && (await accepts(own)))
    throw new FairleadError('PORT_IN_USE', `Port ${own} on 127.0.0.1 is taken`, {
      fix: 'Stop what listens there: the template gives that port to the server, in PORT.',
    })
  const port = await freePort()
  const child = spawn(join(artifactDir, handler), {
    // Without it, what the adapter calls is the server's own port.
    env: env.AWS_LWA_PORT === undefined ? env : { ...env, AWS_LWA_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  if (child.pid) watchdog.add(child.pid)
  let words = ''
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => log(`  ${(words = line.slice(0, 4000))}`))
  const closed = once(child, 'close').catch(() => {})
  const ended = endOf(child).finally(() => {
    // Whoever it has started goes with it.
    kill(child)
    if (child.pid) watchdog.remove(child.pid)
  })
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined
  const until = performance.now() + initTimeoutMs
  while (running() && !(await accepts(port))) {
    if (performance.now() > until) {
      kill(child)
      throw initError({ errorType: 'Sandbox.Timedout', errorMessage: '' })
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  if (!running()) {
    const how = await ended
    await closed
    throw failure(words.trim() || how)
  }
  return { port, running, ended, kill: () => kill(child) }
}

/** What pip brought for Lambda may be no code for this machine. */
function failure(said: string): FairleadError {
  const error = initError({ errorType: 'Runtime.ExitError', errorMessage: said })
  if (!/^(?:ModuleNotFound|Import)Error\b/.test(said)) return error
  return new FairleadError('SERVER_THROWS', error.message, {
    why: 'It is not in what is deployed, or it is for another machine or Python than these: Lambda has Linux on arm64.',
    fix: 'To run it here, install it for this machine and synthesize again: pip install -r requirements.txt --target package. Install it for Lambda again before you deploy.',
  })
}

async function endOf(child: ChildProcess): Promise<string> {
  const [code, signal] = await (once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>).catch(
    (error: unknown) => [(error as Error).message, null] as const,
  )
  return `Runtime exited with error: ${signal ? `signal: ${signal}` : `exit status ${code}`}`
}

function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // it has gone already
  }
}
