import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { JsonSchema } from '../tool.ts'
import { toolGroups } from './statements.ts'

/** A type of Cedar, as its JSON schemas write it: what of a JSON Schema policies can see. */
export type CedarType =
  | { type: 'String' | 'Long' | 'Boolean' }
  | { type: 'Extension'; name: 'decimal' }
  | { type: 'Set'; element: CedarType }
  | CedarRecord

export interface CedarRecord {
  type: 'Record'
  attributes: Record<string, CedarType & { required: boolean }>
}

/** Names that are not attributes where Cedar reads JSON: they would make another value of what a client sends. */
const escapes = new Set(['__entity', '__extn', '__expr'])
const maxDepth = 24

/**
 * The input of a tool as policies see it. What has no type of Cedar (unions, anything) is not in it.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-schema-constraints.html (read 2026-11-25)
 * @see https://github.com/cedar-policy/cedar-for-agents
 */
export function inputType(schema: JsonSchema): CedarRecord {
  const found = typeOf(schema, schema, 0)
  return found?.type === 'Record' ? found : { type: 'Record', attributes: {} }
}

function typeOf(given: unknown, root: JsonSchema, depth: number): CedarType | undefined {
  if (typeof given !== 'object' || given === null || depth > maxDepth) return undefined
  const schema = given as Record<string, unknown>
  if (typeof schema.$ref === 'string') return typeOf(lookUp(schema.$ref, root), root, depth + 1)
  if (['anyOf', 'oneOf', 'allOf'].some((word) => Array.isArray(schema[word]))) return undefined
  const type: unknown = schema.type ?? implied(schema)
  switch (type) {
    case 'string':
      return { type: 'String' }
    case 'integer':
      return { type: 'Long' }
    case 'number':
      return { type: 'Extension', name: 'decimal' }
    case 'boolean':
      return { type: 'Boolean' }
    case 'array': {
      const element = typeOf(schema.items, root, depth + 1)
      return element && { type: 'Set', element }
    }
    case 'object':
      return recordOf(schema, root, depth)
    default:
      return undefined
  }
}

function implied({ properties, enum: values }: Record<string, unknown>): string | undefined {
  if (typeof properties === 'object') return 'object'
  return Array.isArray(values) && values.every((each) => typeof each === 'string') ? 'string' : undefined
}

function recordOf(schema: Record<string, unknown>, root: JsonSchema, depth: number): CedarRecord {
  const { properties, required } = schema
  const must = new Set(Array.isArray(required) ? (required as unknown[]) : [])
  const members = typeof properties === 'object' && properties !== null ? Object.entries(properties) : []
  return {
    type: 'Record',
    attributes: Object.fromEntries(
      members.flatMap(([name, each]) => {
        const type = escapes.has(name) ? undefined : typeOf(each, root, depth + 1)
        return type ? [[name, { ...type, required: must.has(name) }]] : []
      }),
    ),
  }
}

function lookUp(ref: string, root: JsonSchema): unknown {
  if (!ref.startsWith('#/')) return undefined
  let at: unknown = root
  for (const step of ref.slice(2).split('/')) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Record<string, unknown>)[key]
  }
  return at
}

/**
 * The schema that policies are held against: who calls, and each tool with what it takes. Claims of a token are tags.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-schema-constraints.html (read 2026-11-25)
 */
export function cedarSchema(tools: ReadonlyMap<string, CedarRecord>): SchemaJson<string> {
  const id = { shape: { type: 'Record', attributes: { id: { type: 'String', required: true } } } } as const
  const [group, all] = toolGroups
  return {
    AgentCore: {
      entityTypes: {
        OAuthUser: { ...id, tags: { type: 'String' } },
        IamEntity: id,
        UnauthenticatedUser: {},
        Gateway: {},
      },
      actions: {
        [all]: {},
        [group]: { memberOf: [{ id: all }] },
        ...Object.fromEntries(
          [...tools].map(([name, input]) => [
            name,
            {
              memberOf: [{ id: group }],
              appliesTo: {
                principalTypes: ['OAuthUser', 'IamEntity', 'UnauthenticatedUser'],
                resourceTypes: ['Gateway'],
                context: { type: 'Record', attributes: { input: { ...input, required: true } } },
              },
            },
          ]),
        ),
      },
    },
  }
}
