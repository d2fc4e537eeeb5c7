import type { JsonSchema } from './tool.ts'

/** One thing that is wrong with a value: where, and what, in the words that AWS's validator uses. */
export interface Problem {
  path: string
  message: string
}

type Check = (value: unknown, path: string, problems: Problem[]) => void

/**
 * Compiles a JSON Schema (2020-12, what tools use of it) to a function that lists what is wrong with a value. Without
 * code generation, so that it runs wherever the gateway does. A pattern that could run for ever is not run, and neither
 * is one on a very long text. An unknown keyword and a `$ref` that leads nowhere allow everything: the upstream decides.
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
export function compileSchema(schema: JsonSchema): (value: unknown) => Problem[] {
  const check = new Compiler(schema).compile(schema)
  return (value) => {
    const problems: Problem[] = []
    check(value, '$', problems)
    return problems
  }
}

const allow: Check = () => {}
const maxProblems = 20
/** Recursion into a value is bounded by what may be sent; this bounds it by itself. */
const maxPatternText = 10_000

class Compiler {
  readonly #root: JsonSchema
  readonly #refs = new Map<string, { check: Check }>()

  constructor(root: JsonSchema) {
    this.#root = root
  }

  compile(schema: unknown): Check {
    if (schema === false) return (_value, path, problems) => void problems.push({ path, message: 'is not allowed' })
    if (!isObject(schema)) return allow
    const checks: Check[] = []
    for (const keyword of Object.keys(schema)) {
      const made = this.#keyword(keyword, schema)
      if (made) checks.push(made)
    }
    if (checks.length === 0) return allow
    if (checks.length === 1) return checks[0]!
    return (value, path, problems) => {
      for (const check of checks) if (problems.length < maxProblems) check(value, path, problems)
    }
  }

  #keyword(keyword: string, schema: JsonSchema): Check | undefined {
    const rule = schema[keyword]
    switch (keyword) {
      case '$ref':
        return typeof rule === 'string' ? this.#ref(rule) : undefined
      case 'type':
        return typeCheck(rule)
      case 'enum':
        return Array.isArray(rule) ? enumCheck(rule as unknown[]) : undefined
      case 'const':
        return enumCheck([rule])
      case 'properties':
        return isObject(rule) ? this.#properties(rule) : undefined
      case 'required':
        return Array.isArray(rule) ? requiredCheck(rule.filter((each) => typeof each === 'string')) : undefined
      case 'additionalProperties':
        return rule === true ? undefined : this.#additional(schema)
      case 'items':
        return this.#items(rule, Array.isArray(schema.prefixItems) ? schema.prefixItems.length : 0)
      case 'prefixItems':
        return Array.isArray(rule) ? this.#prefix(rule as unknown[]) : undefined
      case 'allOf':
        return Array.isArray(rule) ? all(rule.map((each) => this.compile(each))) : undefined
      case 'anyOf':
      case 'oneOf':
        return Array.isArray(rule)
          ? some(
              keyword,
              rule.map((each) => this.compile(each)),
            )
          : undefined
      case 'not': {
        const inner = this.compile(rule)
        return (value, path, problems) => {
          if (passes(inner, value)) problems.push({ path, message: 'is what it must not be' })
        }
      }
      default:
        return limitCheck(keyword, rule)
    }
  }

  /** Compiled once for each address, so that a schema may stand in itself. */
  #ref(ref: string): Check {
    const known = this.#refs.get(ref)
    if (known) return (value, path, problems) => known.check(value, path, problems)
    const slot = { check: allow }
    this.#refs.set(ref, slot)
    const target = ref === '#' ? this.#root : ref.startsWith('#/') ? pointer(this.#root, ref) : undefined
    slot.check = target === undefined ? allow : this.compile(target)
    return (value, path, problems) => slot.check(value, path, problems)
  }

  #properties(rules: JsonSchema): Check {
    const checks = Object.entries(rules)
      .map(([name, rule]) => [name, this.compile(rule)] as const)
      .filter(([, check]) => check !== allow)
    return (value, path, problems) => {
      if (!isObject(value)) return
      for (const [name, check] of checks)
        if (Object.hasOwn(value, name)) check(value[name], `${path}.${name}`, problems)
    }
  }

  #additional({ additionalProperties, properties, patternProperties }: JsonSchema): Check | undefined {
    if (isObject(patternProperties) && Object.keys(patternProperties).length > 0) return undefined
    const known = new Set(isObject(properties) ? Object.keys(properties) : [])
    const check = this.compile(additionalProperties)
    return (value, path, problems) => {
      if (!isObject(value)) return
      for (const name of Object.keys(value)) {
        if (known.has(name)) continue
        if (additionalProperties === false)
          problems.push({
            path: `${path}.${name}`,
            message: `is not defined in the schema and the schema does not allow additional properties`,
          })
        else check(value[name], `${path}.${name}`, problems)
      }
    }
  }

  #items(rule: unknown, from: number): Check | undefined {
    const check = this.compile(rule)
    if (check === allow) return undefined
    return (value, path, problems) => {
      if (!Array.isArray(value)) return
      for (let at = from; at < value.length && problems.length < maxProblems; at++)
        check(value[at], `${path}[${at}]`, problems)
    }
  }

  #prefix(rules: unknown[]): Check {
    const checks = rules.map((each) => this.compile(each))
    return (value, path, problems) => {
      if (!Array.isArray(value)) return
      checks.forEach((check, at) => at < value.length && check(value[at], `${path}[${at}]`, problems))
    }
  }
}

