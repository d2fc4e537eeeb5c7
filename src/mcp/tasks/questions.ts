import { checkRequests } from './input.ts'
import type { TaskStore } from './store.ts'
import type { InputRequest, InputResponse } from './task.ts'

export interface QuestionsOptions {
  store: TaskStore
  principal: string
  /** Whoever waits for an answer waits no longer. */
  signal: AbortSignal
  /** What the client declared. */
  capabilities: Record<string, unknown>
}

/** What a running tool has asked its client through the task, and who waits for the answers. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #waiting = new Map<string, (response: InputResponse) => void>()
  #asked = 0

  constructor(options: QuestionsOptions) {
    this.#options = options
  }

  get open(): boolean {
    return this.#waiting.size > 0
  }

  /** Throws when the client could not answer. */
  check(requests: Record<string, InputRequest>): void {
    checkRequests(requests, this.#options.capabilities)
  }

  /** Asks, each time under keys of their own, and waits. Throws when the task has ended. */
  async ask(taskId: string, requests: Record<string, InputRequest>): Promise<Record<string, InputResponse>> {
    const { store, principal } = this.#options
    const keys = Object.keys(requests).map((name) => [name, `${name}-${++this.#asked}`] as const)
    const answers = Promise.all(keys.map(async ([name, key]) => [name, await this.#answerTo(key)] as const))
    answers.catch(() => {})
    const asked = await store.ask(
      principal,
      taskId,
      Object.fromEntries(keys.map(([name, key]) => [key, requests[name]!])),
    )
    if (!asked) throw new Error('The task has ended')
    return Object.fromEntries(await answers)
  }

  /** Gives the answers that have come to who waits for them. */
  async take(taskId: string): Promise<void> {
    const { store, principal } = this.#options
    for (const [key, response] of Object.entries(await store.takeResponses(principal, taskId))) {
      this.#waiting.get(key)?.(response)
      this.#waiting.delete(key)
    }
  }

  async #answerTo(key: string): Promise<InputResponse> {
    const { signal } = this.#options
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason as Error)
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.set(key, (response) => {
        signal.removeEventListener('abort', stop)
        resolve(response)
      })
    })
  }
}
