import type { Table, WriteOptions } from '../state/table.ts'
import type { Seal } from './seal.ts'

export interface SealedEntry<T> {
  value: T
  rev: number
  expires: number
}

/** The table as the service uses it: ids hashed by the table, and values encrypted, each bound to its kind and id. */
export interface SealedTable {
  get<T>(kind: string, id: string): Promise<SealedEntry<T> | undefined>
  write(kind: string, id: string, value: unknown, options: WriteOptions): Promise<boolean>
  remove(kind: string, id: string): Promise<void>
  removeIndexed(index: string): Promise<void>
  count(kind: string, id: string, windowS: number): Promise<number>
}

/** Puts the seal between the service and its table, so that a copy of the table gives nothing away. */
export function sealTable(table: Table, seal: Seal): SealedTable {
  return {
    async get<T>(kind: string, id: string) {
      const entry = await table.get<{ s: string }>(kind, id)
      const value = entry && (seal.open('row', entry.value.s, `${kind}|${id}`) as T | undefined)
      return value === undefined ? undefined : { value, rev: entry!.rev, expires: entry!.expires }
    },
    write: (kind, id, value, options) =>
      table.write(kind, id, { s: seal.seal('row', value, `${kind}|${id}`) }, options),
    remove: (kind, id) => table.remove(kind, id),
    removeIndexed: (index) => table.removeIndexed(index),
    count: (kind, id, windowS) => table.count(kind, id, windowS),
  }
}
