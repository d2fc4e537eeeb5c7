import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import { FairleadError } from '../../errors.ts'
import type { Cedar } from './cedar.ts'
import { maxPoliciesBytes, type PolicyFile } from './files.ts'
import type { Policy } from './policy.ts'

/** What stands in the files for the ARN of the gateway, which nobody knows before there is one. */
export const arnPlaceholder = '${GatewayArn}'

/**
 * Limits of the service.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-limitations-section.html (read 2026-11-25)
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreatePolicy.html (read 2026-11-25)
 */
export const policyLimits = { statement: { min: 35, max: 10_000 }, policies: 1000, bytes: maxPoliciesBytes } as const

const gatewayType = 'AgentCore::Gateway'
const actionType = 'AgentCore::Action'
/** What every tool is of. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-schema-constraints.html */
export const toolGroups = ['CallTool', 'Mcp'] as const

/** The statement for one gateway. */
export function statementFor({ statement }: Policy, gatewayArn: string): string {
  return statement.replaceAll(arnPlaceholder, gatewayArn)
}

/** Takes files apart into policies, each with a name of its own. Throws GATEWAY_POLICY with file and line. */
export function policiesOf(cedar: Cedar, files: readonly PolicyFile[]): Policy[] {
  const policies = files.flatMap((file) => policiesIn(cedar, file))
  if (policies.length === 0) throw new FairleadError('GATEWAY_POLICY', 'There is no policy in the files of `policies`')
  const names = new Map<string, Policy>()
  for (const policy of policies) {
    const twin = names.get(policy.name)
    if (twin) throw wrong(policy, `has the name ${policy.name}, as the policy at ${twin.where} has`, renameFix)
    names.set(policy.name, policy)
  }
  if (policies.length > policyLimits.policies)
    throw new FairleadError(
      'GATEWAY_POLICY',
      `There are ${policies.length} policies; AWS takes ${policyLimits.policies}`,
    )
  const bytes = policies.reduce((sum, { statement }) => sum + Buffer.byteLength(statement), 0)
  if (bytes > policyLimits.bytes)
    throw new FairleadError('GATEWAY_POLICY', `The policies have ${bytes} bytes; AWS takes ${policyLimits.bytes}`)
  return policies
}

const renameFix = 'Put @id("a_name") before one of them.'

function policiesIn(cedar: Cedar, { name: file, text }: PolicyFile): Policy[] {
  const answer = cedar.policySetTextToParts(text)
  if (answer.type === 'failure') {
    const [{ message, help, sourceLocations: [at] = [] }] = answer.errors as [(typeof answer.errors)[0]]
    const line = at ? lineAt(Buffer.from(text).subarray(0, at.start).toString()) : 1
    throw wrong({ where: `${file}:${line}` }, message, help)
  }
  if (answer.policy_templates.length > 0)
    throw wrong({ where: file }, 'has a template: ?principal and ?resource are nothing that AWS fills in')
  const placed = placesOf(text, answer.policies)
  return placed.map(({ part, at }, index) => {
    const parsed = cedar.policyToJson(part)
    if (parsed.type === 'failure') throw wrong({ where: file }, parsed.errors[0]!.message)
    const { statement, skipped } = withoutId(part)
    const where = `${file}:${lineAt(text.slice(0, at + skipped))}`
    const policy = {
      name: nameOf(parsed.json, { file, where, number: placed.length > 1 ? index + 1 : 0 }),
      statement,
      where,
    }
    checkStatement(policy, parsed.json)
    return policy
  })
}

/** Cedar gives the parts as they stand there, and not in their order. */
function placesOf(text: string, parts: readonly string[]): { part: string; at: number }[] {
  const next = new Map<string, number>()
  return parts
    .map((part) => {
      const at = text.indexOf(part, next.get(part) ?? 0)
      next.set(part, at + part.length)
      return { part, at: Math.max(at, 0) }
    })
    .toSorted((a, b) => a.at - b.at)
}

const annotation = /^@\w+(?:\s*\(\s*"(?:[^"\\]|\\.)*"\s*\))?\s*/

