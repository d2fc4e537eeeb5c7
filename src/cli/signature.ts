interface Schema {
  type?: string | string[]
  enum?: unknown[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

/** Writes a tool's input schema as a TypeScript signature: `tag_resource(arn: string, tags?: object)`. */
export function signature(name: string, schema: unknown): string {
  const { properties = {}, required = [] } = schema as Schema
  const parameters = Object.entries(properties).map(
    ([key, each]) => `${key}${required.includes(key) ? '' : '?'}: ${typeOf(each)}`,
  )
  return `${name}(${parameters.join(', ')})`
}

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ')
  if (schema.type === 'integer') return 'number'
  if (schema.type === 'array') return `${typeOf(schema.items ?? {})}[]`
  return schema.type ?? 'unknown'
}
