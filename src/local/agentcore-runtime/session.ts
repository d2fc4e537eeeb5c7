import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { runtimeLimits } from '../../aws/agentcore-runtime.ts'
import { Task } from '../fargate/task.ts'
import type { Watchdog } from '../lambda/watchdog.ts'

export interface SessionOptions {
  artifactDir: string
  /** Its own, with mode 0700: made at its start, removed at its end. */
  folder: string
  env: Record<string, string>
  idleMs: number
  lifetimeMs: number
  startTimeoutMs: number
  log: (line: string) => void
  watchdog: Watchdog
  onEnd: (session: Session) => void
}

/** One session: a process of its own that runs the artifact, with its own environment, memory and folders. */
export class Session {
  state: 'starting' | 'ready' | 'ending' | 'ended' = 'starting'
  id = ''
  /** Nobody will come back to it: it ends with its answer. */
  once = false
  /** Its code is old: it ends when its calls have. */
  retired = false
  inFlight = 0
  port = 0
  /** Stands in for the workload access token that AgentCore Identity would give. */
  readonly identity = `local-${randomBytes(24).toString('base64url')}`
  /** Keeps connections to the server open between calls. */
  readonly agent = new Agent({ keepAlive: true })
  /** Resolves when its process has gone and its folder too. */
  readonly gone: Promise<void>
  readonly #options: SessionOptions
  readonly #task: Task
  readonly #lifetime: NodeJS.Timeout
  #idle: NodeJS.Timeout | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    const [work, tmp] = ['work', 'tmp'].map((name) => join(options.folder, name)) as [string, string]
    mkdirSync(options.folder, { mode: 0o700 })
    for (const folder of [work, tmp]) mkdirSync(folder, { mode: 0o700 })
    this.#task = new Task({
      node: process.execPath,
      artifactDir: options.artifactDir,
      cwd: work,
      env: { ...options.env, HOME: work, TMPDIR: tmp, FAIRLEAD_SESSION_TOKEN: this.identity },
      memoryMb: runtimeLimits.memoryMb,
      log: options.log,
      watchdog: options.watchdog,
      stopTimeoutS: 0,
      startTimeoutMs: options.startTimeoutMs,
    })
    this.#lifetime = setTimeout(() => void this.end(), options.lifetimeMs).unref()
    this.gone = this.#task.ended.then(() => this.#onEnd())
  }

  get pid(): number | undefined {
    return this.#task.pid
  }

  get artifactDir(): string {
    return this.#options.artifactDir
  }

  /** Waits until its server listens, which may be so already. Throws SERVER_SILENT, SERVER_THROWS. */
  async start(): Promise<void> {
    this.port ||= await this.#task.listening()
    if (this.state === 'starting') this.state = 'ready'
  }

  /** A call begins: while it lasts the session is not idle. Returns the way to say that it has ended. */
  begin(): () => void {
    clearTimeout(this.#idle)
    this.inFlight++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      if (--this.inFlight === 0) this.#rest()
    }
  }

  /** Kills its process; what is in flight fails. */
  async end(): Promise<void> {
    if (this.state === 'starting' || this.state === 'ready') this.state = 'ending'
    this.#task.kill()
    await this.gone
  }

  /** Ends it when its calls have. */
  retire(): void {
    this.retired = true
    if (this.inFlight === 0 && this.state === 'ready') void this.end()
  }

  #rest(): void {
    if (this.state !== 'ready') return
    if (this.once || this.retired) return void this.end()
    this.#idle = setTimeout(() => void this.end(), this.#options.idleMs).unref()
  }

  async #onEnd(): Promise<void> {
    if (this.state !== 'ended') this.state = 'ending'
    clearTimeout(this.#idle)
    clearTimeout(this.#lifetime)
    this.agent.destroy()
    // What its server had started may still be writing for a moment.
    await rm(this.#options.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
    this.state = 'ended'
    this.#options.onEnd(this)
  }
}
