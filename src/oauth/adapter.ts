import { randomUUID } from 'node:crypto'
import { errors, Provider, type Adapter, type AdapterPayload, type KoaContextWithOIDC } from 'oidc-provider'
import type { SealedTable } from './sealed-table.ts'

/** A used refresh token came again within the grace window: what `refresh-grace.ts` needs to answer it. */
export interface RefreshReplay {
  clientId: string
  grantId: string
  jkt?: string
}

/** Dynamic clients live a day until they are used, then 90 days from each use on. */
const unusedClientS = 86_400
export const usedClientS = 90 * 86_400

/** Made once, never written over: a second write of the same id is a replay. */
const once = new Set(['AuthorizationCode', 'RefreshToken', 'ReplayDetection', 'Client'])

interface Row extends AdapterPayload {
  consumedBy?: string
}

/**
 * Keeps oidc-provider's state in the table. Bearer values are never stored: ids are hashed, `jti` is left out, rows are
 * sealed. Whatever may happen once is one conditional write; who loses a race over a code kills its grant, which
 * oidc-provider reads anew for every exchange, so nothing lives on even while an index lags.
 * @see https://github.com/panva/node-oidc-provider/blob/main/docs/README.md#adapter
 */
export function tableAdapter(table: SealedTable, options: { graceS: number; now: () => number }) {
  return (kind: string): Adapter => new TableAdapter(kind, table, options)
}

class TableAdapter implements Adapter {
  readonly #kind: string
  readonly #table: SealedTable
  readonly #graceS: number
  readonly #now: () => number

  constructor(kind: string, table: SealedTable, options: { graceS: number; now: () => number }) {
    this.#kind = kind
    this.#table = table
    this.#graceS = options.graceS
    this.#now = options.now
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<undefined> {
    const { jti: _jti, ...row } = payload
    const ttlS = Math.max(1, Math.ceil(expiresIn ?? unusedClientS))
    const written = await this.#table.write(this.#kind, id, row, {
      ttlS,
      ...(once.has(this.#kind) ? { if: 'absent' as const } : {}),
      ...(payload.grantId ? { index: grantIndex(payload.grantId) } : {}),
    })
    if (!written) throw replayed()
    // A pointer and not an index: the next request reads it at once, and an index may lag.
    if (this.#kind === 'Session' && payload.uid) await this.#table.write('SessionUid', payload.uid, id, { ttlS })
    return undefined
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const row = (await this.#table.get<Row>(this.#kind, id))?.value
    if (!row) return undefined
    if (this.#kind === 'RefreshToken' && row.consumed && this.#inGrace(row)) throw refreshReplay(row)
    return this.#kind === 'Client' ? row : { ...row, jti: id }
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const id = await this.#table.get<string>('SessionUid', uid)
    return id && this.find(id.value)
  }

  /** The device flow is off, and nothing else has user codes. */
  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  async consume(id: string): Promise<undefined> {
    const entry = await this.#table.get<Row>(this.#kind, id)
    if (!entry) throw new errors.InvalidGrant('it has ended')
    if (this.#kind === 'RefreshToken') checkResource(entry.value)
    const row: Row = { ...entry.value, consumed: this.#seconds(), consumedBy: randomUUID() }
    const won = !entry.value.consumed && (await this.#writeAt(id, row, entry))
    // A write that the SDK sent twice reports a lost race to its winner.
    const now = won ? undefined : await this.#table.get<Row>(this.#kind, id)
    if (won || now?.value.consumedBy === row.consumedBy) return undefined
    if (this.#kind === 'RefreshToken') throw refreshReplay(entry.value)
    if (entry.value.grantId) await this.#kill(entry.value.grantId)
    throw new errors.InvalidGrant('already consumed')
  }

  async destroy(id: string): Promise<undefined> {
    await this.#table.remove(this.#kind, id)
    return undefined
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    await this.#kill(grantId)
    return undefined
  }

  async #kill(grantId: string): Promise<void> {
    await this.#table.remove('Grant', grantId)
    await this.#table.removeIndexed(grantIndex(grantId))
  }

  #writeAt(id: string, row: Row, at: { rev: number; expires: number }): Promise<boolean> {
    return this.#table.write(this.#kind, id, row, {
      ttlS: Math.max(1, at.expires - this.#seconds()),
      if: at.rev,
      ...(row.grantId ? { index: grantIndex(row.grantId) } : {}),
    })
  }

  /** Only at the token endpoint: a used token that is revoked must reach the revocation. */
  #inGrace({ consumed }: Row): boolean {
    return contextNow()?.oidc.route === 'token' && this.#seconds() - Number(consumed) <= this.#graceS
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }
}

function grantIndex(grantId: string): string {
  return `grant|${grantId}`
}

function contextNow(): KoaContextWithOIDC | undefined {
  return Provider.ctx
}

/** A wrong `resource` must not burn the token: oidc-provider looks at it only after it has consumed the token. */
function checkResource({ resource }: Row): void {
  const asked = contextNow()?.oidc.params?.resource
  if (asked === undefined) return
  const granted = [resource].flat()
  if (typeof asked !== 'string' || !granted.includes(asked)) throw new errors.InvalidTarget()
}

function refreshReplay({ clientId, grantId, jkt }: Row): Error {
  const ctx = contextNow()
  const replay: RefreshReplay = { clientId: clientId!, grantId: grantId!, ...(jkt ? { jkt } : {}) }
  if (ctx) ctx.state.refreshReplay = replay
  return new errors.InvalidGrant('refresh token already used')
}

function replayed(): Error {
  const params = contextNow()?.oidc.params
  return params?.client_assertion
    ? new errors.InvalidClientAuth('client assertion tokens must only be used once')
    : new errors.InvalidGrant('replay detected')
}
