import { hash } from 'node:crypto'
import type { VerifiedToken } from './verify.ts'

const maxTokens = 10_000
const maxAgeMs = 60_000

/** Remembers tokens that were good: at most a minute, never past their expiry, never more than 10,000. Refusals are not kept. */
export class TokenCache {
  readonly #tokens = new Map<string, { verified: VerifiedToken; until: number }>()

  get(key: string, now: number): VerifiedToken | undefined {
    const found = this.#tokens.get(key)
    if (!found) return undefined
    if (found.until > now) return found.verified
    this.#tokens.delete(key)
    return undefined
  }

  set(key: string, verified: VerifiedToken, now: number): void {
    if (this.#tokens.size >= maxTokens) this.#tokens.delete(this.#tokens.keys().next().value!)
    this.#tokens.set(key, { verified, until: Math.min(now + maxAgeMs, verified.expiresAt * 1000) })
  }
}

/** A whole token's hash: two tokens of one `jti` are two. */
export function tokenKey(token: string): string {
  return hash('sha256', token, 'base64url')
}
