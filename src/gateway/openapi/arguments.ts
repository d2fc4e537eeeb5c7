import { isObject, type Dialect, type Json } from './document.ts'
import { bareType, isJson, type Body, type Operation, type Parameter } from './operation.ts'
import type { Located, Refs } from './refs.ts'
import { SchemaConverter } from './schema.ts'

/** Where an argument of the tool goes in the request. */
export type Destination =
  | { kind: 'parameter'; parameter: Parameter }
  | { kind: 'server'; variable: string }
  /** A property of the body. */
  | { kind: 'property'; property: string; file: boolean }
  /** The whole body. */
  | { kind: 'body' }

export interface Argument {
  /** As the tool has it: the wire's name, unless two have the same one. */
  name: string
  required: boolean
  schema: Located | Json
  description?: string
  destination: Destination
}

export type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'binary'

/**
 * Lays the parameters of an operation and its body out as one flat list of arguments, as the managed service does. Where two
 * have the same name, the one of the path keeps it, then query, header, cookie, server, body; the others say where they go:
 * `id_query`, `id_body`. A body that is no plain object is one argument, `body`.
 */
export function argumentsOf(operation: Operation, refs: Refs): Argument[] {
  const order = { path: 0, query: 1, header: 2, cookie: 3 }
  const wanted: (Argument & { suffix: string })[] = operation.parameters
    .toSorted((a, b) => order[a.place] - order[b.place])
    .map((parameter) => ({
      name: parameter.name,
      required: parameter.required,
      schema: parameter.schema,
      ...(parameter.description === undefined ? {} : { description: parameter.description }),
      destination: { kind: 'parameter', parameter },
      suffix: parameter.place,
    }))
  for (const { name, default: fallback, enum: values, description } of operation.server?.variables ?? [])
    wanted.push({
      name,
      required: false,
      schema: {
        type: 'string',
        default: fallback,
        ...(values ? { enum: values } : {}),
        ...(description ? { description } : {}),
      },
      destination: { kind: 'server', variable: name },
      suffix: 'server',
    })
  if (operation.body) wanted.push(...bodyArguments(operation.body, refs).map((each) => ({ ...each, suffix: 'body' })))
  return unique(wanted)
}

function unique(wanted: (Argument & { suffix: string })[]): Argument[] {
  const taken = new Set<string>()
  return wanted.map(({ suffix, ...argument }) => {
    const plain = argument.name.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, 64) || '_'
    let name = plain
    if (taken.has(name)) name = `${plain.slice(0, 56)}_${suffix}`
    for (let n = 2; taken.has(name); n++) name = `${plain.slice(0, 52)}_${suffix}_${n}`
    taken.add(name)
    return { ...argument, name }
  })
}

export function bodyKind({ contentType, schema }: Body, refs: Refs): BodyKind {
  const type = bareType(contentType)
  if (isJson(type)) return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type === 'multipart/form-data' || type === 'multipart/mixed') return 'multipart'
  const { value } = refs.follow(schema) ?? {}
  if (isObject(value) && value.format === 'binary') return 'binary'
  return type.startsWith('text/') || type === 'application/xml' || type.endsWith('+xml') || type === 'application/yaml'
    ? 'text'
    : 'binary'
}

function bodyArguments(body: Body, refs: Refs): Argument[] {
  const kind = bodyKind(body, refs)
  const whole = (schema: Argument['schema']): Argument[] => [
    {
      name: 'body',
      required: body.required,
      schema,
      ...(body.description === undefined ? {} : { description: body.description }),
      destination: { kind: 'body' },
    },
  ]
  if (kind === 'text') return whole({ type: 'string', description: `The body, as ${bareType(body.contentType)}` })
  if (kind === 'binary')
    return whole({
      type: 'string',
      contentEncoding: 'base64',
      description: `The bytes of the body (${bareType(body.contentType)}), in base64`,
    })
  const shape = objectShape(body.schema, refs, 0)
  if (!shape) return whole(body.schema)
  const converter = new SchemaConverter(refs, '3.1', 'request')
  return [...shape.properties]
    .filter(([, schema]) => !converter.hidden(schema))
    .map(([property, schema]) => {
      const file = kind === 'multipart' ? fileKind(schema, body.encoding[property], refs) : undefined
      return {
        name: property,
        required: body.required && shape.required.has(property),
        schema:
          file === 'one' ? fileSchema(schema) : file === 'many' ? { type: 'array', items: fileSchema(schema) } : schema,
        destination: { kind: 'property', property, file: file !== undefined },
      }
    })
}

interface ObjectShape {
  properties: Map<string, Located>
  required: Set<string>
}