function all(checks: Check[]): Check {
  return (value, path, problems) => checks.forEach((check) => check(value, path, problems))
}

function some(keyword: 'anyOf' | 'oneOf', checks: Check[]): Check {
  return (value, path, problems) => {
    const good = checks.filter((check) => passes(check, value)).length
    if (good === 0) {
      // One alternative: what is wrong with it is what is wrong.
      if (checks.length === 1) return checks[0]!(value, path, problems)
      problems.push({ path, message: `matches none of ${checks.length} allowed schemas` })
    } else if (keyword === 'oneOf' && good > 1)
      problems.push({ path, message: `matches ${good} of the allowed schemas, and must match exactly one` })
  }
}

function passes(check: Check, value: unknown): boolean {
  const problems: Problem[] = []
  check(value, '$', problems)
  return problems.length === 0
}

export function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

const types = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'])

function typeCheck(rule: unknown): Check | undefined {
  const wanted = (Array.isArray(rule) ? rule : [rule]).filter((each): each is string => types.has(each as string))
  if (wanted.length === 0) return undefined
  const accepted = new Set(wanted.includes('number') ? [...wanted, 'integer'] : wanted)
  const expected = wanted.length === 1 ? wanted[0]! : `[${wanted.join(', ')}]`
  return (value, path, problems) => {
    const found = typeOf(value)
    if (!accepted.has(found)) problems.push({ path, message: `${found} found, ${expected} expected` })
  }
}

function enumCheck(values: unknown[]): Check {
  const simple = new Set(values.filter((each) => typeof each !== 'object' || each === null))
  const deep = values.filter((each) => typeof each === 'object' && each !== null).map((each) => JSON.stringify(each))
  return (value, path, problems) => {
    if (simple.has(value)) return
    if (typeof value === 'object' && value !== null && deep.includes(JSON.stringify(value))) return
    problems.push({ path, message: `does not have a value in the enumeration ${JSON.stringify(values)}` })
  }
}

function requiredCheck(names: string[]): Check {
  return (value, path, problems) => {
    if (!isObject(value)) return
    for (const name of names)
      if (!Object.hasOwn(value, name))
        problems.push({ path: `${path}.${name}`, message: `required property '${name}' not found` })
  }
}

function limitCheck(keyword: string, rule: unknown): Check | undefined {
  if (keyword === 'pattern') return patternCheck(rule)
  if (keyword === 'uniqueItems')
    return rule === true
      ? (value, path, problems) => {
          if (Array.isArray(value) && new Set(value.map((each) => JSON.stringify(each))).size < value.length)
            problems.push({ path, message: 'must have only unique items in the array' })
        }
      : undefined
  const limit = limits[keyword]
  if (!limit || typeof rule !== 'number') return undefined
  return (value, path, problems) => {
    const measured = limit.of(value)
    if (measured !== undefined && !limit.holds(measured, rule)) problems.push({ path, message: limit.says(rule) })
  }
}

