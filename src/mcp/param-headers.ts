/** An argument that a tool wants mirrored in a header. */
export interface ParamHeader {
  /** Names of properties, from the arguments down. */
  path: string[]
  name: string
}

interface Schema {
  [keyword: string]: unknown
}

/** The keyword of JSON Schema that names a header. */
const keyword = 'x-mcp-header'
/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const permitted = new Set(['string', 'integer', 'boolean'])
/** Where an annotation makes a definition invalid, since it cannot be reached by `properties` alone. */
const unreachable = ['items', 'prefixItems', 'contains', 'additionalProperties', 'unevaluatedProperties', 'unevaluatedItems', 'propertyNames', 'patternProperties', 'dependentSchemas', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else', '$defs', 'definitions'] // prettier-ignore
const named = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions'])
const maxDepth = 64

/**
 * Reads which arguments a tool wants as `Mcp-Param-*` headers. A string says why the definition is invalid: a client must
 * leave out such a tool.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports (Schema Extension `x-mcp-header`)
 */
export function paramHeaders(inputSchema: unknown): ParamHeader[] | string {
  const found: ParamHeader[] = []
  const seen = new Set<string>()
  const visit = (node: unknown, path: string[], reachable: boolean, depth: number): string | undefined => {
    if (typeof node !== 'object' || node === null) return undefined
    if (depth > maxDepth) return 'its schema nests too deep'
    const schema = node as Schema
    if (keyword in schema) {
      const fault = faultOf(schema, path, reachable, seen)
      if (fault) return fault
      found.push({ path, name: schema[keyword] as string })
    }
    const { properties } = schema
    if (typeof properties === 'object' && properties !== null)
      for (const [key, child] of Object.entries(properties)) {
        const fault = visit(child, [...path, key], reachable, depth + 1)
        if (fault) return fault
      }
    for (const word of unreachable)
      for (const branch of branchesOf(word, schema[word])) {
        const fault = visit(branch, [...path, `<${word}>`], false, depth + 1)
        if (fault) return fault
      }
    return undefined
  }
  return visit(inputSchema, [], true, 0) ?? found
}

function faultOf(schema: Schema, path: string[], reachable: boolean, seen: Set<string>): string | undefined {
  const where = path.join('.') || 'its root'
  if (!reachable || path.length === 0) return `${where}: ${keyword} may stand on properties only`
  const name = schema[keyword]
  if (typeof name !== 'string' || !token.test(name)) return `${where}: ${keyword} is not the name of a header`
  if (typeof schema.type !== 'string' || !permitted.has(schema.type))
    return `${where}: ${keyword} needs the type string, integer or boolean`
  if (seen.has(name.toLowerCase())) return `${where}: ${keyword} ${name} stands twice`
  seen.add(name.toLowerCase())
  return undefined
}

function branchesOf(word: string, value: unknown): unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  return named.has(word) && typeof value === 'object' && value !== null ? Object.values(value) : [value]
}

/** Makes the headers of one call. What is absent or null gets none. */
export function mirrored(declared: readonly ParamHeader[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { path, name } of declared) {
    const text = textOf(path.reduce<unknown>((node, key) => (node as Schema | null | undefined)?.[key], args))
    if (text !== undefined) headers[`Mcp-Param-${name}`] = headerValue(text)
  }
  return headers
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value)
}

/** Writes text as a header's value: as it is where it can be, else as `=?base64?…?=`. */
export function headerValue(text: string): string {
  const plain = /^[\x20-\x7e\t]+$/.test(text) && text === text.trim() && !/^=\?base64\?.*\?=$/s.test(text)
  return plain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}
