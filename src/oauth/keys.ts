import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { SealedTable } from './sealed-table.ts'

export type SigningAlg = 'RS256' | 'ES256'

interface Stored {
  /** Signs. */
  current: JWK
  /** When it began to, and when the next one was published: milliseconds since 1970. */
  since?: number
  /** Published, and signs after the next rotation: by then every verifier has it. */
  next?: JWK
  nextSince?: number
  /** Signed until the last rotation; published until nothing that it signed is valid. */
  retired: { jwk: JWK; until: number }[]
}

const ttlS = 400 * 86_400
/** Longer than any token lives, and than verifiers disagree about the time. */
const retiredMs = 15 * 60_000
/** How long a key is published before it signs: verifiers keep what they read, API Gateway for two hours. */
export const publishedMs = 2 * 3600_000

/**
 * The signing keys, sealed in the table and shared by every process of the service. `rotate` is a swap without downtime:
 * the key that signs next has been published before, and the old one stays published until its tokens have ended.
 */
export class KeySet {
  readonly #table: SealedTable
  readonly #alg: SigningAlg
  readonly #id: string
  readonly #now: () => number
  #stored: Stored
  #rev: number
  #read: number

  private constructor(
    { table, alg, id, now }: { table: SealedTable; alg: SigningAlg; id: string; now: () => number },
    stored: Stored,
    rev: number,
  ) {
    this.#table = table
    this.#alg = alg
    this.#id = id
    this.#now = now
    this.#stored = stored
    this.#rev = rev
    this.#read = now()
  }

  /** `name` tells the keys of one secret from those of another, which could not be opened. */
  static async open(table: SealedTable, alg: SigningAlg, name: string, now: () => number): Promise<KeySet> {
    const id = `${alg}|${name}`
    const found = await table.get<Stored>('Keys', id)
    if (!found)
      await table.write('Keys', id, { current: await makeKey(alg), since: now(), retired: [] }, { ttlS, if: 'absent' })
    const { value, rev } = found ?? (await table.get<Stored>('Keys', id))!
    return new KeySet({ table, alg, id, now }, value, rev)
  }

  /** Private keys, the one that signs first. */
  jwks(): { keys: JWK[] } {
    const { current, next, retired } = this.#stored
    const published = retired.filter(({ until }) => until > this.#now()).map(({ jwk }) => jwk)
    return { keys: [current, ...(next ? [next] : []), ...published] }
  }

  /** Reads again what other processes did, at most every 30 seconds; true when the keys are others than before. */
  async refresh(): Promise<boolean> {
    if (this.#now() - this.#read < 30_000) return false
    const before = JSON.stringify(this.jwks())
    await this.#reload()
    return JSON.stringify(this.jwks()) !== before
  }

  /** Publishes the key that will sign after the next rotation, if there is none yet. */
  async publishNext(): Promise<void> {
    if (this.#stored.next) return
    await this.#write({ ...this.#stored, next: await makeKey(this.#alg), nextSince: this.#now() })
  }

  /**
   * Rotates when the key has signed for `afterMs` and the next one is published for long enough; true when it did. Of many
   * processes one writes, and the others find that it is done.
   */
  async rotateWhenDue(afterMs: number): Promise<boolean> {
    if (!this.#isDue(afterMs)) return false
    await this.#reload()
    if (!this.#isDue(afterMs)) return false
    const signed = this.#stored.current.kid
    await this.#swap()
    return this.#stored.current.kid !== signed
  }

  #isDue(afterMs: number): boolean {
    const { since = 0, next, nextSince = 0 } = this.#stored
    const now = this.#now()
    return next !== undefined && now - since >= afterMs && now - nextSince >= publishedMs
  }

  /** Lets the published key sign, keeps the old one published, and publishes a new one. */
  async rotate(): Promise<void> {
    await this.#reload()
    await this.publishNext()
    await this.#swap()
  }

  async #swap(): Promise<void> {
    const { current, next, retired } = this.#stored
    const until = this.#now() + retiredMs
    await this.#write({
      current: next!,
      since: this.#now(),
      next: await makeKey(this.#alg),
      nextSince: this.#now(),
      retired: [{ jwk: current, until }, ...retired.filter((one) => one.until > this.#now())].slice(0, 6),
    })
  }

  /** When another process wrote meanwhile, what it wrote holds. */
  async #write(stored: Stored): Promise<void> {
    await this.#table.write('Keys', this.#id, stored, { ttlS, if: this.#rev })
    await this.#reload()
  }

  async #reload(): Promise<void> {
    const found = await this.#table.get<Stored>('Keys', this.#id)
    this.#read = this.#now()
    if (!found) return
    this.#stored = found.value
    this.#rev = found.rev
    if (found.expires * 1000 - this.#now() < (ttlS / 2) * 1000)
      await this.#table.write('Keys', this.#id, found.value, { ttlS, if: found.rev })
  }
}

async function makeKey(alg: SigningAlg): Promise<JWK> {
  const make = promisify(generateKeyPair)
  const { privateKey } =
    alg === 'RS256' ? await make('rsa', { modulusLength: 2048 }) : await make('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' }) as JWK
  return { ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) }
}
