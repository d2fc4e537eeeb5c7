import { FairleadError } from '../../errors.ts'
import { isDeeperThan } from '../../mcp/json-rpc.ts'
import { object, text, type Template } from './rule.ts'
import { readYaml } from '../../aws/template-yaml.ts'

/** CloudFormation takes 1 MB. @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html (read 2026-11-22) */
export const maxTemplateBytes = 1024 * 1024
const maxDepth = 200

/** Reads a template for the rules. A Ref to a parameter that has a default is read as that. Throws TEMPLATE_UNREADABLE. */
export function readTemplate(source: string): Template {
  const document = object(parsed(source))
  const all = object(document.Resources)
  if (Object.keys(all).length === 0) throw new FairleadError('TEMPLATE_UNREADABLE', 'The template has no Resources')
  const defaults = defaultsOf(object(document.Parameters))
  const resources = Object.entries(all).map(([id, value]) => ({
    id,
    type: text(object(value).Type),
    properties: object(withDefaults(object(value).Properties, defaults)),
  }))
  return { resources, of: (type) => resources.filter((each) => each.type === type) }
}

function parsed(source: string): unknown {
  if (source.length > maxTemplateBytes)
    throw new FairleadError('TEMPLATE_UNREADABLE', 'The template is larger than 1 MB', {
      why: 'CloudFormation takes 1 MB at most.',
      fix: 'Divide it into nested stacks.',
    })
  const plain = source.replace(/^\ufeff/, '')
  const isJson = /^\s*[{[]/.test(plain)
  try {
    if (!isJson) return readYaml(plain, maxDepth)
    if (isDeeperThan(Buffer.from(plain), maxDepth)) throw new Error(`it nests deeper than ${maxDepth} levels`)
    return JSON.parse(plain) as unknown
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]!.slice(0, 160) : 'it cannot be read'
    throw new FairleadError('TEMPLATE_UNREADABLE', `The template is not ${isJson ? 'JSON' : 'YAML'}: ${said}`, {
      cause: error,
    })
  }
}

function defaultsOf(parameters: Record<string, unknown>): Map<string, unknown> {
  return new Map(
    Object.entries(parameters).flatMap(([name, value]) => {
      const { Default } = object(value)
      return Default === undefined ? [] : [[name, Default] as const]
    }),
  )
}

function withDefaults(value: unknown, defaults: ReadonlyMap<string, unknown>): unknown {
  if (defaults.size === 0 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => withDefaults(each, defaults))
  const { Ref } = value as { Ref?: unknown }
  if (typeof Ref === 'string' && defaults.has(Ref)) return defaults.get(Ref)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withDefaults(each, defaults)]))
}
