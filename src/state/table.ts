import { createHash } from 'node:crypto'

/** What was read: the value, the number of its last write, and when it ends (seconds since 1970). */
export interface Entry<T> {
  value: T
  rev: number
  expires: number
}

export interface WriteOptions {
  /** Seconds that it lives from now on. Everything ends some day. */
  ttlS: number
  /** `absent`: only if nothing is there. A number: only if it was last written under that `rev`. */
  if?: 'absent' | number
  /** A second name under which `list` and `removeIndexed` find it, such as the grant that it belongs to. */
  index?: string
}

/**
 * State that several processes share: one item a write, so that what may happen once happens once.
 * Ids are hashed before they are stored, since some of them are secrets. Reads by id are strongly consistent; an entry
 * that has ended is never given, whether or not the store has removed it yet.
 */
export interface Table {
  get<T>(kind: string, id: string): Promise<Entry<T> | undefined>
  /** Writes a JSON value. False: the condition did not hold, and nothing was written. */
  write(kind: string, id: string, value: unknown, options: WriteOptions): Promise<boolean>
  remove(kind: string, id: string): Promise<void>
  /** Everything of an index; a write may take a moment to be seen. */
  list<T>(index: string): Promise<Entry<T>[]>
  removeIndexed(index: string): Promise<void>
  /** Adds one to a counter that begins anew every `windowS` seconds, and says what it is now. */
  count(kind: string, id: string, windowS: number): Promise<number>
  close(): Promise<void>
}

/** The key of an item: the kind in clear, the id as a hash. */
export function keyOf(kind: string, id: string): string {
  return `${kind}#${createHash('sha256').update(`${kind}|${id}`).digest('base64url')}`
}

/** The name of an index as it is stored: hashed too. */
export function indexOf(index: string): string {
  return createHash('sha256').update(`index|${index}`).digest('base64url')
}
