import type { PolicyDocument } from '../../aws/permissions.ts'

export interface Question {
  principal: string
  action: string
  resource: string
  accountId: string
  /** Condition keys and their values, as the service fills them. */
  context: Record<string, string>
}

export type Authorize = (question: Question) => Promise<boolean>

const maxDecisions = 1000

/**
 * Decides as IAM would whether a resource policy lets a principal in. Decisions are kept by principal, action, resource and
 * conditions, at most a thousand: the simulator takes a millisecond or two.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function createAuthorizer(policy: PolicyDocument): Authorize {
  const decisions = new Map<string, Promise<boolean>>()
  return (question) => {
    const key = JSON.stringify(question)
    const known = decisions.get(key)
    if (known) return known
    const decision = simulate(policy, question)
    if (decisions.size >= maxDecisions) decisions.delete(decisions.keys().next().value!)
    decisions.set(key, decision)
    return decision
  }
}

/** Decides as IAM would what the policies of a role let it do, where the resource has none of its own. */
export async function roleMay(policies: readonly PolicyDocument[], question: Question): Promise<boolean> {
  return decide(question, {
    identityPolicies: policies.map((policy, at) => ({ name: `policy-${at}`, policy })),
  })
}

/** A caller of another account needs the leave of its own account too, which is taken as given. */
function simulate(policy: PolicyDocument, question: Question): Promise<boolean> {
  const foreign = question.principal.split(':')[4] !== question.accountId
  return decide(question, { identityPolicies: foreign ? [everything] : [], resourcePolicy: policy })
}

const everything = {
  name: 'own-account',
  policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
}

async function decide(
  question: Question,
  policies: { identityPolicies: { name: string; policy: object }[]; resourcePolicy?: PolicyDocument },
): Promise<boolean> {
  // Loaded when first asked: it is large, and start-up does not need it.
  const { runSimulation } = await import('@cloud-copilot/iam-simulate')
  const result = await runSimulation(
    {
      request: {
        principal: question.principal,
        action: question.action,
        resource: { resource: question.resource, accountId: question.accountId },
        contextVariables: question.context,
      },
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...policies,
    },
    {},
  )
  if (result.resultType === 'error') throw new Error(`the policy cannot be evaluated: ${JSON.stringify(result.errors)}`)
  return result.overallResult === 'Allowed'
}
