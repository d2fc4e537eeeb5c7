import { FairleadError } from '../errors.ts'
import type { StdioCommandOptions } from './stdio-command.ts'
import { StdioProcess, type ForwardedRequest, type ServerSurface } from './stdio-process.ts'
import type { Command } from '../config.ts'

const maxQueue = 1000
const startTimeoutMs = 9000

/** Keeps processes of a stdio server warm, and gives each request one of them for itself. */
export class StdioPool {
  readonly #options: StdioCommandOptions & { command: Command }
  readonly #max: number
  readonly #idle: StdioProcess[] = []
  readonly #waiting: ((process: Promise<StdioProcess>) => void)[] = []
  #started = 0
  #closed = false
  readonly #all = new Set<StdioProcess>()

  constructor(options: StdioCommandOptions & { command: Command }) {
    this.#options = options
    this.#max = options.maxProcesses ?? 4
  }

  /** Starts the first process and says what its server can do. */
  async warm(): Promise<ServerSurface> {
    const process = await this.#take()
    this.#release(process)
    return process.surface
  }

  async request(request: ForwardedRequest): Promise<unknown> {
    const process = await this.#take()
    try {
      return await process.request(request)
    } finally {
      this.#release(process)
    }
  }

  close(): void {
    this.#closed = true
    for (const process of this.#all) process.kill('fairlead stops')
  }

  async #take(): Promise<StdioProcess> {
    for (let process = this.#idle.pop(); process; process = this.#idle.pop()) {
      if (process.alive) return process
      this.#forget(process)
    }
    if (this.#started < this.#max) return this.#start()
    if (this.#waiting.length >= maxQueue)
      throw new FairleadError('COMMAND_ENDED', 'The server has more requests waiting than it takes', {
        why: 'All its processes are busy.',
        fix: 'Call again later.',
      })
    return new Promise((resolve) => this.#waiting.push((process) => resolve(process)))
  }

  /** A process that ends before it is up is started once more. */
  async #start(): Promise<StdioProcess> {
    this.#started++
    for (const lastTry of [false, true]) {
      const process = new StdioProcess({ ...this.#options, startTimeoutMs })
      this.#all.add(process)
      try {
        await process.start()
        return process
      } catch (error) {
        this.#all.delete(process)
        const hopeless = error instanceof FairleadError && error.code !== 'COMMAND_ENDED'
        if (!lastTry && !hopeless && !this.#closed) continue
        this.#started--
        this.#waiting.shift()?.(this.#take())
        throw error
      }
    }
    throw new Error('unreachable')
  }

  #release(process: StdioProcess): void {
    if (!process.alive) this.#forget(process)
    const next = this.#waiting.shift()
    if (next) next(process.alive ? Promise.resolve(process) : this.#take())
    else if (process.alive) this.#idle.push(process)
  }

  #forget(process: StdioProcess): void {
    if (this.#all.delete(process)) this.#started--
  }
}
