import type { PlannedStatement } from './toolkit-plan.ts'

/** A resource as a template has it. */
interface TemplateResource {
  Properties?: Record<string, unknown>
}

interface Statement {
  Effect: string
  Principal: '*' | Record<string, string | string[]>
  Action: string | string[]
  Resource: string | string[]
  Condition?: unknown
}

/**
 * Says which statements a resource policy of AgentCore gets and loses. CDK's own comparison of IAM does not know that resource,
 * which says who may call.
 */
export function resourcePolicyChanges(
  before: TemplateResource | undefined,
  after: TemplateResource | undefined,
): { added: PlannedStatement[]; removed: PlannedStatement[] } {
  const [old, next] = [statementsOf(before), statementsOf(after)]
  return { added: without(next, old), removed: without(old, next) }
}

function without(all: readonly PlannedStatement[], others: readonly PlannedStatement[]): PlannedStatement[] {
  const known = new Set(others.map((each) => JSON.stringify(each)))
  return all.filter((each) => !known.has(JSON.stringify(each)))
}

function statementsOf(resource: TemplateResource | undefined): PlannedStatement[] {
  const policy = resource?.Properties?.['Policy']
  return parsed(policy).map(({ Effect, Action, Resource, Principal, Condition }) => ({
    effect: Effect.toLowerCase(),
    actions: lines(Action),
    resources: lines(Resource),
    principals: lines(Principal === '*' ? '*' : Object.entries(Principal).flatMap(([kind, names]) => [names].flat().map((name) => `${kind}:${name}`))), // prettier-ignore
    ...(Condition === undefined ? {} : { condition: JSON.stringify(Condition) }),
  }))
}

/** What a deployed stack has may have been changed by hand: what cannot be read is not shown. */
function parsed(policy: unknown): Statement[] {
  if (policy === undefined) return []
  try {
    return (JSON.parse(written(policy)) as { Statement: Statement[] }).Statement
  } catch {
    return []
  }
}

function lines(all: string | string[]): string {
  return [all].flat().join('\n')
}

/** A text of a template as a person reads it: what CloudFormation fills in stands as `${Id.Attribute}`. */
function written(value: unknown): string {
  if (typeof value === 'string') return value
  const { Ref: id, 'Fn::GetAtt': attribute, 'Fn::Join': joined } = value as Record<string, unknown>
  if (joined !== undefined) {
    const [by, parts] = joined as [string, unknown[]]
    return parts.map(written).join(by)
  }
  return `\${${[id ?? attribute].flat().join('.')}}`
}
