import type { Operation, Schema } from './model.ts'

type Values = Record<string, unknown>

/** Reads the form of the `query` protocol: `Parameters.member.1.ParameterKey=…`. What the model has not stays as it came. */
export function fromQuery(form: URLSearchParams, schema: Schema): Values {
  const tree: Values = {}
  for (const [key, text] of form) {
    if (key === 'Action' || key === 'Version') continue
    const path = key.split('.')
    let at = tree
    for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Values
    at[path.at(-1)!] = text
  }
  return typed(tree, schema, true) as Values
}

/** Reads JSON, in which a timestamp is in seconds and a blob in base64. */
export function fromJson(text: string, schema: Schema): Values {
  return typed(text === '' ? {} : JSON.parse(text), schema, false) as Values
}

/** Reads a REST request: the labels of its path, its query, and its body. */
export function fromRest(operation: Operation, path: string, query: URLSearchParams, body: string): Values {
  const found = fromJson(body, operation.input)
  for (const [name, member] of operation.input.structIterator()) {
    const traits = member.getMergedTraits()
    if (traits['httpLabel']) found[name] = labelOf(operation.http![1], path, name)
    const queryName = traits['httpQuery']
    if (typeof queryName === 'string' && query.has(queryName)) found[name] = typed(query.get(queryName), member, true)
  }
  return found
}

/** The operation that a method and a path name, where the protocol is REST. */
export function restOperation(all: Iterable<Operation>, method: string, path: string): Operation | undefined {
  return [...all].find(({ http }) => http?.[0] === method && patternOf(http[1]).test(path))
}

function patternOf(template: string): RegExp {
  const [path] = template.split('?') as [string]
  return new RegExp(`^${path.replaceAll(/\{(\w+)\+?\}/g, '(?<$1>[^/]+)')}/?$`)
}

function labelOf(template: string, path: string, name: string): string {
  return decodeURIComponent(patternOf(template).exec(path)!.groups![name]!)
}

function typed(value: unknown, schema: Schema, fromText: boolean): unknown {
  if (schema.isStructSchema() && isValues(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const member = memberOf(schema, name)
        return [member?.[0] ?? name, member ? typed(each, member[1], fromText) : each]
      }),
    )
  if (schema.isListSchema()) {
    if (!fromText)
      return Array.isArray(value) ? value.map((each) => typed(each, schema.getValueSchema(), false)) : value
    const items = isValues(value) ? ((value['member'] ?? value) as Values) : {}
    return Object.keys(items)
      .sort((a, b) => Number(a) - Number(b))
      .map((key) => typed(items[key], schema.getValueSchema(), true))
  }
  if (schema.isMapSchema() && !fromText && isValues(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, typed(each, schema.getValueSchema(), false)]),
    )
  if (schema.isTimestampSchema()) return typeof value === 'number' ? new Date(value * 1000) : new Date(String(value))
  if (schema.isBlobSchema()) return Buffer.from(String(value), 'base64')
  if (fromText && schema.isBooleanSchema()) return value === 'true' ? true : value === 'false' ? false : value
  if (fromText && schema.isNumericSchema()) return Number(value)
  return value
}

/** On the wire a member may have another name (`jsonName`, `xmlName`). */
function memberOf(schema: Schema, wire: string): [string, Schema] | undefined {
  return [...schema.structIterator()].find(([name, member]) => wireName(name, member) === wire)
}

function wireName(name: string, member: Schema): string {
  const { jsonName, xmlName } = member.getMergedTraits()
  return (jsonName ?? xmlName ?? name) as string
}

/** Writes an answer as JSON. */
export function toJson(value: Values, schema: Schema): string {
  return JSON.stringify(plain(value, schema))
}

/** What a model has for a time that is written out; others are seconds. */
const dateTime = 5

function plain(value: unknown, schema: Schema): unknown {
  if (value instanceof Date) return schema.getSchema() === dateTime ? value.toISOString() : value.getTime() / 1000
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (schema.isListSchema() && Array.isArray(value)) return value.map((each) => plain(each, schema.getValueSchema()))
  if (schema.isMapSchema() && isValues(value))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, schema.getValueSchema())]))
  if (schema.isStructSchema() && isValues(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const member = schema.getMemberSchema(name)
        return [wireName(name, member), plain(each, member)]
      }),
    )
  return value
}

/** Writes an answer of the `query` protocol. */
export function toQueryXml(operation: Operation, value: Values, namespace: string): string {
  const { name, output } = operation
  return `<${name}Response xmlns="${namespace}"><${name}Result>${inner(value, output)}</${name}Result><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></${name}Response>`
}

function inner(value: unknown, schema: Schema): string {
  if (value === undefined || value === null) return ''
  if (value instanceof Date) return value.toISOString()
  if (schema.isListSchema() && Array.isArray(value))
    return value.map((each) => `<member>${inner(each, schema.getValueSchema())}</member>`).join('')
  if (schema.isStructSchema() && isValues(value))
    return Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => `<${name}>${inner(each, schema.getMemberSchema(name))}</${name}>`)
      .join('')
  return escaped(typeof value === 'string' ? value : JSON.stringify(value))
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;')
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
