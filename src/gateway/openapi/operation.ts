import { isObject, type Dialect, type Json } from './document.ts'
import type { Located, Refs } from './refs.ts'
import { plain } from './plain.ts'

export type Place = 'path' | 'query' | 'header' | 'cookie'
export type Style =
  | 'simple'
  | 'label'
  | 'matrix'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'tabDelimited'
  | 'deepObject'

export interface Parameter {
  place: Place
  name: string
  required: boolean
  description?: string
  schema: Located
  style: Style
  explode: boolean
  allowReserved: boolean
  /** The value is sent as JSON: `content` with a JSON media type. */
  json: boolean
}

export interface Body {
  contentType: string
  required: boolean
  description?: string
  schema: Located
  /** Of forms: how each property is sent. */
  encoding: Json
}

export interface ServerUrl {
  /** With `{variables}`; maybe relative. */
  template: string
  variables: { name: string; default: string; enum?: string[]; description?: string }[]
}

/** One operation of a document, the same whatever version it was written in. */
export interface Operation {
  method: string
  path: string
  operationId?: string
  summary?: string
  description?: string
  tags: string[]
  parameters: Parameter[]
  body?: Body
  /** Of a good answer: the schema of its JSON. */
  result?: Located
  /** Media types of good answers. */
  accepts: string[]
  server?: ServerUrl
}