/** The properties of a body that can be laid out flat: an object with named properties and nothing beside them. */
export function objectShape(at: Located, refs: Refs, depth: number): ObjectShape | undefined {
  const found = refs.follow(at)
  if (!found || !isObject(found.value) || depth > 20) return undefined
  const { value, base } = found
  const { type, properties, allOf, additionalProperties, nullable } = value
  if (value.oneOf !== undefined || value.anyOf !== undefined || value.not !== undefined || nullable === true)
    return undefined
  if (type !== undefined && type !== 'object') return undefined
  if (additionalProperties === true || isObject(additionalProperties)) return undefined
  const shape: ObjectShape = {
    properties: new Map(),
    required: new Set(Array.isArray(value.required) ? (value.required as string[]) : []),
  }
  for (const part of Array.isArray(allOf) ? (allOf as unknown[]) : []) {
    const inner = objectShape({ value: part, base }, refs, depth + 1) ?? requirement(part)
    if (!inner) return undefined
    for (const [name, schema] of inner.properties) shape.properties.set(name, schema)
    for (const name of inner.required) shape.required.add(name)
  }
  if (isObject(properties))
    for (const [name, schema] of Object.entries(properties)) shape.properties.set(name, { value: schema, base })
  return shape.properties.size === 0 ? undefined : shape
}

/** A part of an allOf that only says what is required, or describes. */
function requirement(part: unknown): ObjectShape | undefined {
  if (!isObject(part)) return undefined
  const names = Object.keys(part).filter((each) => !['required', 'description', 'title', 'type'].includes(each))
  if (names.length > 0) return undefined
  return { properties: new Map(), required: new Set(Array.isArray(part.required) ? (part.required as string[]) : []) }
}

function fileKind(at: Located, encoding: unknown, refs: Refs): 'one' | 'many' | undefined {
  const found = refs.follow(at)
  if (!found || !isObject(found.value)) return undefined
  const { value, base } = found
  if (value.type === 'array')
    return value.items !== undefined && fileKind({ value: value.items, base }, undefined, refs) ? 'many' : undefined
  if (value.format === 'binary' || value.type === 'file') return 'one'
  if (value.type === 'string' && value.contentMediaType !== undefined && value.contentEncoding === undefined)
    return 'one'
  const { contentType } = isObject(encoding) ? encoding : {}
  const isFile = typeof contentType === 'string' && !isJson(contentType) && !contentType.startsWith('text/')
  return isFile && value.type !== 'object' ? 'one' : undefined
}

function fileSchema({ value }: Located): Json {
  const { description } = isObject(value) ? value : {}
  return {
    type: 'object',
    ...(typeof description === 'string' ? { description } : {}),
    properties: {
      filename: { type: 'string', description: 'The name of the file' },
      contentType: { type: 'string', description: 'Its media type; application/octet-stream by default' },
      data: { type: 'string', contentEncoding: 'base64', description: 'Its bytes, in base64' },
    },
    required: ['filename', 'data'],
    additionalProperties: false,
  }
}

/** The input schema of a tool, from its arguments. An argument that is not in it is refused. */
export function inputSchema(list: readonly Argument[], refs: Refs, dialect: Dialect): Json {
  const converter = new SchemaConverter(refs, dialect, 'request')
  const properties = Object.fromEntries(
    list.map(({ name, schema, description, destination }) => {
      const converted = isLocated(schema) ? converter.convert(parameterSchema(schema, destination, dialect)) : schema
      const own = description !== undefined && (converted.description === undefined || destination.kind === 'parameter')
      return [name, own ? { ...converted, description } : converted]
    }),
  )
  const required = list.filter((each) => each.required).map(({ name }) => name)
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
    ...converter.definitions(),
  }
}

/** In 2.0 a parameter is its own schema: what it says as a parameter is not of the schema. */
function parameterSchema(schema: Located, destination: Destination, dialect: Dialect): Located {
  if (dialect !== '2.0' || destination.kind !== 'parameter') return schema
  const { required: _required, ...rest } = schema.value as Json
  return { value: rest, base: schema.base }
}

function isLocated(schema: Located | Json): schema is Located {
  return 'base' in schema && 'value' in schema && typeof schema.base === 'string'
}

/** The output schema of a tool: always an object, since older clients know nothing else. `wrapped`: the answer is in `result`. */
export function outputSchema(
  result: Located,
  refs: Refs,
  dialect: Dialect,
): { schema: Json; wrapped: boolean } | undefined {
  const found = refs.follow(result)
  if (!found || !isObject(found.value) || Object.keys(found.value).length === 0) return undefined
  const converter = new SchemaConverter(refs, dialect, 'response')
  const plain = found.value.oneOf === undefined && found.value.anyOf === undefined && found.value.nullable !== true
  if (plain && (found.value.type === 'object' || isObject(found.value.properties))) {
    const schema = converter.convert(found)
    return { schema: { ...schema, type: 'object', ...converter.definitions() }, wrapped: false }
  }
  const schema = converter.convert(result)
  return { schema: { type: 'object', properties: { result: schema }, ...converter.definitions() }, wrapped: true }
}