interface Limit {
  of: (value: unknown) => number | undefined
  holds: (measured: number, rule: number) => boolean
  says: (rule: number) => string
}

const number = (value: unknown) => (typeof value === 'number' ? value : undefined)
// Characters are code points: a pair of surrogates is one.
const length = (value: unknown) =>
  typeof value === 'string' ? value.length - (value.match(/[\ud800-\udbff][\udc00-\udfff]/g) ?? []).length : undefined
const items = (value: unknown) => (Array.isArray(value) ? value.length : undefined)
const keys = (value: unknown) => (isObject(value) ? Object.keys(value).length : undefined)
const atLeast = (measured: number, rule: number) => measured >= rule
const atMost = (measured: number, rule: number) => measured <= rule

const limits: Record<string, Limit> = {
  minimum: { of: number, holds: atLeast, says: (rule) => `must have a minimum value of ${rule}` },
  maximum: { of: number, holds: atMost, says: (rule) => `must have a maximum value of ${rule}` },
  exclusiveMinimum: { of: number, holds: (n, rule) => n > rule, says: (rule) => `must be greater than ${rule}` },
  exclusiveMaximum: { of: number, holds: (n, rule) => n < rule, says: (rule) => `must be less than ${rule}` },
  multipleOf: {
    of: number,
    holds: (n, rule) => rule <= 0 || Math.abs(n / rule - Math.round(n / rule)) < 1e-9,
    says: (rule) => `must be a multiple of ${rule}`,
  },
  minLength: { of: length, holds: atLeast, says: (rule) => `must be at least ${rule} characters long` },
  maxLength: { of: length, holds: atMost, says: (rule) => `must be at most ${rule} characters long` },
  minItems: { of: items, holds: atLeast, says: (rule) => `must have at least ${rule} items` },
  maxItems: { of: items, holds: atMost, says: (rule) => `must have at most ${rule} items` },
  minProperties: { of: keys, holds: atLeast, says: (rule) => `must have at least ${rule} properties` },
  maxProperties: { of: keys, holds: atMost, says: (rule) => `must have at most ${rule} properties` },
}

function patternCheck(rule: unknown): Check | undefined {
  if (typeof rule !== 'string' || mayRunForEver(rule)) return undefined
  let pattern: RegExp
  try {
    pattern = new RegExp(rule, 'u')
  } catch {
    return undefined
  }
  return (value, path, problems) => {
    if (typeof value === 'string' && value.length <= maxPatternText && !pattern.test(value))
      problems.push({ path, message: `does not match the regex pattern ${rule}` })
  }
}

/**
 * Whether backtracking may explode: a repeated group with a repetition or an alternative in it, many repetitions, or a
 * back-reference. It says yes to some that are harmless; those are left to the upstream.
 */
export function mayRunForEver(pattern: string): boolean {
  const bare = pattern.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x')
  if (pattern.length > 500 || /\\[1-9k]/.test(pattern)) return true
  if ((bare.match(/[*+]|\{\d+,/g) ?? []).length > 6) return true
  const open: { risky: boolean }[] = []
  for (let at = 0; at < bare.length; at++) {
    const char = bare[at]!
    const repeats = char === '*' || char === '+' || /^\{\d+,\d*\}/.test(bare.slice(at, at + 12))
    if (char === '(') open.push({ risky: false })
    else if (char === ')') {
      const closed = open.pop()
      const next = bare[at + 1] ?? ''
      const repeated =
        next === '*' || next === '+' || (next === '{' && /^\{\d*,?\d*\}/.test(bare.slice(at + 1, at + 16)))
      if (closed?.risky && repeated) return true
      if (closed?.risky && open.length > 0) open.at(-1)!.risky = true
    } else if ((repeats || char === '|' || char === '?') && open.length > 0 && bare[at - 1] !== '(')
      open.at(-1)!.risky = true
  }
  return false
}

function pointer(root: unknown, ref: string): unknown {
  let here = root
  for (const step of ref.slice(2).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<string, unknown>)[key]
  }
  return here
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
