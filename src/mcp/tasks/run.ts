import { setTimeout as delay } from 'node:timers/promises'
import { isInputRequiredResult, ProtocolError, type ServerContext } from '@modelcontextprotocol/server'
import type { LogEntry } from '../tool-guard.ts'
import type { RunningHere } from './methods.ts'
import type { Places } from './places.ts'
import { Questions } from './questions.ts'
import type { Ending, TaskStore } from './store.ts'
import { taskContext, type TaskContext } from './task-context.ts'
import { clientCapabilities, type InputRequest, type InputResponse, type TaskError, type TaskRecord } from './task.ts'

/** Runs the tool, as often as it asks for input by its result. */
export type Call = (context: ServerContext) => Promise<unknown>

export interface RunOptions {
  store: TaskStore
  principal: string
  places: Places
  /** What answers sooner than this, answers without a task. */
  soonMs: number
  /** Between two signs of life. */
  renewMs: number
  /** Between two looks for answers. */
  lookMs: number
  /** For a tool without a limit of its own. */
  timeoutMs: number
  log?: ((entry: LogEntry) => void) | undefined
}

const maxRounds = 100
const internalError = -32603

/** One call of a tool that may become a task. */
export class TaskRun implements RunningHere {
  readonly #options: RunOptions
  readonly #call: Call
  readonly #request: ServerContext
  readonly #stopped = new AbortController()
  readonly #questions: Questions
  readonly #context: TaskContext
  #task: TaskRecord | undefined
  #creating: Promise<TaskRecord | undefined> | undefined
  /** Ends the time in which the tool may answer without a task. */
  #soonIsOver: () => void = () => {}
  #said: string | undefined
  #failed: TaskError | undefined
  #timer: NodeJS.Timeout | undefined
  #renewAt = 0
  #looking = false

