import { setTimeout as delay } from 'node:timers/promises'
import {
  isInputRequiredResult,
  ProtocolError,
  type ElicitInputParams,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { asTask } from '../tool-guard.ts'
import type { LogEntry } from '../tool-guard.ts'
import { checkRequests } from './input.ts'
import type { RunningHere } from './methods.ts'
import type { TaskStore } from './store.ts'
import { clientCapabilities, type InputRequest, type InputResponse, type TaskError, type TaskRecord } from './task.ts'

/** Runs the tool, as often as it asks for input by its result. */
export type Call = (context: ServerContext) => Promise<unknown>

export interface RunOptions {
  store: TaskStore
  principal: string
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
const maxMessage = 500

/** One call of a tool that may become a task. */
export class TaskRun implements RunningHere {
  readonly #options: RunOptions
  readonly #call: Call
  readonly #request: ServerContext
  readonly #stopped = new AbortController()
  readonly #waiting = new Map<string, (response: InputResponse) => void>()
  #task: TaskRecord | undefined
  #creating: Promise<TaskRecord | undefined> | undefined
  #wanted: () => void = () => {}
  #asked = 0
  #said: string | undefined
  #failed: TaskError | undefined
  #timer: NodeJS.Timeout | undefined
  #renewAt = 0
  #looking: Promise<void> | undefined

  constructor(call: Call, request: ServerContext, options: RunOptions) {
    this.#call = call
    this.#request = request
    this.#options = options
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
    if (signal.aborted) gone()
    const soonOver = this.#soonOver()
    const done = this.#call(this.#context())
    try {
      const soon = await Promise.race([done.then((result) => ({ result })), soonOver])
      if (soon) return soon
      const task = await this.#become()
      if (!task) return { result: await done }
      made(task, this.#finish(done, task))
      this.#renewAt = Date.now() + this.#options.renewMs
      this.#schedule()
      return { task }
    } finally {
      this.#wanted()
      signal.removeEventListener('abort', gone)
      if (signal.aborted) gone()
    }
  }

  stop(reason: Error): void {
    this.#stopped.abort(reason)
  }

  look(): void {
    this.#looking ??= this.#tick().finally(() => {
      this.#looking = undefined
    })
  }

  async #soonOver(): Promise<undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), this.#options.soonMs)
      this.#wanted = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }

  /** Undefined: there may be no more tasks, or the table does not answer. */
  async #become(): Promise<TaskRecord | undefined> {
    const { store, principal } = this.#options
    this.#creating ??= store.create(principal).catch((cause: unknown) => this.#log('A task cannot be kept', cause))
    this.#task = await this.#creating
    return this.#task
  }

  /** What the tool sees: it is stopped by the task alone, and can ask its client. */
  #context(more: object = {}): ServerContext {
    const { mcpReq } = this.#request
    const before = <T>(send: (...given: never[]) => Promise<T>) =>
      ((...given: never[]) => (this.#task ? Promise.resolve() : send(...given))) as never
    return {
      ...this.#request,
      [asTask]: {
        timeoutMs: this.#options.timeoutMs,
        failed: (error: TaskError) => {
          this.#failed = error
        },
      },
      mcpReq: {
        ...mcpReq,
        ...more,
        signal: this.#stopped.signal,
        log: before(mcpReq.log),
        notify: async (notification) => {
          if (notification.method === 'notifications/progress') this.#said = progressOf(notification.params)
          if (!this.#task) await mcpReq.notify(notification)
        },
        elicitInput: (async (params: ElicitInputParams) =>
          this.#askOne('elicitation/create', { mode: 'form', ...params })) as never,
        requestSampling: (async (params: Record<string, unknown>) =>
          this.#askOne('sampling/createMessage', params)) as never,
      },
    } as ServerContext
  }

  async #askOne(method: string, params: object): Promise<InputResponse> {
    const { only } = await this.#ask({ only: { method, params: params as Record<string, unknown> } })
    return only!
  }

  /** Asks the client through the task, each time under keys of its own. */
  async #ask(requests: Record<string, InputRequest>): Promise<Record<string, InputResponse>> {
    if (Object.keys(requests).length === 0) return {}
    checkRequests(requests, clientCapabilities(this.#request.mcpReq.envelope))
    this.#wanted()
    const task = await this.#become()
    if (!task) throw new Error('The client cannot be asked: there are as many tasks as there may be')
    const keys = Object.keys(requests).map((name) => [name, `${name}-${++this.#asked}`] as const)
    const { signal } = this.#stopped
    const answers = keys.map(
      ([name, key]) =>
        new Promise<[string, InputResponse]>((resolve, reject) => {
          this.#waiting.set(key, (response) => resolve([name, response]))
          if (signal.aborted) reject(signal.reason as Error)
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        }),
    )
    const answered = Promise.all(answers)
    answered.catch(() => {})
    const asked = Object.fromEntries(keys.map(([name, key]) => [key, requests[name]!]))
    if (!(await this.#options.store.ask(this.#options.principal, task.taskId, asked)))
      this.stop(new Error('The task has ended'))
    if (this.#timer) this.#schedule()
    return Object.fromEntries(await answered)
  }

  /** Waits for the tool and writes how it ended; what a task that has ended elsewhere gives is dropped. */
  async #finish(first: Promise<unknown>, { taskId }: TaskRecord): Promise<void> {
    const { store, principal } = this.#options
    const ending = await Promise.race([this.#settle(first), this.#stop()]).then(
      (result) =>
        this.#failed ? { status: 'failed' as const, error: this.#failed } : { status: 'completed' as const, result },
      (thrown: unknown) => ({ status: 'failed' as const, error: this.#errorOf(thrown) }),
    )
    clearTimeout(this.#timer)
    this.#timer = undefined
    await store
      .end(principal, taskId, ending)
      .catch((cause: unknown) => this.#log('The end of a task cannot be written', cause))
  }

  async #stop(): Promise<never> {
    const { signal } = this.#stopped
    return new Promise((_resolve, reject) => {
      const stop = () => reject(signal.reason as Error)
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** A result that asks for input is asked through the task, and the tool is run again with the answers. */
  async #settle(first: Promise<unknown>): Promise<unknown> {
    let result = await first
    for (let round = 0; isInputRequiredResult(result); round++) {
      if (round >= maxRounds) throw new Error(`The tool asked for input more than ${maxRounds} times`)
      const { inputRequests = {}, requestState } = result
      if (Object.keys(inputRequests).length === 0)
        await delay(this.#options.lookMs, undefined, { signal: this.#stopped.signal })
      const inputResponses = await this.#ask(inputRequests as Record<string, InputRequest>)
      result = await this.#call(this.#context({ inputResponses, requestState: () => requestState }))
    }
    return result
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const untilRenewal = Math.max(0, this.#renewAt - Date.now())
    const wait = this.#waiting.size > 0 ? Math.min(this.#options.lookMs, untilRenewal) : untilRenewal
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
      if (this.#waiting.size > 0)
        for (const [key, response] of Object.entries(await store.takeResponses(principal, taskId))) {
          this.#waiting.get(key)?.(response)
          this.#waiting.delete(key)
        }
    } catch (cause) {
      this.#log('The sign of life of a task cannot be written', cause)
    }
    if (this.#timer && !this.#stopped.signal.aborted) this.#schedule()
  }

  /** A server that is not the SDK's McpServer answers for its own protocol errors. Of others the client sees nothing. */
  #errorOf(thrown: unknown): TaskError {
    if (thrown === this.#stopped.signal.reason) return { code: -32603, message: (thrown as Error).message }
    if (thrown instanceof ProtocolError) return { code: thrown.code, message: thrown.message }
    this.#log('A task failed', thrown)
    return { code: -32603, message: 'The tool failed' }
  }

  #log(message: string, cause: unknown): undefined {
    this.#options.log?.({ level: 'error', message, cause, principal: this.#options.principal })
    return undefined
  }
}

function progressOf({ message, progress, total }: Record<string, unknown> = {}): string | undefined {
  if (typeof message === 'string') return message.slice(0, maxMessage)
  if (typeof progress !== 'number') return undefined
  return typeof total === 'number' ? `${progress} of ${total}` : String(progress)
}