/** `@id` is the name of the policy on AWS; there it is a parameter beside the statement. */
function withoutId(part: string): { statement: string; skipped: number } {
  let rest = part
  let kept = ''
  for (let found = annotation.exec(rest); found; found = annotation.exec(rest)) {
    if (!/^@id\b/.test(found[0])) kept += found[0]
    rest = rest.slice(found[0].length)
  }
  return { statement: kept + rest, skipped: kept === '' ? part.length - rest.length : 0 }
}

/** What a statement does, from its first word. */
export function effectOf(statement: string): 'permit' | 'forbid' {
  let rest = statement
  for (let found = annotation.exec(rest); found; found = annotation.exec(rest)) rest = rest.slice(found[0].length)
  return rest.startsWith('forbid') ? 'forbid' : 'permit'
}

function nameOf(
  { annotations }: PolicyJson,
  { file, where, number }: { file: string; where: string; number: number },
): string {
  const id = annotations?.id
  if (typeof id === 'string') {
    if (/^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(id)) return id
    throw wrong(
      { where },
      `has the id ${JSON.stringify(id)}`,
      'A letter first, then letters, digits and _, at most 48.',
    )
  }
  const stem = file
    .replace(/^.*\//, '')
    .replace(/\.cedar$/, '')
    .replaceAll(/\W/g, '_')
  const suffix = number === 0 ? '' : `_${number}`
  return `${/^[A-Za-z]/.test(stem) ? '' : 'p_'}${stem}`.slice(0, 48 - suffix.length) + suffix
}

function checkStatement(policy: Policy, json: PolicyJson): void {
  const { length } = policy.statement
  const { min, max } = policyLimits.statement
  if (length < min || length > max) throw wrong(policy, `has ${length} characters; AWS takes ${min} to ${max}`)
  const [placeholder] = policy.statement.replaceAll(arnPlaceholder, '').match(/\$\{[^}]{0,60}\}/) ?? []
  if (placeholder !== undefined)
    throw wrong(policy, `has ${placeholder}, which nobody fills in`, `What is filled in is ${arnPlaceholder}.`)
  const { resource } = json
  const named = 'entity' in resource ? entityOf(resource.entity) : undefined
  if (resource.op === '==' && named && (named.type !== gatewayType || named.id !== arnPlaceholder))
    throw wrong(policy, `is for the resource ${named.type}::"${named.id}", which is not this gateway`, resourceFix)
  if (actionsOf(json)?.some((name) => !isToolGroup(name)) && resource.op !== '==')
    throw wrong(policy, 'names tools, and not the gateway that they are of', resourceFix)
}

const resourceFix = `Write: resource == ${gatewayType}::"${arnPlaceholder}"`

/** The actions that a policy's scope names; undefined when it is for every one. */
export function actionsOf({ action }: Pick<PolicyJson, 'action'>): string[] | undefined {
  if (action.op === 'All') return undefined
  const entities = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : []
  return entities.map(entityOf).flatMap(({ type, id }) => (type === actionType ? [id] : []))
}

/** Whether a policy's scope is for whatever the gateway has. Equal to a group is no tool: only `in` is for what a group holds. */
export function isForEveryTool(json: Pick<PolicyJson, 'action'>): boolean {
  const names = actionsOf(json)
  return names === undefined || (json.action.op === 'in' && names.some(isToolGroup))
}

function isToolGroup(action: string): boolean {
  return (toolGroups as readonly string[]).includes(action)
}

function entityOf(given: { __entity: { type: string; id: string } } | { type: string; id: string }): {
  type: string
  id: string
} {
  return '__entity' in given ? given.__entity : given
}

export function lineAt(before: string): number {
  return before.split('\n').length
}

/** What is wrong with a policy, and where it stands. */
export function wrong(
  policy: Partial<Pick<Policy, 'name' | 'where'>>,
  problem: string,
  help?: string | null,
): FairleadError {
  const place = policy.where ?? policy.name ?? 'a policy'
  return new FairleadError('GATEWAY_POLICY', `${place}: ${problem}`, help ? { fix: help } : {})
}
