import { startWatchdog } from '../lambda/watchdog.ts'
import { Target, type HealthCheck } from './target.ts'
import { Task, type TaskOptions } from './task.ts'

export interface ServiceOptions extends Omit<TaskOptions, 'watchdog'> {
  tasks: number
  healthCheck: HealthCheck
  /** Seconds that a target keeps what is in flight when it is deregistered; 300 on AWS. */
  deregistrationDelayS: number
}

interface Running {
  task: Task
  target: Target
}

/**
 * Keeps a number of tasks running, as an ECS service does: one that ends is replaced, and a new artifact rolls out by
 * starting new tasks, then draining and stopping the old ones.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
 */
export class Service {
  readonly #options: ServiceOptions
  readonly #watchdog = startWatchdog()
  #running: Running[] = []
  #artifactDir: string
  #closing = false
  #failures = 0

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#artifactDir = options.artifactDir
  }

  targets = (): readonly Target[] => this.#running.map(({ target }) => target)

  /** The processes, for tests and faults. */
  pids = (): number[] => this.#running.flatMap(({ task }) => task.pid ?? [])

  async start(): Promise<void> {
    try {
      this.#running = await this.#startAll()
    } catch (error) {
      this.#watchdog.close()
      throw error
    }
  }

  /** Rolls a new artifact out. When its tasks do not come up the old ones go on. */
  async replace(artifactDir: string): Promise<void> {
    const before = this.#artifactDir
    this.#artifactDir = artifactDir
    try {
      const old = this.#running
      this.#running = [...(await this.#startAll()), ...old]
      await Promise.all(old.map((each) => this.#retire(each, this.#options.deregistrationDelayS)))
    } catch (error) {
      this.#artifactDir = before
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#running.map((each) => this.#retire(each, 0)))
    this.#watchdog.close()
  }

  /** All of them, or none. */
  async #startAll(): Promise<Running[]> {
    const outcomes = await Promise.allSettled(Array.from({ length: this.#options.tasks }, () => this.#startOne()))
    const failed = outcomes.find((each) => each.status === 'rejected')
    const good = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    if (!failed) return good
    for (const { task } of good) task.kill()
    throw failed.reason
  }

  async #startOne(): Promise<Running> {
    const task = new Task({ ...this.#options, artifactDir: this.#artifactDir, watchdog: this.#watchdog })
    const target = new Target(await task.listening(), this.#options.healthCheck)
    const running = { task, target }
    await target.register()
    void task.ended.then((how) => this.#onEnd(running, how))
    return running
  }

  /** A task that ended by itself is replaced, later each time that it happens in a row. */
  #onEnd(running: Running, how: string): void {
    if (running.target.state === 'draining' || this.#closing) return
    void running.target.deregister(0)
    this.#running = this.#running.filter((each) => each !== running)
    this.#options.log(`A task ended with ${how}; another is started.`)
    this.#replaceLost()
  }

  #replaceLost(): void {
    const wait = Math.min(30_000, this.#failures ** 2 * 250)
    setTimeout(() => {
      if (this.#closing || this.#running.length >= this.#options.tasks) return
      this.#startOne().then(
        (started) => {
          this.#failures = 0
          if (this.#closing) started.task.kill()
          else this.#running.push(started)
        },
        (error: Error) => {
          this.#failures++
          this.#options.log(`A task did not come up: ${error.message}`)
          this.#replaceLost()
        },
      )
    }, wait).unref()
  }

  async #retire({ task, target }: Running, delayS: number): Promise<void> {
    await target.deregister(delayS * 1000)
    await task.stop()
    this.#running = this.#running.filter((each) => each.target !== target)
  }
}
