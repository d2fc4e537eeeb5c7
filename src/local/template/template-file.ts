import { readFileSync } from 'node:fs'
import { FairleadError } from '../../errors.ts'
import type { Template } from './resolve.ts'

type Json = Record<string, unknown>

const maxDepth = 200

/** Reads a template, in JSON, or in YAML with CloudFormation's short forms. Throws TEMPLATE_UNREADABLE. */
export async function readTemplateFile(file: string): Promise<Template> {
  const template = await parsed(file)
  if (!isObject(template) || !isObject(template.Resources)) throw unreadable(file, 'has no Resources')
  for (const section of ['Parameters', 'Rules', 'Conditions', 'Mappings', 'Outputs', 'Globals', 'Resources']) {
    const given = template[section]
    if (given === undefined) continue
    const odd = isObject(given) ? Object.entries(given).find(([, each]) => !isObject(each)) : [section]
    if (odd) throw unreadable(file, `is no template: ${[...new Set([section, odd[0]])].join('.')} is no map`)
  }
  for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(template.Resources as Record<string, Json>)) // prettier-ignore
    if (typeof type !== 'string' || !isObject(properties))
      throw unreadable(file, `is no template: the resource ${id} has no ${typeof type === 'string' ? 'map of Properties' : 'Type'}`) // prettier-ignore
  return template as unknown as Template
}

/** Says which template cannot be read, and why. */
export function unreadable(file: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('TEMPLATE_UNREADABLE', `${file} ${problem}`, {
    fix: 'Write it with: fairlead synth, or cdk synth. It is named by its file or by its folder.',
    ...(cause === undefined ? {} : { cause }),
  })
}

async function parsed(file: string): Promise<unknown> {
  try {
    const text = readFileSync(file, 'utf8').replace(/^\ufeff/, '')
    if (/^\s*[{[]/.test(text)) return JSON.parse(text) as unknown
    // Loaded for YAML alone: what CDK writes is JSON.
    const { readYaml } = await import('../../aws/template-yaml.ts')
    return readYaml(text, maxDepth)
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]!.slice(0, 160) : 'wrong'
    throw unreadable(file, `cannot be read: ${said}`, error)
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
