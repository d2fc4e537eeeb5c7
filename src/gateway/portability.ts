import type { Bindings } from './bindings.ts'
import type { TargetDefinition } from './definitions/types.ts'
import { documentOf, toolsOf } from './sources.ts'
import { isObject, type Json } from './openapi/document.ts'
import { bareType, isJson } from './openapi/operation.ts'
import { separator } from './tool.ts'
import { readApi } from './targets/openapi.ts'

/** Something that the managed service would refuse, or do otherwise. */
export interface Finding {
  target: string
  where: string
  problem: string
  /** It refuses it; otherwise it only does less than fairlead. */
  refused: boolean
}

/**
 * Limits of the managed service, which fairlead does not have.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html (read 2026-11-22)
 */
export const managedLimits = {
  inlineBytes: 1024 * 1024,
  s3Bytes: 10 * 1024 * 1024,
  tools: 1000,
  targets: 100,
  nameLength: 256,
} as const

/** Lists what the managed service would refuse of a target. Throws what reading the target throws. */
export async function portability(definition: TargetDefinition, bindings: Bindings): Promise<Finding[]> {
  const { mcp } = definition.targetConfiguration
  const target = definition.name
  if (mcp.lambda) {
    const tools = toolsOf(mcp.lambda.toolSchema, bindings)
    return [
      ...countOf(target, tools.length),
      ...namesOf(
        target,
        tools.map(({ name }) => name),
      ),
    ]
  }
  if (!mcp.openApiSchema) return []
  const { text, address } = await documentOf(mcp.openApiSchema, bindings)
  const inline = 'inlinePayload' in mcp.openApiSchema
  const limit = inline ? managedLimits.inlineBytes : managedLimits.s3Bytes
  const size = Buffer.byteLength(text)
  const findings: Finding[] = []
  const say = (where: string, problem: string, refused = true) => findings.push({ target, where, problem, refused })
  if (size > limit)
    say('the document', `has ${size} bytes; the service takes ${limit}${inline ? ' inline, 10 MB from S3' : ''}`)
  const api = await readApi(text, { address, name: target })
  if (api.dialect === '2.0') say('the document', 'is Swagger 2.0; the service takes OpenAPI 3.0 and 3.1')
  if (!/^[\s\uFEFF]*\{/.test(text))
    say('the document', 'is YAML, which CloudFormation’s check refuses for a target with tools', false)
  findings.push(...countOf(target, api.operations.length))
  for (const { method, path, operationId, read } of api.operations) {
    const where = `${method} ${path}`
    if (operationId === undefined) say(where, 'has no operationId, and one without fails the whole target')
    else findings.push(...namesOf(target, [operationId]))
    const operation = attempt(read)
    if (typeof operation === 'string') {
      say(where, operation)
      continue
    }
    if (operation.server && !operation.server.template.startsWith('https://'))
      say(where, 'has a server whose address is not whole and https')
    for (const { name, place, style, explode, json } of operation.parameters) {
      const usual =
        place === 'query' || place === 'cookie' ? style === 'form' && explode : style === 'simple' && !explode
      if (json || !usual) say(where, `the parameter ${name} is not sent in the default style`)
      if (place === 'cookie') say(where, `the parameter ${name} is a cookie`)
    }
    const { body } = operation
    if (body && !isJson(body.contentType))
      say(where, `has a body of ${bareType(body.contentType)}; only application/json is fully supported`, false)
    const schemas = [...operation.parameters.map(({ schema }) => schema), ...(body ? [body.schema] : [])]
    const composed = schemas
      .map((each) => composition(each.value, (ref) => api.refs.lookUp(ref, each.base)?.value))
      .find(Boolean)
    if (composed) say(where, `uses ${composed} in what is sent`)
  }
  if (hasExternalRef(api.document)) say('the document', 'refers to other documents')
  return findings
}

function attempt<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be read'
  }
}

function countOf(target: string, count: number): Finding[] {
  if (count <= managedLimits.tools) return []
  return [
    {
      target,
      where: 'the target',
      problem: `has ${count} tools; the service takes ${managedLimits.tools}`,
      refused: true,
    },
  ]
}

function namesOf(target: string, names: readonly string[]): Finding[] {
  return names.flatMap((name): Finding[] => {
    const whole = target + separator + name
    if (whole.length > managedLimits.nameLength)
      return [
        {
          target,
          where: name.slice(0, 60),
          problem: `makes a name of ${whole.length} characters; the service takes 256`,
          refused: true,
        },
      ]
    if (whole.length > 64)
      return [
        {
          target,
          where: name.slice(0, 60),
          problem: `makes a name of ${whole.length} characters, which models refuse above 64; fairlead shortens it, the service does not`,
          refused: false,
        },
      ]
    return []
  })
}

/** The first of oneOf, anyOf and allOf that a schema uses, however deep. */
function composition(schema: unknown, follow: (ref: string) => unknown, seen = new Set<unknown>()): string | undefined {
  if (typeof schema !== 'object' || schema === null || seen.has(schema) || seen.size > 5000) return undefined
  seen.add(schema)
  if (isObject(schema)) {
    const word = ['oneOf', 'anyOf', 'allOf'].find((each) => Array.isArray(schema[each]))
    if (word) return word
    if (typeof schema.$ref === 'string') return composition(follow(schema.$ref), follow, seen)
  }
  for (const each of Object.values(schema)) {
    const found = composition(each, follow, seen)
    if (found) return found
  }
  return undefined
}

function hasExternalRef(document: Json): boolean {
  const waiting: unknown[] = [document]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue
    for (const [key, value] of Object.entries(next)) {
      if (key === '$ref' && typeof value === 'string' && !value.startsWith('#')) return true
      if (typeof value === 'object' && value !== null) waiting.push(value)
    }
  }
  return false
}
