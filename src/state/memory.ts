import { indexOf, keyOf, type Entry, type Table, type WriteOptions } from './table.ts'

interface Item {
  json: string
  rev: number
  expires: number
  index?: string
}

/** How many items are kept at most: the oldest go first. */
const maxItems = 100_000

/** Keeps state in this process: for a single process, and for tests that ask whether both tables behave alike. */
export class MemoryTable implements Table {
  readonly #items = new Map<string, Item>()
  readonly #now: () => number

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? Date.now
  }

  async get<T>(kind: string, id: string): Promise<Entry<T> | undefined> {
    const item = this.#live(keyOf(kind, id))
    return item && entryOf<T>(item)
  }

  async write(kind: string, id: string, value: unknown, options: WriteOptions): Promise<boolean> {
    const key = keyOf(kind, id)
    const before = this.#live(key)
    if (options.if === 'absent' && before) return false
    if (typeof options.if === 'number' && before?.rev !== options.if) return false
    this.#items.delete(key)
    this.#items.set(key, {
      json: JSON.stringify(value),
      rev: (before?.rev ?? 0) + 1,
      expires: Math.floor(this.#now() / 1000) + options.ttlS,
      ...(options.index === undefined ? {} : { index: indexOf(options.index) }),
    })
    if (this.#items.size > maxItems) this.#items.delete(this.#items.keys().next().value!)
    return true
  }

  async remove(kind: string, id: string): Promise<void> {
    this.#items.delete(keyOf(kind, id))
  }

  async list<T>(index: string): Promise<Entry<T>[]> {
    return this.#indexed(index).flatMap((key) => {
      const item = this.#live(key)
      return item ? [entryOf<T>(item)] : []
    })
  }

  async removeIndexed(index: string): Promise<void> {
    for (const key of this.#indexed(index)) this.#items.delete(key)
  }

  async count(kind: string, id: string, windowS: number): Promise<number> {
    const key = keyOf(kind, `${id}|${Math.floor(this.#now() / 1000 / windowS)}`)
    const value = Number(this.#live(key)?.json ?? 0) + 1
    this.#items.set(key, { json: String(value), rev: value, expires: this.#now() / 1000 + windowS })
    return value
  }

  async close(): Promise<void> {
    this.#items.clear()
  }

  #indexed(index: string): string[] {
    const wanted = indexOf(index)
    return [...this.#items].filter(([, item]) => item.index === wanted).map(([key]) => key)
  }

  #live(key: string): Item | undefined {
    const item = this.#items.get(key)
    if (item && item.expires * 1000 > this.#now()) return item
    this.#items.delete(key)
    return undefined
  }
}

function entryOf<T>({ json, rev, expires }: Item): Entry<T> {
  return { value: JSON.parse(json) as T, rev, expires }
}
