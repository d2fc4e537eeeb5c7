import { codes } from '../mcp/json-rpc.ts'
import { newest, revisions, type Era } from '../mcp/revisions.ts'

export type Id = string | number

/** One JSON-RPC message from a client. */
export interface Message {
  era: Era
  /** Absent: a notification, which is never answered. */
  id?: Id
  method: string
  params: Record<string, unknown>
}

/** What a client is told of a request that is not served: an HTTP status, and a JSON-RPC error. */
export class Refusal extends Error {
  readonly status: number
  readonly code: number
  readonly data: unknown
  id: Id | null

  constructor(
    status: number,
    code: number,
    message: string,
    { id = null, data }: { id?: Id | null; data?: unknown } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.id = id
    this.data = data
  }
}

/** Codes that came with 2026-07-28. @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports */
export const modernCodes = { headerMismatch: -32_020, unsupportedVersion: -32_022 } as const

const versionKey = 'io.modelcontextprotocol/protocolVersion'
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities'

interface Headers {
  get(name: string): string | null
}

/**
 * Reads one message, or a batch of an older revision. Which era it is of is in the message itself (`_meta`), and in the
 * header; they must agree. `versions` are those that the gateway serves. Throws Refusal.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function readMessages(body: unknown, headers: Headers, versions: readonly string[]): Message[] {
  const header = headers.get('mcp-protocol-version')
  if (Array.isArray(body)) return readBatch(body as unknown[], header, versions)
  if (!isObject(body))
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: the body is not a JSON-RPC message')
  const params = isObject(body.params) ? body.params : {}
  const meta = isObject(params._meta) ? params._meta : undefined
  const claimed = meta?.[versionKey]
  if (claimed !== undefined || isModern(header))
    return [readModern(body, { params, meta, claimed, header }, headers, versions)]
  refuseLegacyHeader(header, versions)
  return readLegacy(body)
}

function isModern(version: string | null): boolean {
  return version !== null && revisions[version as keyof typeof revisions]?.era === 'modern'
}

function readBatch(messages: unknown[], header: string | null, versions: readonly string[]): Message[] {
  if (isModern(header))
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: batches are not part of this revision')
  refuseLegacyHeader(header, versions)
  const revision = header === null ? undefined : revisions[header as keyof typeof revisions]
  if (revision && !revision.batches)
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: batches are not part of this revision')
  if (messages.length === 0 || messages.length > maxBatch)
    throw new Refusal(400, codes.invalidRequest, `Invalid Request: a batch has 1 to ${maxBatch} messages`)
  return messages.flatMap(readLegacy)
}

const maxBatch = 50

function refuseLegacyHeader(header: string | null, versions: readonly string[]): void {
  if (header === null || versions.includes(header)) return
  throw new Refusal(
    400,
    codes.server,
    `Unsupported MCP protocol version: ${header.slice(0, 40)} (supported: ${versions.join(', ')})`,
  )
}

/** A response that a client posts answers nothing here: the gateway asks clients nothing. */
function readLegacy(body: unknown): Message[] {
  if (!isObject(body) || body.jsonrpc !== '2.0')
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: not a JSON-RPC 2.0 message')
  if (typeof body.method !== 'string') {
    if (body.id !== undefined && ('result' in body || 'error' in body)) return []
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: there is no method')
  }
  const id = readId(body)
  const params = isObject(body.params) ? body.params : {}
  return [{ era: 'legacy', method: body.method, params, ...(id === undefined ? {} : { id }) }]
}

function readId({ id }: Record<string, unknown>): Id | undefined {
  if (id === undefined) return undefined
  if (typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))) return id
  throw new Refusal(400, codes.invalidRequest, 'Invalid Request: the id is neither a string nor a number')
}

function readModern(
  body: Record<string, unknown>,
  {
    params,
    meta,
    claimed,
    header,
  }: {
    params: Record<string, unknown>
    meta: Record<string, unknown> | undefined
    claimed: unknown
    header: string | null
  },
  headers: Headers,
  versions: readonly string[],
): Message {
  if (body.jsonrpc !== '2.0' || typeof body.method !== 'string')
    throw new Refusal(400, codes.invalidRequest, 'Invalid Request: not a JSON-RPC 2.0 request')
  const id = readId(body)
  const about = id === undefined ? {} : { id }
  const { method } = body
  if (typeof claimed === 'string' && (!versions.includes(claimed) || !isModern(claimed)))
    throw new Refusal(
      400,
      modernCodes.unsupportedVersion,
      `Unsupported MCP protocol version: ${claimed.slice(0, 40)}`,
      {
        ...about,
        data: { supported: versions.filter((each) => isModern(each)), requested: claimed.slice(0, 40) },
      },
    )
  if (!versions.includes(newest.modern))
    throw new Refusal(
      400,
      modernCodes.unsupportedVersion,
      `Unsupported MCP protocol version: ${header ?? newest.modern}`,
      {
        ...about,
        data: { supported: [], requested: header ?? newest.modern },
      },
    )
  if (typeof claimed !== 'string' || !isObject(meta?.[capabilitiesKey])) {
    if (id === undefined) return { era: 'modern', method, params }
    throw new Refusal(
      400,
      codes.invalidParams,
      `Invalid params: _meta needs ${versionKey} and ${capabilitiesKey}`,
      about,
    )
  }
  const mismatch = headerMismatch(method, params, { claimed, header }, headers)
  if (mismatch) throw new Refusal(400, modernCodes.headerMismatch, `Header mismatch: ${mismatch}`, about)
  return { era: 'modern', method, params, ...about }
}

/** What a request is of is also said in its headers, so that what stands between can route it: they must agree. */
function headerMismatch(
  method: string,
  params: Record<string, unknown>,
  { claimed, header }: { claimed: string; header: string | null },
  headers: Headers,
): string | undefined {
  if (header !== claimed) return `MCP-Protocol-Version is ${header ?? 'absent'}, and the body says ${claimed}`
  if (headers.get('mcp-method') !== method) return `Mcp-Method is not the method of the body`
  const member = named[method]
  if (member === undefined) return undefined
  return decoded(headers.get('mcp-name')) === params[member]
    ? undefined
    : `Mcp-Name is not params.${member} of the body`
}

const named: Record<string, string> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** What is not plain ASCII comes as `=?base64?…?=`. */
function decoded(value: string | null): string | undefined {
  const [, base64] = /^=\?base64\?(.*)\?=$/.exec(value ?? '') ?? []
  return base64 === undefined ? (value ?? undefined) : Buffer.from(base64, 'base64').toString('utf8')
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
