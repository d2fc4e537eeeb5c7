import type { TargetDefinition } from '../definitions/types.ts'
import { argumentsOf, bodyKind, inputSchema, outputSchema, type Argument } from '../openapi/arguments.ts'
import { resultOf, type Structure } from '../openapi/answer.ts'
import { encodeBody } from '../openapi/body.ts'
import { dialectOf, isObject, parseText, type Dialect, type Json } from '../openapi/document.ts'
import { nameTools } from '../openapi/names.ts'
import { findOperations, type Operation, type ReadOperation } from '../openapi/operation.ts'
import { Refs, type LoadDocument } from '../openapi/refs.ts'
import { cookiePairs, encode, headerValue, pathValue, queryPairs, UnsendableArgument } from '../openapi/serialize.ts'
import type { OutboundAuth, OutgoingRequest } from '../outbound/credentials.ts'
import { Upstream, type UpstreamOptions } from '../outbound/upstream.ts'
import { compileSchema } from '../schema-check.ts'
import { TargetFailure, type JsonSchema, type Target, type Tool, type ToolCall, type ToolResult } from '../tool.ts'
import { propagated, returned } from './propagation.ts'

export interface OpenApiTargetOptions {
  definition: TargetDefinition
  /** The document, as text. */
  document: string
  /** Where it is from: `$ref`s to other documents are relative to it. */
  address?: string
  load?: LoadDocument
  auth: OutboundAuth
  /** Where an origin really is; undefined: where it says. */
  locate?: (origin: string) => string | undefined
  /** What is said for a document without an absolute server. */
  serverUrl?: string
  /** Operations that cannot be used, and why. */
  warn?: (warning: string) => void
  timeoutMs?: number
}

/** Makes a target of a REST API from its OpenAPI document. An operation that cannot be used is skipped with a warning; the others work. */
export async function openApiTarget(options: OpenApiTargetOptions): Promise<Target> {
  const { definition, address = 'document:/', warn = () => {} } = options
  const api = await readApi(options.document, {
    address,
    name: definition.name,
    ...(options.load ? { load: options.load } : {}),
  })
  for (const [broken, why] of api.refs.broken) warn(`${definition.name}: ${broken} cannot be read: ${why}`)
  const names = nameTools(definition.name, api.operations)
  const upstreams = new Map<string, Upstream>()
  const tools: OpenApiTool[] = []
  for (const [at, found] of api.operations.entries()) {
    try {
      const operation = found.read()
      tools.push(new OpenApiTool(names[at]!, operation, api, baseOf(operation, address, options)))
    } catch (error) {
      warn(
        `${definition.name}: ${found.method} ${found.path} is skipped: ${error instanceof Error ? error.message : 'it cannot be read'}`,
      )
    }
  }
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return {
    name: definition.name,
    description: definition.description ?? api.title,
    version: 0,
    tools: async () => tools,
    synchronize: async () => {},
    check: (tool, args, checker) => {
      const found = byName.get(tool)
      return found ? checker.check(found, args) : []
    },
    call: async (call) => {
      const tool = byName.get(call.tool)
      return tool && callApi(tool, call, { options, upstreamOf })
    },
    close: async () => {
      await Promise.all([...upstreams.values()].map((each) => each.close()))
    },
  }

  function upstreamOf(origin: string): Upstream {
    const known = upstreams.get(origin)
    if (known) return known
    const at = options.locate?.(origin)
    const upstream = new Upstream(origin, (at === undefined ? {} : { at }) satisfies UpstreamOptions)
    // Origins come from the document; its variables can make more of them, but not without end.
    if (upstreams.size >= 100)
      throw new TargetFailure('UpstreamException', 'too many servers are called by one document')
    upstreams.set(origin, upstream)
    return upstream
  }
}

export interface Api {
  refs: Refs
  dialect: Dialect
  operations: ReadOperation[]
  title: string
  document: Json
}

/** Reads a document, and those that it refers to. Throws GATEWAY_DOCUMENT. */
export async function readApi(
  text: string,
  { address, name, load }: { address: string; name: string; load?: LoadDocument },
): Promise<Api> {
  const document = await parseText(text, name)
  const dialect = dialectOf(document, name)
  const refs = new Refs(document, address)
  if (load) await refs.load(load)
  const root = document as Json
  const info = isObject(root.info) ? root.info : {}
  return {
    refs,
    dialect,
    operations: findOperations(root, dialect, refs, address),
    title: typeof info.title === 'string' ? info.title : name,
    document: root,
  }
}

