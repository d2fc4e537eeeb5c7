import { isObject, type Dialect, type Json } from './document.ts'
import type { Located, Refs } from './refs.ts'

/** Which way data goes: what is `readOnly` is never sent, what is `writeOnly` never comes back. */
export type Direction = 'request' | 'response'

/**
 * Turns schemas of OpenAPI 2.0, 3.0 and 3.1 into JSON Schema 2020-12. A reference becomes `#/$defs/…`, so that circles stay
 * circles and each schema is there once. What is not a valid keyword is left out: a tool list must compile in every client.
 */
export class SchemaConverter {
  readonly #refs: Refs
  readonly #dialect: Dialect
  readonly #direction: Direction
  /** In answers only types and names are kept: a client must not refuse what the API really sends. */
  readonly #loose: boolean
  readonly #names = new Map<string, string>()
  readonly #definitions: [string, Json][] = []
  readonly #pending: { name: string; at: Located }[] = []

  constructor(refs: Refs, dialect: Dialect, direction: Direction) {
    this.#refs = refs
    this.#dialect = dialect
    this.#direction = direction
    this.#loose = direction === 'response'
  }

  convert(at: Located, depth = 0): Json {
    const { value, base } = at
    if (!isObject(value) || depth > 100) return {}
    if (typeof value.$ref === 'string') return this.#reference(value, base, depth)
    const pairs: [string, unknown][] = []
    for (const keyword of Object.keys(value)) {
      const converted = this.#keyword(keyword, value, base, depth)
      if (converted !== undefined) pairs.push([keyword, converted])
    }
    return this.#finish(Object.fromEntries(pairs), value)
  }

