import type { ValidationError } from '@cedar-policy/cedar-wasm/nodejs'
import { FairleadError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import type { Target } from '../tool.ts'
import { separator } from '../tool.ts'
import type { Cedar } from './cedar.ts'
import { cedarSchema, inputType, type CedarRecord } from './schema.ts'
import { actionsOf, lineAt } from './statements.ts'
import type { Policy } from './policy.ts'

/** Something that CreatePolicy would not take with FAIL_ON_ANY_FINDINGS. */
export interface PolicyFinding {
  policy: Policy
  /** File and line of the finding itself. */
  where: string
  problem: string
  help?: string
}

export interface KnownTools {
  /** By their whole names. */
  inputs: ReadonlyMap<string, CedarRecord>
  /** Targets whose tools are not known yet: what is said of them cannot be checked. */
  unheard: readonly string[]
}

/** What there is to write policies for, as the targets say it now. */
export async function knownTools(targets: readonly Pick<Target, 'name' | 'tools' | 'mcp'>[]): Promise<KnownTools> {
  const lists = await Promise.all(
    targets.map(async (target) => ({ target, tools: await target.tools().catch(() => []) })),
  )
  return {
    inputs: new Map(
      lists.flatMap(({ target, tools }) =>
        tools.map((tool) => [target.name + separator + tool.name, inputType(tool.inputSchema)] as const),
      ),
    ),
    unheard: lists.flatMap(({ target, tools }) => (target.mcp && tools.length === 0 ? [target.name] : [])),
  }
}

/**
 * Holds policies against the tools that there are, by Cedar's own validator: unknown tools and arguments, wrong types, tags that
 * may not be there, policies that never apply.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-validation-overview.html (read 2026-11-25)
 */
export function findingsOf(
  cedar: Cedar,
  policies: readonly Policy[],
  { inputs, unheard }: KnownTools,
): PolicyFinding[] {
  const checked = policies.filter((policy) => isKnown(cedar, policy, unheard))
  if (checked.length === 0 || (inputs.size === 0 && unheard.length > 0)) return []
  const answer = cedar.validate({
    schema: cedarSchema(inputs),
    policies: {
      staticPolicies: Object.fromEntries(checked.map(({ name, statement }) => [name, statement])),
    },
  })
  if (answer.type === 'failure')
    return answer.errors.map(({ message }) => ({ policy: checked[0]!, where: placeOf(checked[0]!), problem: message }))
  const byName = new Map(checked.map((policy) => [policy.name, policy]))
  const { validationErrors, validationWarnings } = answer
  const failed = new Set(validationErrors.map(({ policyId }) => policyId))
  const order = checked.map(({ name }) => name)
  return [...validationErrors, ...validationWarnings.filter(({ policyId }) => !failed.has(policyId))]
    .toSorted((a, b) => order.indexOf(a.policyId) - order.indexOf(b.policyId) || startOf(a) - startOf(b))
    .map((each) => findingOf(byName.get(each.policyId)!, each, inputs))
}

/** Throws GATEWAY_POLICY with the first of them. */
export function refuse([first, ...more]: readonly PolicyFinding[]): void {
  if (!first) return
  throw new FairleadError(
    'GATEWAY_POLICY',
    `${first.where}: ${first.problem}${more.length === 0 ? '' : `, and ${more.length} more`}`,
    first.help ? { fix: sentence(first.help) } : {},
  )
}

/** Cedar's advice begins small and ends open. */
function sentence(advice: string): string {
  return advice.charAt(0).toUpperCase() + advice.slice(1)
}

/** Policies that cannot be checked yet, since a target that they name has not said what it has. */
export function unchecked(cedar: Cedar, policies: readonly Policy[], { unheard }: KnownTools): Policy[] {
  return policies.filter((policy) => !isKnown(cedar, policy, unheard))
}

function isKnown(cedar: Cedar, { statement }: Policy, unheard: readonly string[]): boolean {
  if (unheard.length === 0) return true
  const parsed = cedar.policyToJson(statement)
  const actions = parsed.type === 'success' ? actionsOf(parsed.json) : undefined
  return !actions?.some((action) => unheard.some((target) => action.startsWith(target + separator)))
}

function startOf({ error }: ValidationError): number {
  return error.sourceLocations?.[0]?.start ?? 0
}

function findingOf(policy: Policy, found: ValidationError, inputs: KnownTools['inputs']): PolicyFinding {
  const { message, help } = found.error
  const before = Buffer.from(policy.statement).subarray(0, startOf(found)).toString()
  const problem = message.replace(/^for policy `[^`]*`, /, '')
  // Cedar knows the names of groups too, and they are short.
  const [, tool] = /^unrecognized action `AgentCore::Action::"(.*)"`/.exec(problem) ?? []
  const meant = tool === undefined ? undefined : nearest(tool, [...inputs.keys()])
  const advice = tool === undefined ? help : meant ? `Did you mean ${meant}?` : 'fairlead tools lists what there is.'
  return { policy, where: placeOf(policy, lineAt(before) - 1), problem, ...(advice ? { help: advice } : {}) }
}

function placeOf({ where, name }: Policy, further = 0): string {
  const [, file, line] = /^(.*):(\d+)$/.exec(where ?? '') ?? []
  return file === undefined ? (where ?? name) : `${file}:${Number(line) + further}`
}
