import { randomUUID } from 'node:crypto'

/** Where a target stands with its load balancer. @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html */
export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'draining'

export interface HealthCheck {
  path: string
  intervalMs: number
  /** How many in a row make it healthy again, and how many unhealthy. */
  healthyCount: number
  unhealthyCount: number
}

/** A task as the load balancer knows it: an address, a state, and what is in flight. */
export class Target {
  readonly id = randomUUID()
  readonly port: number
  state: TargetState = 'initial'
  inFlight = 0
  readonly #check: HealthCheck
  #timer: NodeJS.Timeout | undefined
  #streak = 0
  #idle: (() => void)[] = []

  constructor(port: number, check: HealthCheck) {
    this.port = port
    this.#check = check
  }

  /** Asks for its health once, and then at every interval until it is deregistered. The first good answer is enough. */
  async register(): Promise<void> {
    this.#note(await this.#probe())
    if (this.state !== 'draining') this.#timer = setTimeout(() => void this.register(), this.#check.intervalMs).unref()
  }

  /** Gets no new requests; resolves when what is in flight has ended, or after the delay. */
  async deregister(delayMs: number): Promise<void> {
    this.state = 'draining'
    clearTimeout(this.#timer)
    if (this.inFlight === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, delayMs)))
    await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), late])
    clearTimeout(timer)
  }

  release(): void {
    this.inFlight--
    if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #note(good: boolean): void {
    if (this.state === 'draining') return
    const was = this.state === 'healthy'
    this.#streak = good === was ? 0 : this.#streak + 1
    const needed = this.state === 'initial' ? 1 : was ? this.#check.unhealthyCount : this.#check.healthyCount
    if (good !== was && this.#streak >= needed) {
      this.state = good ? 'healthy' : 'unhealthy'
      this.#streak = 0
    }
  }

  async #probe(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.port}${this.#check.path}`, {
        headers: { 'user-agent': 'ELB-HealthChecker/2.0' },
        signal: AbortSignal.timeout(5000),
      })
      await response.arrayBuffer()
      return response.status === 200
    } catch {
      return false
    }
  }
}
