import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Call, type Invocation } from './invocation.ts'
import { startRuntimeApi, type RuntimeApi } from './runtime-api.ts'
import type { Watchdog } from './watchdog.ts'

export interface EnvironmentOptions {
  /** The program and its arguments: a Node and the runtime client. */
  command: readonly string[]
  env: Record<string, string>
  functionArn: string
  memoryMb: number
  timeoutS: number
  /** 10 s on Lambda. @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
  initTimeoutMs: number
  log: (line: string) => void
  watchdog: Watchdog
  /** The environment has ended, and takes no more calls. */
  onEnd: (environment: Environment) => void
}

export interface InitFailure {
  errorType: string
  errorMessage: string
}

type State = 'init' | 'idle' | 'busy' | 'ended'

/** One execution environment: a process that takes one call at a time, and is frozen between calls. */
export class Environment {
  state: State = 'init'
  /** Started for a call that waits for it: no other call may take it. */
  claimed = false
  /** The answer of its call is out, and it is about to ask for the next one. */
  finishing = false
  /** When it became idle, for whom to stop first. */
  idleSince = 0
  readonly ready: Promise<InitFailure | undefined>
  readonly #options: EnvironmentOptions
  #api!: RuntimeApi
  #child!: ChildProcess
  #call: Call | undefined
  #timer: NodeJS.Timeout | undefined
  #memory: NodeJS.Timeout | undefined
  #frozen = false
  #settleInit!: (failure: InitFailure | undefined) => void
  readonly #gone: Promise<void>
  #markGone!: () => void
  #waiting: (() => void)[] = []

  constructor(options: EnvironmentOptions) {
    this.#options = options
    this.ready = new Promise((resolve) => (this.#settleInit = resolve))
    this.#gone = new Promise((resolve) => (this.#markGone = resolve))
  }

  async start(): Promise<InitFailure | undefined> {
    this.#api = await startRuntimeApi({
      onNext: () => this.#onNext(),
      onInitError: (errorType, payload) => this.#initFailed(failureOf(errorType, payload)),
    })
    const [program, ...args] = this.#options.command as [string, ...string[]]
    // A process group of its own, so that its children freeze and end with it.
    this.#child = spawn(program, args, {
      env: { ...this.#options.env, AWS_LAMBDA_RUNTIME_API: this.#api.address },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    })
    if (this.#child.pid) this.#options.watchdog.add(this.#child.pid)
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.#options.log(`  ${line.slice(0, 4000)}`))
    this.#child.on('exit', (code, signal) => this.#onExit(code, signal))
    this.#child.on('error', (error) =>
      this.#initFailed({ errorType: 'Runtime.ExitError', errorMessage: error.message }),
    )
    const { initTimeoutMs } = this.#options
    this.#timer = setTimeout(
      () =>
        this.#initFailed({
          errorType: 'Sandbox.Timedout',
          errorMessage: `the function did not start within ${initTimeoutMs / 1000} s`,
        }),
      initTimeoutMs,
    )
    return this.ready
  }

  /** Runs one call. The environment must be idle. The outcome comes with the first byte of a stream. */
  async run(work: { requestId: string; payload: Uint8Array; clientContext?: string }): Promise<Invocation> {
    const { timeoutS, functionArn } = this.#options
    const call = new Call(work.requestId)
    this.state = 'busy'
    this.claimed = false
    this.#call = call
    this.#thaw()
    const started = performance.now()
    this.#options.log(`START RequestId: ${work.requestId}`)
    this.#timer = setTimeout(
      () => this.#endBy('Sandbox.Timedout', `Task timed out after ${timeoutS.toFixed(2)} seconds`),
      timeoutS * 1000,
    )
    this.#watchMemory()
    this.#api.give({ ...work, deadlineMs: Date.now() + timeoutS * 1000, invokedFunctionArn: functionArn, answer: call })
    void call.ended.then(() => {
      clearTimeout(this.#timer)
      this.finishing = this.#call === call && this.state === 'busy'
      this.#options.log(`END RequestId: ${work.requestId}  Duration: ${(performance.now() - started).toFixed(2)} ms`)
    })
    return call.outcome
  }

  /** Resolves when it is idle, or has ended. */
  async settled(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #settle(): void {
    this.finishing = false
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Ends it: what is in flight fails. */
  async close(): Promise<void> {
    if (this.state !== 'ended') this.#endBy('Runtime.ExitError', 'the function was stopped')
    await this.#gone
  }

  #onNext(): void {
    if (this.state === 'ended') return
    clearInterval(this.#memory)
    if (this.state === 'init') {
      clearTimeout(this.#timer)
      this.#settleInit(undefined)
    }
    this.#call = undefined
    this.state = 'idle'
    this.idleSince = performance.now()
    this.#freeze()
    this.onIdle?.()
    this.#settle()
  }

  /** Called each time it has become idle. */
  onIdle: (() => void) | undefined

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal ? `signal: ${signal === 'SIGKILL' ? 'killed' : signal}` : `exit status ${code}`
    if (this.#child.pid) {
      this.#kill()
      this.#options.watchdog.remove(this.#child.pid)
    }
    // V8 aborts when its heap is full.
    const full = signal === 'SIGABRT' ? 'Runtime.OutOfMemory' : 'Runtime.ExitError'
    if (this.state === 'init') this.#settleInit({ errorType: full, errorMessage: `Runtime exited with error: ${how}` })
    this.#call?.fail(full, `Runtime exited with error: ${how}`)
    this.#ended()
    this.#markGone()
  }

  #initFailed(failure: InitFailure): void {
    if (this.state !== 'init') return
    this.#settleInit(failure)
    this.#endBy(failure.errorType, failure.errorMessage)
    if (!this.#child.pid) this.#markGone()
  }

  #endBy(errorType: string, message: string): void {
    this.#call?.fail(errorType, message)
    this.#ended()
    this.#kill()
  }

  #ended(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#memory)
    if (this.state === 'ended') return
    this.state = 'ended'
    this.#api.close()
    this.#options.onEnd(this)
    this.#settle()
  }

  #freeze(): void {
    this.#frozen = this.#signal('SIGSTOP')
  }

  #thaw(): void {
    if (this.#frozen) this.#signal('SIGCONT')
    this.#frozen = false
  }

  #kill(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): boolean {
    const { pid } = this.#child
    if (!pid) return false
    if (process.platform === 'win32') return signal === 'SIGKILL' && this.#child.kill()
    try {
      process.kill(-pid, signal)
      return true
    } catch {
      return false
    }
  }

  /** Lambda kills a function that outgrows its memory. What the whole process holds is looked at, where the system tells it. */
  #watchMemory(): void {
    if (process.platform !== 'linux') return
    const limit = this.#options.memoryMb * 1024 * 1024
    this.#memory = setInterval(() => {
      void readFile(`/proc/${this.#child.pid}/statm`, 'utf8').then(
        (text) =>
          Number(text.split(' ')[1]) * 4096 > limit &&
          this.#endBy('Runtime.OutOfMemory', 'Runtime exited with error: signal: killed'),
        () => {},
      )
    }, 100)
  }
}

function failureOf(errorType: string, payload: Buffer): InitFailure {
  try {
    const said = JSON.parse(payload.toString()) as Partial<InitFailure>
    return { errorType: said.errorType ?? errorType, errorMessage: said.errorMessage ?? '' }
  } catch {
    return { errorType, errorMessage: '' }
  }
}