/** The address that an operation is called at, with `{variables}`. Throws when there is none. */
function baseOf({ server }: Operation, address: string, { serverUrl }: OpenApiTargetOptions): string {
  const template = server?.template ?? ''
  if (/^https?:\/\//i.test(template)) return template.replace(/\/+$/, '')
  const from = serverUrl ?? (/^https?:/.test(address) ? address : undefined)
  if (from === undefined)
    throw new Error(
      `its server ${template === '' ? 'is not said' : `is ${template}, which is relative`}; the bindings may say it (\`servers\`)`,
    )
  if (template === '') return from.replace(/\/+$/, '')
  return new URL(template, from).href.replace(/\/+$/, '')
}

/** A tool whose schemas are made when somebody asks for them: a document may have a thousand. */
class OpenApiTool implements Tool {
  readonly name: string
  readonly title?: string
  readonly description: string
  readonly annotations: Record<string, unknown>
  readonly #operation: Operation
  readonly #api: Api
  readonly #base: string
  #arguments: Argument[] | undefined
  #input: JsonSchema | undefined
  #output: { schema: Json; wrapped: boolean } | undefined | null = null
  #structure: Structure | undefined | null = null

  constructor(name: string, operation: Operation, api: Api, base: string) {
    const { summary, description, method, path } = operation
    this.name = name
    if (summary !== undefined) this.title = summary
    this.description = description ?? summary ?? `${method} ${path}`
    this.annotations = annotationsOf(method, summary)
    this.#operation = operation
    this.#api = api
    this.#base = base
  }

  // Accessors stand on the prototype: a copy of the tool does not make what it does not need.
  get inputSchema(): JsonSchema {
    return (this.#input ??= inputSchema(this.arguments(), this.#api.refs, this.#api.dialect))
  }

  get outputSchema(): JsonSchema | undefined {
    return this.output()?.schema
  }

  output(): { schema: Json; wrapped: boolean } | undefined {
    const { result } = this.#operation
    if (this.#output === null) this.#output = result && outputSchema(result, this.#api.refs, this.#api.dialect)
    return this.#output
  }

  structure(): Structure | undefined {
    if (this.#structure !== null) return this.#structure
    const output = this.output()
    if (!output) return (this.#structure = undefined)
    const check = compileSchema(output.schema)
    return (this.#structure = {
      wrapped: output.wrapped,
      fits: (value) => isObject(value) && check(value).length === 0,
    })
  }

  arguments(): Argument[] {
    return (this.#arguments ??= argumentsOf(this.#operation, this.#api.refs))
  }

  get operation(): Operation {
    return this.#operation
  }

  get api(): Api {
    return this.#api
  }

  get base(): string {
    return this.#base
  }

  /** Names of parameters and the method only blur what a path and tags say: measured on GitHub's document. */
  searchText(): string {
    const { path, tags } = this.#operation
    return [path, ...tags].join(' ')
  }
}

function annotationsOf(method: string, title: string | undefined): Record<string, unknown> {
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
  const named = title === undefined ? {} : { title }
  if (reads) return { ...named, readOnlyHint: true, openWorldHint: true }
  return {
    ...named,
    readOnlyHint: false,
    // A POST makes something; the others change or remove what is there.
    destructiveHint: method !== 'POST',
    idempotentHint: method === 'PUT' || method === 'DELETE',
    openWorldHint: true,
  }
}

interface Calling {
  options: OpenApiTargetOptions
  upstreamOf: (origin: string) => Upstream
}

async function callApi(tool: OpenApiTool, call: ToolCall, { options, upstreamOf }: Calling): Promise<ToolResult> {
  let request: OutgoingRequest
  try {
    request = requestOf(tool, call, options)
  } catch (error) {
    if (!(error instanceof UnsendableArgument)) throw error
    const text = `JsonSchemaException - Parameter validation failed: Invalid request parameters:\n- ${error.message}`
    return { isError: true, content: [{ type: 'text', text }] }
  }
  const upstream = upstreamOf(request.origin)
  const send = async () => {
    const sent = { ...request, headers: { host: upstream.host, ...request.headers } }
    await options.auth.apply(sent)
    return upstream.exchange({ ...sent, signal: call.signal, timeoutMs: options.timeoutMs ?? 60_000 })
  }
  let answer = await send()
  // A token that was withdrawn before its time: once, with a new one.
  if (answer.status === 401 && options.auth.refused?.()) answer = await send()
  return {
    ...resultOf(answer, tool.structure()),
    ...returned(options.definition.metadataConfiguration ?? {}, answer.headers),
  }
}

/** The request of a call, from its arguments and from nothing else. Throws UnsendableArgument. */
export function requestOf(
  tool: OpenApiTool,
  { args, ...call }: ToolCall,
  options: OpenApiTargetOptions,
): OutgoingRequest {
  const { operation, api } = tool
  const list = tool.arguments()
  const url = serverUrl(tool.base, list, args, operation)
  const headers: Record<string, string> = {
    accept: acceptOf(operation),
    'user-agent': 'fairlead-gateway',
  }
  const query: string[] = []
  const cookies: string[] = []
  let { path } = operation
  for (const { name, destination } of list) {
    if (destination.kind !== 'parameter' || !Object.hasOwn(args, name)) continue
    const { parameter } = destination
    const value = args[name]
    if (parameter.place === 'path') path = path.replaceAll(`{${parameter.name}}`, () => pathValue(parameter, value))
    else if (parameter.place === 'query') query.push(...queryPairs(parameter, value))
    else if (parameter.place === 'header' && value !== null)
      headers[parameter.name.toLowerCase()] = headerValue(parameter, value)
    else if (parameter.place === 'cookie') cookies.push(...cookiePairs(parameter, value))
  }
  if (path.includes('{')) throw new UnsendableArgument(`a part of the path is missing: ${path}`)
  if (cookies.length > 0) headers.cookie = cookies.join('; ')
  const body = operation.body && encodeBody(operation.body, bodyKind(operation.body, api.refs), list, args)
  if (body) headers['content-type'] = body.contentType
  const passed = propagated(options.definition.metadataConfiguration ?? {}, { args, ...call })
  for (const [name, value] of Object.entries(passed.headers)) headers[name] ??= value
  const taken = new Set(operation.parameters.filter(({ place }) => place === 'query').map(({ name }) => name))
  for (const [name, value] of passed.query) if (!taken.has(name)) query.push(`${encode(name)}=${encode(value)}`)
  const prefix = url.pathname === '/' ? '' : url.pathname
  return {
    method: operation.method,
    origin: url.origin,
    path: prefix + path + (query.length > 0 ? `?${query.join('&')}` : ''),
    headers,
    ...(body ? { body: body.bytes } : {}),
  }
}

/** A variable of the server's name may be one label of it, so that no caller sends the credentials of this target elsewhere. */
function serverUrl(base: string, list: readonly Argument[], args: Json, { server }: Operation): URL {
  if (!base.includes('{')) return new URL(base)
  const filled = base.replaceAll(/\{([^{}]+)\}/g, (whole, variable: string) => {
    const known = server?.variables.find(({ name }) => name === variable)
    const argument = list.find(({ destination }) => destination.kind === 'server' && destination.variable === variable)
    if (!known || !argument) return whole
    const value = Object.hasOwn(args, argument.name) ? String(args[argument.name]) : known.default
    if (value !== known.default && !known.enum?.includes(value) && !/^[A-Za-z0-9_-]{1,63}$/.test(value))
      throw new UnsendableArgument(`${argument.name} must be letters, digits, _ and -`)
    return value
  })
  if (!URL.canParse(filled)) throw new UnsendableArgument('the address of the server is not whole')
  return new URL(filled)
}

function acceptOf({ accepts }: Operation): string {
  const types = accepts.filter((type) => /^[\w.+*-]+\/[\w.+*-]+$/.test(type)).slice(0, 10)
  return types.length === 0 ? '*/*' : types.includes('*/*') ? '*/*' : `${types.join(', ')}, */*;q=0.1`
}
