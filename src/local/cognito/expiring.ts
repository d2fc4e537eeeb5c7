import { createHash } from 'node:crypto'

/** A map whose entries end at a time, and which never grows past `max`: the oldest goes first. Keys are kept hashed. */
export class Expiring<T> {
  readonly #entries = new Map<string, { value: T; expiresAt: number }>()
  readonly #now: () => number
  readonly #max: number

  constructor(now: () => number, max = 10_000) {
    this.#now = now
    this.#max = max
  }

  set(key: string, value: T, seconds: number): void {
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(digest(key), { value, expiresAt: this.#now() + seconds * 1000 })
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(digest(key))
    return entry && entry.expiresAt > this.#now() ? entry.value : undefined
  }

  delete(key: string): void {
    this.#entries.delete(digest(key))
  }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
