import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Toolkit } from '@aws-cdk/toolkit-lib'
import { resourcePolicyChanges } from './resource-policies.ts'
import type { OpenToolkit } from './toolkit.ts'

type TemplateDiff = Awaited<ReturnType<Toolkit['diff']>>[string]

/** What happens to a resource. `keep`: it leaves the stack and stays in the account. */
export type Verb = 'add' | 'change' | 'replace' | 'may-replace' | 'remove' | 'keep'

export interface PlannedChange {
  verb: Verb
  id: string
  type: string
  /** What of it changes. */
  properties?: string[]
}

/** A statement of a policy that this deployment adds or takes away. */
export interface PlannedStatement {
  effect: string
  actions: string
  resources: string
  principals: string
  condition?: string
}

export interface PlannedStack {
  name: string
  changes: PlannedChange[]
  statements: { added: PlannedStatement[]; removed: PlannedStatement[] }
}

/** What holds data that is nowhere else: replaced, it is empty. */
const holdsData = new Set([
  'AWS::Cognito::UserPool',
  'AWS::DynamoDB::Table',
  'AWS::DynamoDB::GlobalTable',
  'AWS::BedrockAgentCore::Memory',
])

/**
 * Compares the stacks with what is deployed. `template` reads only; `change-set` lets CloudFormation make a change set for
 * each stack, and deletes it again.
 */
export async function planAgainstAws(
  { toolkit, library }: OpenToolkit,
  dir: string,
  names: readonly string[],
  how: 'template' | 'change-set',
): Promise<PlannedStack[]> {
  if (names.length === 0) return []
  const { DiffMethod, StackSelectionStrategy } = library
  const source = await toolkit.fromAssemblyDirectory(dir)
  const diffs = await toolkit.diff(source, {
    stacks: { patterns: [...names], strategy: StackSelectionStrategy.PATTERN_MUST_MATCH },
    method: how === 'template' ? DiffMethod.TemplateOnly() : DiffMethod.ChangeSet({ fallbackToTemplate: true }),
  })
  return names.map((name) => planned(name, diffs[name]))
}

/** Lists everything as new: what can be said without an account. */
export async function planFromNothing(
  { toolkit, library }: OpenToolkit,
  dir: string,
  names: readonly string[],
): Promise<PlannedStack[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-plan-'))
  const path = join(folder, 'nothing.json')
  try {
    await writeFile(path, '{}')
    const found: PlannedStack[] = []
    for (const name of names) {
      const diffs = await toolkit.diff(await toolkit.fromAssemblyDirectory(dir), {
        method: library.DiffMethod.LocalFile(path),
        stacks: { patterns: [name], strategy: library.StackSelectionStrategy.PATTERN_MUST_MATCH_SINGLE },
      })
      found.push(planned(name, diffs[name]))
    }
    return found
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function planned(name: string, diff: TemplateDiff | undefined): PlannedStack {
  if (!diff) return { name, changes: [], statements: { added: [], removed: [] } }
  const { additions, removals } = diff.iamChanges.statements
  const policies = Object.values(diff.resources.changes)
    .filter(
      ({ newResourceType, oldResourceType }) =>
        (newResourceType ?? oldResourceType) === 'AWS::BedrockAgentCore::ResourcePolicy',
    ) // prettier-ignore
    .map(({ oldValue, newValue }) => resourcePolicyChanges(oldValue, newValue))
  return {
    name,
    changes: plannedChanges(diff),
    statements: {
      added: [...additions.map(statementOf), ...policies.flatMap(({ added }) => added)],
      removed: [...removals.map(statementOf), ...policies.flatMap(({ removed }) => removed)],
    },
  }
}

/** What a difference of templates does to each resource. */
export function plannedChanges(diff: TemplateDiff): PlannedChange[] {
  return Object.entries(diff.resources.changes).flatMap(([id, change]): PlannedChange[] => {
    const impact = verbs[change.changeImpact]
    const verb = impact === 'remove' && change.oldValue?.DeletionPolicy?.startsWith('Retain') ? 'keep' : impact
    const type = change.newResourceType ?? change.oldResourceType ?? ''
    if (!verb || type === 'AWS::CDK::Metadata') return []
    const properties = Object.keys(change.propertyUpdates)
    return [{ verb, id, type, ...(verb !== 'add' && properties.length > 0 ? { properties } : {}) }]
  })
}

const verbs: Record<TemplateDiff['resources']['changes'][string]['changeImpact'], Verb | undefined> = {
  WILL_CREATE: 'add',
  WILL_IMPORT: 'add',
  WILL_UPDATE: 'change',
  WILL_REPLACE: 'replace',
  MAY_REPLACE: 'may-replace',
  WILL_DESTROY: 'remove',
  WILL_ORPHAN: 'keep',
  NO_CHANGE: undefined,
}

/**
 * The changes that lose data, or lose sight of it. A table that goes with its stack is one of ours that nobody misses: what is
 * in it ends within hours.
 */
export function dataAtRisk(changes: readonly PlannedChange[]): PlannedChange[] {
  return changes.filter(
    ({ verb, type }) =>
      holdsData.has(type) &&
      (['replace', 'may-replace', 'keep'].includes(verb) || (verb === 'remove' && !type.startsWith('AWS::DynamoDB::'))),
  )
}

function statementOf(statement: TemplateDiff['iamChanges']['statements']['additions'][number]): PlannedStatement {
  const { effect, action, resource, principal, condition } = statement.render()
  return {
    effect: effect.toLowerCase(),
    actions: action,
    resources: resource,
    // A permission of Lambda is read as if each principal were a service.
    principals: principal.replaceAll(/Service:(?=arn:)/g, 'AWS:'),
    ...(condition ? { condition: condition.replaceAll(/\s+/g, ' ') } : {}),
  }
}
