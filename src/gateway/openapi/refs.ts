import { bad, isObject, parseText } from './document.ts'

/** Something in a document, and the address of the document that it stands in: references in it are relative to that. */
export interface Located {
  value: unknown
  base: string
}

/** Reads another document that one refers to. */
export type LoadDocument = (address: string) => Promise<string>

const maxDocuments = 5000
const maxChain = 50

/** Follows `$ref`s, within a document and into others. A circle of references leads nowhere; a circle of schemas is fine. */
export class Refs {
  readonly #documents = new Map<string, unknown>()
  /** References that cannot be followed, by address, with the reason. */
  readonly broken = new Map<string, string>()

  constructor(root: unknown, base: string) {
    this.#documents.set(base, root)
  }

  /** Loads every document that can be reached. Those that cannot be loaded break only what refers to them. */
  async load(load: LoadDocument): Promise<void> {
    const waiting = [...this.#documents]
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [base, document] = next
      for (const address of externals(document, base)) {
        if (this.#documents.has(address) || this.broken.has(address)) continue
        if (this.#documents.size >= maxDocuments) throw bad(base, `refers to more than ${maxDocuments} documents`)
        try {
          const loaded = await parseText(await load(address), address)
          this.#documents.set(address, loaded)
          waiting.push([address, loaded])
        } catch (error) {
          this.broken.set(address, error instanceof Error ? error.message : 'it cannot be read')
        }
      }
    }
  }

  /** The thing itself, wherever it stands. Undefined: the reference leads nowhere. */
  follow(at: Located): Located | undefined {
    let here = at
    for (let step = 0; step < maxChain; step++) {
      if (!isObject(here.value) || typeof here.value.$ref !== 'string') return here
      const next = this.lookUp(here.value.$ref, here.base)
      if (!next) return undefined
      here = next
    }
    return undefined
  }

  lookUp(ref: string, base: string): Located | undefined {
    const hash = ref.indexOf('#')
    const file = hash < 0 ? ref : ref.slice(0, hash)
    const address = file === '' ? base : joined(file, base)
    if (address === undefined || !this.#documents.has(address)) return undefined
    const value = pointed(this.#documents.get(address), hash < 0 ? '' : ref.slice(hash + 1))
    return value === undefined ? undefined : { value, base: address }
  }

  /** A name for what is referred to, which is the same wherever it is referred to from. */
  address(ref: string, base: string): string {
    const hash = ref.indexOf('#')
    const file = hash < 0 ? ref : ref.slice(0, hash)
    return `${file === '' ? base : (joined(file, base) ?? file)}#${hash < 0 ? '' : ref.slice(hash + 1)}`
  }
}

function pointed(root: unknown, pointer: string): unknown {
  let here = root
  for (const step of pointer.split('/').slice(1)) {
    const key = unescaped(step)
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<string, unknown>)[key]
  }
  return here
}

function unescaped(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

function joined(file: string, base: string): string | undefined {
  return URL.canParse(file, base) ? new URL(file, base).href : undefined
}

/** Addresses of other documents that a document refers to. Examples may have anything in them, so they are not looked into. */
function externals(document: unknown, base: string): Set<string> {
  const found = new Set<string>()
  const waiting = [document]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Array.isArray(next)) {
      for (const each of next) if (typeof each === 'object' && each !== null) waiting.push(each)
      continue
    }
    for (const [key, value] of Object.entries(next as Record<string, unknown>)) {
      if (key === '$ref' && typeof value === 'string' && !value.startsWith('#')) {
        const address = joined(value.split('#')[0]!, base)
        if (address !== undefined && address !== base) found.add(address)
      } else if (typeof value === 'object' && value !== null && key !== 'example' && key !== 'examples')
        waiting.push(value)
    }
  }
  return found
}
