import type { Principal } from '../../http/fetch-handler.ts'
import type { PolicyDecision } from './engine.ts'

const most = 2000
const longest = 1000

/**
 * Decisions by who asked, by which policies, and by what these read of the call: what they all depend on. The oldest go first.
 * Where policies ask for roles alone, a caller's second call needs no evaluation.
 */
export class Memo {
  readonly #decisions = new Map<string, PolicyDecision>()
  readonly #numbers = new WeakMap<Principal, number>()
  #last = 0

  /** Undefined: too long to be remembered. */
  key(principal: Principal, slice: string, input: unknown): string | undefined {
    const read = JSON.stringify(input)
    return read.length > longest ? undefined : `${this.#callerKey(principal)}\n${slice}\n${read}`
  }

  get(key: string | undefined): PolicyDecision | undefined {
    return key === undefined ? undefined : this.#decisions.get(key)
  }

  set(key: string | undefined, decision: PolicyDecision): void {
    if (key === undefined) return
    if (this.#decisions.size >= most) this.#decisions.delete(this.#decisions.keys().next().value!)
    this.#decisions.set(key, decision)
  }

  /** A token’s caller is one object for as long as the token is remembered; an IAM identity is its ARN. */
  #callerKey(principal: Principal): string {
    if (principal.kind === 'iam') return `iam ${principal.id}`
    let number = this.#numbers.get(principal)
    if (number === undefined) this.#numbers.set(principal, (number = this.#last++))
    return String(number)
  }
}
