import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { CedarRecord, CedarType } from './schema.ts'

/** An argument that is not of the type that its tool says: policies cannot judge it. */
export class Unfit extends Error {}

/** The arguments of a call as policies see them: those that they read and the tool's schema names, each of its type. Throws Unfit. */
export function cedarInput(
  args: Record<string, unknown>,
  { attributes }: CedarRecord,
  read?: ReadonlySet<string>,
): CedarValueJson {
  const pairs: [string, CedarValueJson][] = []
  for (const name of read ?? Object.keys(attributes)) {
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    if (!type) continue
    if (Object.hasOwn(args, name) && args[name] !== undefined) pairs.push([name, valueOf(args[name], type, name)])
    else if (type.required) throw new Unfit(`${name} is missing`)
  }
  return Object.fromEntries(pairs)
}

function valueOf(value: unknown, type: CedarType, path: string): CedarValueJson {
  switch (type.type) {
    case 'String':
      if (typeof value === 'string') return value
      break
    case 'Boolean':
      if (typeof value === 'boolean') return value
      break
    case 'Long':
      if (Number.isSafeInteger(value)) return value as number
      break
    case 'Extension': {
      const arg = typeof value === 'number' ? decimal(value) : undefined
      if (arg !== undefined) return { __extn: { fn: 'decimal', arg } }
      break
    }
    case 'Set':
      if (Array.isArray(value)) return value.map((each) => valueOf(each, type.element, path))
      break
    case 'Record':
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return cedarInput(value as Record<string, unknown>, type)
      break
  }
  throw new Unfit(`${path} is not a ${type.type}`)
}

/** Of Cedar's decimals, which have four places: more of them are cut off, as AWS says that it does. */
const most = 922_337_203_685_477

function decimal(value: number): string | undefined {
  if (!Number.isFinite(value) || Math.abs(value) >= most) return undefined
  const text = String(value)
  if (text.includes('e-')) return '0.0'
  const [whole = '0', places = '0'] = text.split('.')
  const cut = `${whole}.${places.slice(0, 4)}`
  return /^-0\.0+$/.test(cut) ? '0.0' : cut
}
