import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The parts of `NormalizedSchema`, AWS's own reader of a service model, that are used here. */
export interface Schema {
  getName(): string | undefined
  getMemberName(): string
  getSchema(): unknown
  isStructSchema(): boolean
  isListSchema(): boolean
  isMapSchema(): boolean
  isTimestampSchema(): boolean
  isBooleanSchema(): boolean
  isNumericSchema(): boolean
  isBlobSchema(): boolean
  isUnitSchema(): boolean
  getMergedTraits(): Record<string, unknown>
  getMemberSchema(name: string): Schema
  getValueSchema(): Schema
  structIterator(): Iterable<[string, Schema]>
}

export interface Operation {
  name: string
  /** Method, path template and status, where the protocol is REST. */
  http?: [method: string, path: string, status: number]
  input: Schema
  output: Schema
}

/** The models are those that the installed clients carry, found where the toolkit library finds them. */
const fromToolkit = createRequire(fileURLToPath(import.meta.resolve('@aws-cdk/toolkit-lib')))
const { NormalizedSchema } = fromToolkit('@smithy/core/schema') as { NormalizedSchema: { of(schema: unknown): Schema } }

/** All operations of a service, as its own client describes them. */
export function operationsOf(client: string): Map<string, Operation> {
  const exported = fromToolkit(`@aws-sdk/client-${client}`) as Record<string, unknown>
  const found = new Map<string, Operation>()
  for (const each of Object.values(exported)) {
    if (!Array.isArray(each) || each[0] !== 9) continue
    const [, , name, traits, input, output] = each as [9, string, string, unknown, unknown, unknown]
    const http = (traits as { http?: Operation['http'] } | 0) || undefined
    found.set(name, {
      name,
      ...(http?.http ? { http: http.http } : {}),
      input: NormalizedSchema.of(input),
      output: NormalizedSchema.of(output),
    })
  }
  return found
}

/** How many of a structure's members are required: the model lists those first. */
export function requiredOf(schema: Schema): string[] {
  const raw = schema.getSchema()
  if (!Array.isArray(raw)) return []
  const [, , , , members, , count] = raw as [number, string, string, unknown, string[], unknown, number?]
  return members.slice(0, count ?? 0)
}

/** What a value has that its model has not, or lacks that it has: one line a fault. */
export function faultsOf(value: unknown, schema: Schema, at: string): string[] {
  if (value === undefined || value === null || schema.isUnitSchema()) return []
  if (schema.isStructSchema()) return faultsOfStructure(value, schema, at)
  if (schema.isListSchema())
    return Array.isArray(value)
      ? value.flatMap((each, index) => faultsOf(each, schema.getValueSchema(), `${at}[${index}]`))
      : [`${at} is no list`]
  if (schema.isMapSchema()) {
    if (typeof value !== 'object') return [`${at} is no map`]
    return Object.entries(value).flatMap(([key, each]) => faultsOf(each, schema.getValueSchema(), `${at}.${key}`))
  }
  if (schema.isTimestampSchema()) return value instanceof Date ? [] : [`${at} is no timestamp`]
  if (schema.isBooleanSchema()) return typeof value === 'boolean' ? [] : [`${at} is no boolean`]
  if (schema.isNumericSchema()) return typeof value === 'number' && !Number.isNaN(value) ? [] : [`${at} is no number`]
  if (schema.isBlobSchema()) return value instanceof Uint8Array ? [] : [`${at} is no blob`]
  return typeof value === 'string' ? [] : [`${at} is no text`]
}

function faultsOfStructure(value: unknown, schema: Schema, at: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no structure`]
  const given = value as Record<string, unknown>
  const members = new Map(schema.structIterator())
  return [
    ...requiredOf(schema).flatMap((name) => (given[name] === undefined ? [`${at}.${name} is missing`] : [])),
    ...Object.entries(given).flatMap(([name, each]) => {
      const member = members.get(name)
      return member ? faultsOf(each, member, `${at}.${name}`) : [`${at}.${name} is not in the model`]
    }),
  ]
}
