import { FairleadError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import type { Shape } from './shape.ts'

/**
 * Checks a request body against its shape and gives it back in AWS's camelCase. CloudFormation's PascalCase is taken too;
 * keys that are the user's own (properties of a schema, tags) stay as they are. Throws GATEWAY_DEFINITION_INVALID and
 * GATEWAY_NOT_SUPPORTED, with the path of what is wrong.
 */
export function checkShape(value: unknown, shape: Shape, file: string): unknown {
  return check(value, shape, { file, path: '', depth: 0 })
}

interface At {
  file: string
  path: string
  depth: number
}

/** AWS's models do not nest deeper than tool schemas do, and those are read by people. */
const maxDepth = 64

function check(value: unknown, shape: Shape, at: At): unknown {
  if (at.depth > maxDepth) throw invalid(at, `nests deeper than ${maxDepth} levels`)
  switch (shape.kind) {
    case 'refused':
      throw new FairleadError('GATEWAY_NOT_SUPPORTED', `${at.file}: \`${at.path}\` is not supported here`, {
        why: shape.why,
      })
    case 'document':
      return value
    case 'same':
      return check(value, shape.as(), at)
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong(at, 'must be true or false')
    case 'integer':
      if (typeof value === 'number' && Number.isInteger(value) && value >= shape.min && value <= shape.max) return value
      return wrong(at, `must be a whole number from ${shape.min} to ${shape.max}`)
    case 'string':
      return checkText(value, shape, at)
    case 'list':
      if (!Array.isArray(value)) return wrong(at, 'must be a list')
      checkCount(value.length, shape, at)
      return value.map((each, index) => check(each, shape.of(), below(at, `[${index}]`)))
    case 'map':
      if (!isObject(value)) return wrong(at, 'must be an object')
      checkCount(Object.keys(value).length, shape, at)
      return fromPairs(Object.entries(value).map(([key, each]) => [key, check(each, shape.of(), below(at, `.${key}`))]))
    case 'structure':
      return checkStructure(value, shape, at)
  }
}

function checkText(value: unknown, shape: Shape & { kind: 'string' }, at: At): string {
  if (typeof value !== 'string') return wrong(at, 'must be a string')
  if (shape.enum && !shape.enum.includes(value)) {
    const meant = nearest(value, [...shape.enum])
    return wrong(at, `must be ${shape.enum.join(' or ')}${meant ? `; did you mean ${meant}?` : ''}`)
  }
  if (shape.min !== undefined && value.length < shape.min)
    return wrong(at, `must have at least ${shape.min} characters`)
  if (shape.max !== undefined && value.length > shape.max) return wrong(at, `must have at most ${shape.max} characters`)
  if (shape.pattern && !shape.pattern.test(value)) return wrong(at, `must match ${shape.pattern.source}`)
  return value
}

function checkStructure(value: unknown, shape: Shape & { kind: 'structure' }, at: At): Record<string, unknown> {
  if (!isObject(value)) return wrong(at, 'must be an object')
  const names = Object.keys(shape.members)
  const found: [string, unknown][] = []
  for (const [key, each] of Object.entries(value)) {
    const name = Object.hasOwn(shape.members, key) ? key : camel(key)
    const member = Object.hasOwn(shape.members, name) ? shape.members[name] : undefined
    const here = below(at, at.path === '' ? name : `.${name}`)
    if (!member) {
      const meant = nearest(key, names)
      throw invalid(
        below(at, at.path === '' ? key : `.${key}`),
        `is not a member that AWS has there${meant ? `; did you mean \`${meant}\`?` : ''}`,
      )
    }
    if (each !== undefined) found.push([name, check(each, member.shape, here)])
  }
  const given = new Set(found.map(([name]) => name))
  const absent = names.find((name) => shape.members[name]!.required && !given.has(name))
  if (absent !== undefined) return wrong(below(at, at.path === '' ? absent : `.${absent}`), 'is required')
  if (shape.union && given.size !== 1) return wrong(at, `must have exactly one of ${names.join(', ')}`)
  return fromPairs(found)
}

function checkCount(count: number, { min = 0, max = Infinity }: { min?: number; max?: number }, at: At): void {
  if (count < min || count > max) throw invalid(at, `must have ${min} to ${max} entries and has ${count}`)
}

/** `LambdaArn` as CloudFormation writes it is `lambdaArn` on the wire. */
function camel(key: string): string {
  return key.charAt(0).toLowerCase() + key.slice(1)
}

function below(at: At, step: string): At {
  return { file: at.file, path: at.path + step, depth: at.depth + 1 }
}

/** A key `__proto__` is a key like any other. */
function fromPairs(pairs: [string, unknown][]): Record<string, unknown> {
  return Object.fromEntries(pairs)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(at: At, problem: string): never {
  throw invalid(at, problem)
}

export function invalid({ file, path }: Pick<At, 'file' | 'path'>, problem: string, fix?: string): FairleadError {
  const where = path === '' ? 'the definition' : `\`${path}\``
  return new FairleadError('GATEWAY_DEFINITION_INVALID', `${file}: ${where} ${problem}`, fix ? { fix } : {})
}