  constructor(call: Call, request: ServerContext, options: RunOptions) {
    this.#call = call
    this.#request = request
    this.#options = options
    const { store, principal, timeoutMs } = options
    const { signal } = this.#stopped
    const capabilities = clientCapabilities(request.mcpReq.envelope)
    this.#questions = new Questions({ store, principal, signal, capabilities })
    this.#context = {
      signal,
      timeoutMs,
      isTask: () => this.#task !== undefined,
      failed: (error) => {
        this.#failed = error
      },
      progressed: (message) => {
        this.#said = message
      },
      ask: async (requests) => this.#ask(requests),
    }
  }

  /**
   * Gives the tool's own answer when it comes soon, and the task otherwise; `made` is told of it before its id is given
   * away. With as many tasks as there may be, the answer waits for the tool, as for a client without the extension.
   */
  async answer(
    made: (task: TaskRecord, ended: Promise<void>) => void,
  ): Promise<{ task: TaskRecord } | { result: unknown }> {
    const gone = () => this.stop(new Error('The client went away'))
    const { signal } = this.#request.mcpReq
    signal.addEventListener('abort', gone, { once: true })
    const soonIsOver = this.#soon()
    const done = this.#call(taskContext(this.#request, this.#context))
    try {
      const soon = await Promise.race([done.then((result) => ({ result })), soonIsOver])
      if (soon) {
        this.#creating = this.#creating ? this.#drop(this.#creating) : Promise.resolve(undefined)
        return soon
      }
      const task = await this.#become()
      if (!task) return { result: await done }
      made(task, this.#finish(done, task))
      this.#renewAt = Date.now() + this.#options.renewMs
      this.#schedule()
      return { task }
    } finally {
      this.#soonIsOver()
      signal.removeEventListener('abort', gone)
      if (signal.aborted) gone()
    }
  }

  stop(reason: Error): void {
    this.#stopped.abort(reason)
  }

  look(): void {
    if (this.#looking) return
    this.#looking = true
    void this.#tick().finally(() => {
      this.#looking = false
    })
  }

  async #soon(): Promise<undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), this.#options.soonMs)
      this.#soonIsOver = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }

  /** Undefined: there may be no more tasks, or the table does not answer. */
  async #become(): Promise<TaskRecord | undefined> {
    this.#creating ??= this.#create()
    this.#task = await this.#creating
    return this.#task
  }

  async #create(): Promise<TaskRecord | undefined> {
    const { store, principal, places } = this.#options
    if (!places.take(principal)) return undefined
    const task = await store.create(principal).catch((cause: unknown) => this.#log('A task cannot be kept', cause))
    if (!task) places.leave(principal)
    return task
  }

  async #end(taskId: string, ending: Ending): Promise<void> {
    const { store, principal, places } = this.#options
    await store
      .end(principal, taskId, ending)
      .catch((cause: unknown) => this.#log('The end of a task cannot be written', cause))
    places.leave(principal)
  }

  /** The tool asked and answered without waiting: nobody knows of the task. */
  async #drop(creating: Promise<TaskRecord | undefined>): Promise<undefined> {
    const task = await creating
    if (task) await this.#end(task.taskId, { status: 'cancelled' })
  }

  async #ask(requests: Record<string, InputRequest>): Promise<Record<string, InputResponse>> {
    this.#questions.check(requests)
    this.#soonIsOver()
    const task = await this.#become()
    if (!task)
      throw new Error('The client cannot be asked: the call is answered, or there are as many tasks as there may be')
    const answers = this.#questions.ask(task.taskId, requests)
    if (this.#timer) this.#schedule()
    return answers
  }

  /** Waits for the tool and writes how it ended; what a task that has ended elsewhere gives is dropped. */
  async #finish(first: Promise<unknown>, { taskId }: TaskRecord): Promise<void> {
    const ending = await Promise.race([this.#settle(first), this.#untilStopped()]).then(
      (result): Ending => (this.#failed ? { status: 'failed', error: this.#failed } : { status: 'completed', result }),
      (thrown: unknown): Ending => ({ status: 'failed', error: this.#errorOf(thrown) }),
    )
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#end(taskId, ending)
  }

  /** A result that asks for input is asked through the task, and the tool is run again with the answers. */
  async #settle(first: Promise<unknown>): Promise<unknown> {
    let result = await first
    for (let round = 0; isInputRequiredResult(result); round++) {
      if (round >= maxRounds) throw new Error(`The tool asked for input more than ${maxRounds} times`)
      const { inputRequests = {}, requestState } = result
      const { signal } = this.#stopped
      const inputResponses =
        Object.keys(inputRequests).length > 0
          ? await this.#ask(inputRequests as Record<string, InputRequest>)
          : await delay(this.#options.lookMs, {}, { signal })
      const again = { inputResponses, requestState: () => requestState }
      result = await this.#call(taskContext(this.#request, this.#context, again))
    }
    return result
  }

  async #untilStopped(): Promise<never> {
    const { signal } = this.#stopped
    return new Promise((_resolve, reject) => {
      const stop = () => reject(signal.reason as Error)
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const untilRenewal = Math.max(0, this.#renewAt - Date.now())
    const wait = this.#questions.open ? Math.min(this.#options.lookMs, untilRenewal) : untilRenewal
    this.#timer = setTimeout(() => this.look(), wait).unref()
  }

  async #tick(): Promise<void> {
    const { store, principal, renewMs } = this.#options
    const { taskId } = this.#task!
    try {
      if (Date.now() >= this.#renewAt) {
        this.#renewAt = Date.now() + renewMs
        if (!(await store.renew(principal, taskId, this.#said))) this.stop(new Error('The task has ended'))
      }
      if (this.#questions.open) await this.#questions.take(taskId)
    } catch (cause) {
      this.#log('The sign of life of a task cannot be written', cause)
    }
    if (this.#timer && !this.#stopped.signal.aborted) this.#schedule()
  }

  /** A server that is not the SDK's McpServer answers for its own protocol errors. Of others the client sees nothing. */
  #errorOf(thrown: unknown): TaskError {
    if (thrown === this.#stopped.signal.reason) return { code: internalError, message: (thrown as Error).message }
    if (thrown instanceof ProtocolError) return { code: thrown.code, message: thrown.message }
    this.#log('A task failed', thrown)
    return { code: internalError, message: 'The tool failed' }
  }

  #log(message: string, cause: unknown): undefined {
    this.#options.log?.({ level: 'error', message, cause })
    return undefined
  }
}
