import { TargetFailure } from '../tool.ts'

const failuresToOpen = 5
const openMs = 5000

/**
 * Stops asking an upstream that does not answer: after five failures in a row it is asked again only every five seconds,
 * by one call; the others fail at once, so that a dead upstream delays nobody.
 */
export class Breaker {
  #failures = 0
  #openUntil = 0
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Throws TargetFailure while it is open. */
  admit(name: string): void {
    if (this.#failures < failuresToOpen) return
    const now = this.#now()
    if (now < this.#openUntil)
      throw new TargetFailure('TargetUnavailableException', `${name} does not answer; it is asked again in a moment`)
    // This call tries; the others wait until it is known how it went.
    this.#openUntil = now + openMs
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures++
    if (this.#failures >= failuresToOpen) this.#openUntil = this.#now() + openMs
  }
}

/** Failures of a connection on which nothing has been sent: the call may be tried again, whatever it does. */
const notSent = new Set([
  'ECONNREFUSED',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
/** A kept connection that the other side closed just then: only what changes nothing may be tried again. */
const broken = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

export function mayRetry(error: unknown, method: string): boolean {
  const { code } = (error ?? {}) as { code?: string }
  if (code === undefined) return false
  return notSent.has(code) || (broken.has(code) && (method === 'GET' || method === 'HEAD'))
}