export interface ReadOperation {
  method: string
  path: string
  operationId?: string
  /** Made when the operation is looked at; throws when it cannot be used. */
  read: () => Operation
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const
const maxOperations = 20_000

/** Finds the operations of a document. What is wrong with one of them is known when it is read. */
export function findOperations(document: Json, dialect: Dialect, refs: Refs, base: string): ReadOperation[] {
  const found: ReadOperation[] = []
  for (const [path, rawItem] of Object.entries(isObject(document.paths) ? document.paths : {})) {
    const item = refs.follow({ value: rawItem, base })
    if (!path.startsWith('/') || !item || !isObject(item.value)) continue
    for (const method of methods) {
      const operation = item.value[method]
      if (!isObject(operation)) continue
      if (found.length >= maxOperations) return found
      const { operationId } = operation
      const context = { document, dialect, refs, path, method, item: { value: item.value, base: item.base }, operation }
      found.push({
        method: method.toUpperCase(),
        path,
        ...(typeof operationId === 'string' && operationId !== '' ? { operationId } : {}),
        read: () => readOperation(context),
      })
    }
  }
  return found
}

interface Context {
  document: Json
  dialect: Dialect
  refs: Refs
  path: string
  method: string
  item: { value: Json; base: string }
  operation: Json
}

function readOperation(context: Context): Operation {
  const { operation, method, path, dialect } = context
  const raw = rawParameters(context)
  const parameters = raw.filter(({ value }) => isPlace((value as Json).in)).map((each) => readParameter(each, dialect))
  const body = dialect === '2.0' ? oldBody(context, raw) : newBody(context)
  const server = serverOf(context)
  return {
    method: method.toUpperCase(),
    path,
    ...texts(operation, 'operationId', 'summary', 'description'),
    tags: Array.isArray(operation.tags) ? operation.tags.filter((each) => typeof each === 'string') : [],
    parameters: withImplied(path, parameters.filter(isSendable)),
    ...(body ? { body } : {}),
    ...resultOf(context),
    ...(server ? { server } : {}),
  }
}

/** Of the path, then of the operation, which wins. Throws for a reference that leads nowhere. */
function rawParameters({ refs, item, operation }: Context): Located[] {
  const byKey = new Map<string, Located>()
  for (const list of [item.value.parameters, operation.parameters])
    for (const value of Array.isArray(list) ? (list as unknown[]) : []) {
      const found = refs.follow({ value, base: item.base })
      if (!found || !isObject(found.value)) throw new Error(`a parameter refers to ${refOf(value)}, which is not there`)
      if (typeof found.value.name !== 'string') throw new Error('a parameter has no name')
      byKey.set(`${String(found.value.in)} ${found.value.name}`, found)
    }
  return [...byKey.values()]
}

function refOf(value: unknown): string {
  return isObject(value) ? String(value.$ref).slice(0, 200) : 'nothing'
}

function isPlace(place: unknown): place is Place {
  return place === 'path' || place === 'query' || place === 'header' || place === 'cookie'
}

function readParameter({ value, base }: Located, dialect: Dialect): Parameter {
  const source = value as Json
  const place = source.in as Place
  const shared = {
    place,
    name: source.name as string,
    required: place === 'path' || source.required === true,
    ...texts(source, 'description'),
    allowReserved: source.allowReserved === true,
  }
  if (dialect === '2.0') return { ...shared, schema: { value, base }, ...collection(source, place), json: false }
  if (isObject(source.content)) {
    const [[type, media] = ['', {}]] = Object.entries(source.content)
    const schema = { value: isObject(media) ? (media.schema ?? {}) : {}, base }
    return { ...shared, schema, style: defaultStyle(place), explode: false, json: isJson(type) }
  }
  const style = isStyle(source.style) ? source.style : defaultStyle(place)
  const explode = typeof source.explode === 'boolean' ? source.explode : style === 'form' || style === 'deepObject'
  return { ...shared, schema: { value: source.schema ?? {}, base }, style, explode, json: false }
}

const styles = new Set(['simple', 'label', 'matrix', 'form', 'spaceDelimited', 'pipeDelimited', 'deepObject'])

function isStyle(style: unknown): style is Style {
  return typeof style === 'string' && styles.has(style)
}

function defaultStyle(place: Place): Style {
  return place === 'query' || place === 'cookie' ? 'form' : 'simple'
}

/** `collectionFormat` of 2.0 in the words of 3. */
function collection({ collectionFormat }: Json, place: Place): { style: Style; explode: boolean } {
  if (collectionFormat === 'multi') return { style: 'form', explode: true }
  if (collectionFormat === 'ssv') return { style: 'spaceDelimited', explode: false }
  if (collectionFormat === 'tsv') return { style: 'tabDelimited', explode: false }
  if (collectionFormat === 'pipes') return { style: 'pipeDelimited', explode: false }
  return { style: defaultStyle(place), explode: false }
}

/** A header of the protocol itself is not a parameter, as OpenAPI says of some, and safety of others. */
function isSendable({ place, name }: Parameter): boolean {
  return place !== 'header' || !ownHeaders.has(name.toLowerCase())
}

const ownHeaders = new Set(
  'accept content-type authorization host connection content-length transfer-encoding upgrade te trailer keep-alive expect cookie proxy-authorization proxy-connection'.split(
    ' ',
  ),
)

/** A `{name}` of the path that nobody described is a string. */
function withImplied(path: string, parameters: Parameter[]): Parameter[] {
  const described = new Set(parameters.filter(({ place }) => place === 'path').map(({ name }) => name))
  const names = [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!)
  const implied = names
    .filter((name, at) => !described.has(name) && names.indexOf(name) === at)
    .map((name): Parameter => ({
      place: 'path',
      name,
      required: true,
      schema: { value: { type: 'string' }, base: '' },
      style: 'simple',
      explode: false,
      allowReserved: false,
      json: false,
    }))
  // One that the path does not have can be sent nowhere.
  return [...parameters.filter(({ place, name }) => place !== 'path' || names.includes(name)), ...implied]
}

function newBody({ refs, operation, item }: Context): Body | undefined {
  if (operation.requestBody === undefined) return undefined
  const found = refs.follow({ value: operation.requestBody, base: item.base })
  if (!found || !isObject(found.value)) throw new Error('its requestBody refers to what is not there')
  const { content, required } = found.value
  const chosen = chooseMedia(isObject(content) ? content : {})
  if (!chosen) return undefined
  const [contentType, media] = chosen
  return {
    contentType,
    required: required === true,
    ...texts(found.value, 'description'),
    schema: { value: media.schema ?? {}, base: found.base },
    encoding: isObject(media.encoding) ? media.encoding : {},
  }
}

/** JSON before all else, since arguments are JSON; what carries them whole before what does not. */
function chooseMedia(content: Json): [type: string, media: Json] | undefined {
  const types = Object.keys(content)
  const rank = (type: string) => {
    const bare = bareType(type)
    if (bare === 'application/json') return 0
    if (isJson(bare)) return 1
    if (bare === '*/*' || bare === 'application/*') return 2
    if (bare === 'multipart/form-data') return 3
    if (bare === 'application/x-www-form-urlencoded') return 4
    if (bare.startsWith('text/')) return 5
    return 6
  }
  const [best] = types.toSorted((a, b) => rank(a) - rank(b))
  if (best === undefined) return undefined
  const media = content[best]
  return [rank(best) === 2 ? 'application/json' : best, isObject(media) ? media : {}]
}

/** In 2.0 the body is a parameter, and so is each field of a form. */
function oldBody(context: Context, raw: Located[]): Body | undefined {
  const consumes = list(context.operation.consumes ?? context.document.consumes)
  const whole = raw.find(({ value }) => (value as Json).in === 'body')
  if (whole) {
    const source = whole.value as Json
    const contentType = chooseMedia(Object.fromEntries(consumes.map((type) => [type, {}])))?.[0] ?? 'application/json'
    return {
      contentType,
      required: source.required === true,
      ...texts(source, 'description'),
      schema: { value: source.schema ?? {}, base: whole.base },
      encoding: {},
    }
  }
  const fields = raw.filter(({ value }) => (value as Json).in === 'formData').map(({ value }) => value as Json)
  if (fields.length === 0) return undefined
  const hasFile = fields.some(({ type }) => type === 'file')
  const multipart =
    hasFile || (consumes.includes('multipart/form-data') && !consumes.includes('application/x-www-form-urlencoded'))
  const properties = Object.fromEntries(
    fields.map(({ in: _in, required: _required, name, ...schema }) => [
      name as string,
      schema.type === 'file' ? { ...schema, type: 'string', format: 'binary' } : schema,
    ]),
  )
  const required = fields.filter((each) => each.required === true).map(({ name }) => name)
  const encoding = Object.fromEntries(fields.map((field) => [field.name as string, collection(field, 'query')]))
  return {
    contentType: multipart ? 'multipart/form-data' : 'application/x-www-form-urlencoded',
    required: required.length > 0,
    schema: {
      value: { type: 'object', properties, ...(required.length > 0 ? { required } : {}) },
      base: context.item.base,
    },
    encoding,
  }
}

function resultOf({ operation, refs, item, dialect, document }: Context): { result?: Located; accepts: string[] } {
  const responses = isObject(operation.responses) ? operation.responses : {}
  const codes = Object.keys(responses)
  const good = codes.filter((code) => /^2(\d\d|XX)$/i.test(code)).toSorted()
  for (const code of good.length > 0 ? good : codes.filter((each) => each === 'default')) {
    const found = refs.follow({ value: responses[code], base: item.base })
    if (!found || !isObject(found.value)) continue
    if (dialect === '2.0') {
      const accepts = list(operation.produces ?? document.produces)
      const schema = found.value.schema
      const json = accepts.length === 0 || accepts.some(isJson)
      return { accepts, ...(schema !== undefined && json ? { result: { value: schema, base: found.base } } : {}) }
    }
    const content = isObject(found.value.content) ? found.value.content : {}
    const accepts = Object.keys(content)
    const type = accepts.find(isJson)
    const media = type === undefined ? undefined : content[type]
    if (accepts.length > 0)
      return {
        accepts,
        ...(isObject(media) && media.schema !== undefined ? { result: { value: media.schema, base: found.base } } : {}),
      }
  }
  return { accepts: [] }
}

function serverOf({ document, dialect, item, operation }: Context): ServerUrl | undefined {
  if (dialect === '2.0') {
    const { host, basePath = '' } = document
    const schemes = list(operation.schemes ?? document.schemes)
    const scheme = schemes.includes('https') || schemes.length === 0 ? 'https' : schemes[0]!
    const path = typeof basePath === 'string' ? basePath : ''
    return { template: typeof host === 'string' ? `${scheme}://${host}${path}` : path, variables: [] }
  }
  const [server] = [operation.servers, item.value.servers, document.servers]
    .map((each) => (Array.isArray(each) ? (each as unknown[])[0] : undefined))
    .filter(isObject)
  if (!server || typeof server.url !== 'string') return undefined
  const variables = Object.entries(isObject(server.variables) ? server.variables : {}).map(([name, variable]) => {
    const source = isObject(variable) ? variable : {}
    return {
      name,
      default: plain(source.default),
      ...(Array.isArray(source.enum) && source.enum.length > 0 ? { enum: source.enum.map(String) } : {}),
      ...texts(source, 'description'),
    }
  })
  return {
    template: server.url,
    variables: variables.filter(({ name }) => (server.url as string).includes(`{${name}}`)),
  }
}

export function isJson(type: string): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(type)
}

export function bareType(type: string): string {
  return type.split(';', 1)[0]!.trim().toLowerCase()
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function texts<N extends string>(source: Json, ...names: N[]): Partial<Record<N, string>> {
  return Object.fromEntries(
    names.flatMap((name) => (typeof source[name] === 'string' ? [[name, source[name]]] : [])),
  ) as Partial<Record<N, string>>
}
