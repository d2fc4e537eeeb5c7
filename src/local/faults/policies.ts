import type { PolicyDocument } from '../../aws/permissions.ts'
import type { Guard } from '../iam/guard.ts'

/** What deployments get wrong about the two statements that a function URL needs. */
export const policyFaults = {
  'invoke-grant-missing': {
    does: 'The policy of the function allows lambda:InvokeFunctionUrl alone, as was enough until October 2025.',
    breaks: (policy: PolicyDocument) => without(policy, 'lambda:InvokeFunction'),
  },
  'url-grant-missing': {
    does: 'The policy of the function allows lambda:InvokeFunction alone.',
    breaks: (policy: PolicyDocument) => without(policy, 'lambda:InvokeFunctionUrl'),
  },
  'condition-not-met': {
    does: 'The policy of the function asks for the auth type NONE, and the URL has AWS_IAM.',
    breaks: (policy: PolicyDocument): PolicyDocument => ({
      ...policy,
      Statement: policy.Statement.map((each) => ({
        ...each,
        ...(each.Action === 'lambda:InvokeFunctionUrl'
          ? { Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE' } } }
          : {}),
      })),
    }),
  },
  'caller-not-granted': {
    does: 'The policy of the function names another role than the one that calls.',
    breaks: (policy: PolicyDocument): PolicyDocument => ({
      ...policy,
      Statement: policy.Statement.map((each) => ({
        ...each,
        Principal: { AWS: ['arn:aws:iam::000000000000:role/somebody-else'] },
      })),
    }),
  },
} as const satisfies Record<string, { does: string; breaks: (policy: PolicyDocument) => PolicyDocument }>

export type PolicyFaultName = keyof typeof policyFaults

function without(policy: PolicyDocument, action: string): PolicyDocument {
  return { ...policy, Statement: policy.Statement.filter((each) => each.Action !== action) }
}

function breakPolicy(policy: PolicyDocument, names: readonly PolicyFaultName[]): PolicyDocument {
  return names.reduce<PolicyDocument>((so, name) => policyFaults[name].breaks(so), policy)
}

/** Gives the guard of the policy that these faults leave; without a fault that of the good one. */
export function guardWithFaults(
  make: (policy: PolicyDocument) => Guard,
  policy: PolicyDocument,
  faults: { of(table: typeof policyFaults): PolicyFaultName[] } | undefined,
): Guard {
  const good = make(policy)
  const broken = new Map<string, Guard>()
  return (request) => {
    const names = faults?.of(policyFaults) ?? []
    if (names.length === 0) return good(request)
    const key = names.join()
    const guard = broken.get(key) ?? make(breakPolicy(policy, names))
    broken.set(key, guard)
    return guard(request)
  }
}
