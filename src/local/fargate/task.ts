import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FairleadError } from '../../errors.ts'
import type { Watchdog } from '../lambda/watchdog.ts'

export interface TaskOptions {
  /** The Node that the image has. */
  node: string
  artifactDir: string
  /** Where it runs; the artifact's folder by default. */
  cwd?: string
  env: Record<string, string>
  memoryMb: number
  log: (line: string) => void
  watchdog: Watchdog
  /** Seconds after SIGTERM; ECS's `stopTimeout`. */
  stopTimeoutS: number
  startTimeoutMs: number
}

/** One task: a process that runs the artifact, as ECS runs its container. */
export class Task {
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<string>
  readonly #options: TaskOptions
  readonly #child: ChildProcess
  readonly #memory: NodeJS.Timeout
  #lastWords = ''

  constructor(options: TaskOptions) {
    this.#options = options
    const args = [`--max-old-space-size=${Math.floor(options.memoryMb * 0.75)}`, join(options.artifactDir, 'index.js')]
    this.#child = spawn(options.node, args, {
      cwd: options.cwd ?? options.artifactDir,
      env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C in the terminal reaches us alone, and what it started ends with it.
      detached: process.platform !== 'win32',
    })
    if (this.#child.pid) options.watchdog.add(this.#child.pid)
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message))
      // Its last words have come when its pipes are closed, and not before.
      this.#child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
    })
    this.#child.once('exit', () => this.#onEnd())
    this.#memory = setInterval(() => void this.#watchMemory(), 250).unref()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The port that it listens on, from its first line. Throws SERVER_SILENT, SERVER_THROWS. */
  async listening(): Promise<number> {
    const { log, startTimeoutMs } = this.#options
    const port = new Promise<number>((resolve) => {
      createInterface({ input: this.#child.stdout! }).on('line', (line) => {
        const found = /^\{"listening":"http:\/\/[^:"]+:(\d+)"\}$/.exec(line)?.[1]
        if (found) resolve(Number(found))
        else log(line.slice(0, 4000))
      })
      createInterface({ input: this.#child.stderr! }).on('line', (line) => {
        this.#lastWords = `${this.#lastWords}\n${line}`.slice(-2000)
        log(line.slice(0, 4000))
      })
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new FairleadError('SERVER_SILENT', `The server did not listen within ${startTimeoutMs / 1000} s`)),
        startTimeoutMs,
      )
    })
    const gone = this.ended.then((how) => {
      throw new FairleadError(
        'SERVER_THROWS',
        `The server ended before it listened, with ${how}`,
        whyOf(this.#lastWords),
      )
    })
    try {
      return await Promise.race([port, late, gone])
    } catch (error) {
      this.kill()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** SIGTERM, and SIGKILL when it has not ended in time. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM')
    const timer = setTimeout(() => this.kill(), this.#options.stopTimeoutS * 1000)
    await this.ended
    clearTimeout(timer)
  }

  kill(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    if (!pid) return
    if (process.platform === 'win32' || signal === 'SIGTERM') return void this.#child.kill(signal)
    try {
      process.kill(-pid, signal)
    } catch {
      // It has ended already.
    }
  }

  #onEnd(): void {
    clearInterval(this.#memory)
    // Whatever it started ends with it.
    this.#signal('SIGKILL')
    if (this.#child.pid) this.#options.watchdog.remove(this.#child.pid)
  }

  /** ECS kills a container that outgrows its memory. */
  async #watchMemory(): Promise<void> {
    if (process.platform !== 'linux') return
    const text = await readFile(`/proc/${this.#child.pid}/statm`, 'utf8').catch(() => '')
    if (Number(text.split(' ')[1] ?? 0) * 4096 > this.#options.memoryMb * 1024 * 1024) {
      this.#options.log(`The server outgrew its ${this.#options.memoryMb} MB and was killed (OutOfMemoryError).`)
      this.kill()
    }
  }
}

function whyOf(words: string): { why?: string } {
  const said = words
    .split('\n')
    .map((line) => line.trim())
    .find((line) => /Error|error/.test(line))
  return said ? { why: said.slice(0, 300) } : {}
}