  /** What the `$ref`s of the converted schemas lead to. Call it last. */
  definitions(): { $defs?: Json } {
    for (let next = this.#pending.pop(); next; next = this.#pending.pop())
      this.#definitions.push([next.name, this.convert(next.at)])
    if (this.#definitions.length === 0) return {}
    return { $defs: Object.fromEntries(this.#definitions.toSorted(([a], [b]) => (a < b ? -1 : 1))) }
  }

  #reference(value: Json, base: string, depth: number): Json {
    const ref = value.$ref as string
    const found = this.#refs.follow({ value, base })
    // It leads nowhere: everything is allowed there, and the API decides.
    if (!found) return {}
    const direct = isObject(found.value) && isSmall(found.value) ? this.convert(found, depth + 1) : undefined
    const converted = direct ?? { $ref: `#/$defs/${this.#nameOf(this.#refs.address(ref, base), found)}` }
    const { description } = value
    return this.#dialect === '3.1' && typeof description === 'string' ? { ...converted, description } : converted
  }

  #nameOf(address: string, at: Located): string {
    const known = this.#names.get(address)
    if (known !== undefined) return known
    const last =
      address
        .split('/')
        .at(-1)!
        .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
        .slice(0, 60) || 'schema'
    const taken = new Set(this.#names.values())
    let name = last
    for (let n = 2; taken.has(name); n++) name = `${last}_${n}`
    this.#names.set(address, name)
    this.#pending.push({ name, at })
    return name
  }

  #keyword(keyword: string, schema: Json, base: string, depth: number): unknown {
    const rule = schema[keyword]
    const below = (value: unknown) => this.convert({ value, base }, depth + 1)
    switch (keyword) {
      case 'type':
        return typesOf(rule)
      case 'title':
      case 'description':
      case 'format':
        return typeof rule === 'string' ? rule : undefined
      case 'default':
        return this.#loose ? undefined : rule
      case 'properties':
        return isObject(rule) ? this.#properties(rule, base, depth) : undefined
      case 'items':
        return isObject(rule) ? below(rule) : undefined
      case 'additionalProperties':
        if (this.#loose) return undefined
        return typeof rule === 'boolean' ? rule : isObject(rule) ? below(rule) : undefined
      case 'not':
        return isObject(rule) && !this.#loose ? below(rule) : undefined
      case 'allOf':
      case 'anyOf':
      case 'oneOf':
      case 'prefixItems': {
        if (!Array.isArray(rule) || rule.length === 0) return undefined
        // Of alternatives in an answer it is enough that one may be it.
        return keyword === 'allOf' && this.#loose ? rule.map(below) : this.#loose ? undefined : rule.map(below)
      }
      default:
        return this.#loose ? undefined : plainRule(keyword, rule)
    }
  }

  #properties(rules: Json, base: string, depth: number): Json {
    const kept = Object.entries(rules).filter(([, rule]) => !this.hidden({ value: rule, base }))
    return Object.fromEntries(kept.map(([name, value]) => [name, this.#property({ value, base }, depth)]))
  }

  #property(at: Located, depth: number): Json {
    const converted = this.convert(at, depth + 1)
    if (!this.#loose || converted.$ref !== undefined)
      return this.#loose ? { anyOf: [converted, { type: 'null' }] } : converted
    const { type } = converted
    return type === undefined ? converted : { ...converted, type: [...new Set([type, 'null'].flat())] }
  }

  /** Whether a property does not go this way. */
  hidden(at: Located): boolean {
    const { value } = this.#refs.follow(at) ?? {}
    const own = isObject(at.value) ? at.value : {}
    const flag = this.#direction === 'request' ? 'readOnly' : 'writeOnly'
    return own[flag] === true || (isObject(value) && value[flag] === true)
  }

  /** What needs more than one keyword at once. */
  #finish(schema: Json, source: Json): Json {
    if (Array.isArray(schema.required)) {
      const { properties } = source
      const kept = (schema.required as string[]).filter(
        (name) =>
          !isObject(properties) ||
          !Object.hasOwn(properties, name) ||
          (isObject(schema.properties) && Object.hasOwn(schema.properties, name)),
      )
      if (kept.length === 0) delete schema.required
      else schema.required = kept
    }
    for (const [flag, limit] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ] as const)
      if (!this.#loose && source[flag] === true && typeof schema[limit] === 'number') {
        schema[flag] = schema[limit]
        delete schema[limit]
      }
    if (source.nullable === true || source['x-nullable'] === true) nullable(schema)
    return schema
  }
}

/** Short schemas are written where they are used: a list is easier to read so. */
function isSmall(schema: Json): boolean {
  return Object.values(schema).every(
    (each) =>
      typeof each !== 'object' ||
      each === null ||
      (Array.isArray(each) && each.every((one) => typeof one !== 'object')),
  )
}

function nullable(schema: Json): void {
  if (schema.type !== undefined) schema.type = [...new Set([schema.type, 'null'].flat())]
  if (Array.isArray(schema.enum) && !schema.enum.includes(null)) schema.enum = [...(schema.enum as unknown[]), null]
  if (schema.const !== undefined) {
    schema.enum = [schema.const, null]
    delete schema.const
  }
  for (const keyword of ['allOf', 'oneOf', 'anyOf'] as const)
    if (Array.isArray(schema[keyword]) && schema.type === undefined) {
      const { [keyword]: alternatives, ...rest } = schema
      const inner =
        keyword === 'allOf'
          ? [{ allOf: alternatives }]
          : keyword === 'anyOf'
            ? (alternatives as unknown[])
            : [{ oneOf: alternatives }]
      for (const key of Object.keys(schema)) delete schema[key]
      Object.assign(schema, rest, { anyOf: [...inner, { type: 'null' }] })
      return
    }
}

const known = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'])

function typesOf(rule: unknown): string | string[] | undefined {
  if (typeof rule === 'string') return known.has(rule) ? rule : rule === 'file' ? 'string' : undefined
  if (!Array.isArray(rule)) return undefined
  const types = [...new Set(rule.filter((each): each is string => known.has(each as string)))]
  return types.length === 0 ? undefined : types
}

const counts = new Set(['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'])
const numbers = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'])

function plainRule(keyword: string, rule: unknown): unknown {
  if (counts.has(keyword)) return Number.isInteger(rule) && (rule as number) >= 0 ? rule : undefined
  if (numbers.has(keyword)) return typeof rule === 'number' ? rule : undefined
  switch (keyword) {
    case 'multipleOf':
      return typeof rule === 'number' && rule > 0 ? rule : undefined
    case 'uniqueItems':
      return typeof rule === 'boolean' ? rule : undefined
    case 'enum':
      return Array.isArray(rule) && rule.length > 0 ? rule : undefined
    case 'const':
      return rule
    case 'required':
      return Array.isArray(rule) && rule.every((each) => typeof each === 'string') && rule.length > 0
        ? [...new Set(rule)]
        : undefined
    case 'pattern':
      return typeof rule === 'string' && compiles(rule) ? rule : undefined
    case 'contentEncoding':
    case 'contentMediaType':
      return typeof rule === 'string' ? rule : undefined
    case 'examples':
      return Array.isArray(rule) ? rule : undefined
    case 'deprecated':
      return typeof rule === 'boolean' ? rule : undefined
    default:
      return undefined
  }
}

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp
  } catch {
    return false
  }
}
