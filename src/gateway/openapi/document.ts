import { FairleadError } from '../../errors.ts'
import { isDeeperThan } from '../../mcp/json-rpc.ts'

export type Json = Record<string, unknown>

/** What is read at most: GitHub's own document has 13 MB. */
const maxBytes = 64 * 1024 * 1024
const maxDepth = 200

export type Dialect = '2.0' | '3.0' | '3.1'

/** Parses JSON or YAML. Throws GATEWAY_DOCUMENT. */
export async function parseText(text: string, name: string): Promise<unknown> {
  if (text.length > maxBytes) throw bad(name, `is larger than ${maxBytes / 1024 / 1024} MB`)
  const isJson = /^[\s\uFEFF]*[[{]/.test(text)
  try {
    if (isJson) {
      if (isDeeperThan(Buffer.from(text), maxDepth)) throw new Error(`it nests deeper than ${maxDepth} levels`)
      return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
    }
    // Few documents are YAML, and its reader takes 8 MB.
    const { parse } = await import('yaml')
    // A hundred aliases at most, and no tag but YAML's own: a short text must not become a large one.
    return parse(text, { maxAliasCount: 100, schema: 'core', logLevel: 'silent' }) as unknown
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]! : 'it cannot be read'
    throw bad(name, `is not ${isJson ? 'JSON' : 'YAML'}: ${said.slice(0, 200)}`, error)
  }
}

/** Which version of OpenAPI a document is of. Throws GATEWAY_DOCUMENT. */
export function dialectOf(document: unknown, name: string): Dialect {
  if (!isObject(document)) throw bad(name, 'is not an object')
  const { openapi, swagger } = document
  if (swagger === '2.0' || swagger === 2) return '2.0'
  const version = typeof openapi === 'number' ? String(openapi) : openapi
  if (typeof version === 'string' && version.startsWith('3.0')) return '3.0'
  if (typeof version === 'string' && /^3\.[12]/.test(version)) return '3.1'
  throw bad(name, 'says neither `swagger: "2.0"` nor `openapi: 3.0` or 3.1')
}

export function bad(name: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('GATEWAY_DOCUMENT', `${name} ${problem}`, cause === undefined ? {} : { cause })
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
