import { FairleadError } from '../errors.ts'
import type { Resource } from './idle-cost.ts'

/**
 * What the policy of a function, or of a resource of AgentCore, may have in bytes.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (resource-based policy, read 2026-11-25)
 */
const mostBytes = 20_480

interface Named {
  name: string
  region: string
  template: { Resources: Record<string, Resource> }
}

/** Finds functions and resources of AgentCore that more are let in to than their policies hold. */
export function tooManyCallers(stacks: readonly Named[]): FairleadError[] {
  return stacks.flatMap((stack) => {
    const sizes = new Map<string, number>()
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(stack.template.Resources)) {
      if (type === 'AWS::BedrockAgentCore::ResourcePolicy') sizes.set(id, JSON.stringify(properties['Policy']).length)
      if (type !== 'AWS::Lambda::Permission') continue
      const of = JSON.stringify(properties['FunctionName'])
      sizes.set(of, (sizes.get(of) ?? 60) + statementBytes(stack, id, properties))
    }
    const most = Math.max(0, ...sizes.values())
    if (most <= mostBytes) return []
    return new FairleadError('QUOTA_EXCEEDED', `${stack.name} lets more in than its policy holds: some ${most} of ${mostBytes} bytes`, {
      why: 'Each of `callers` is a statement or two in the policy of what they call.',
      fix: 'Let them take on one role, and name that role in `callers`; or name the root of their account.',
    }) // prettier-ignore
  })
}

/** As Lambda writes a statement, whose id and function CloudFormation names. */
function statementBytes(
  { name, region }: Named,
  id: string,
  { Principal: principal, Action: action }: Record<string, unknown>,
): number {
  // prettier-ignore
  const made = (logical: string) => `${name}-${logical}-AbCdEfGhIjKl`
  return JSON.stringify({
    Sid: made(id),
    Effect: 'Allow',
    Principal: { AWS: principal },
    Action: action,
    Resource: `arn:aws:lambda:${region}:111122223333:function:${made('ServerFunctionB9E3FD9F').slice(0, 64)}`,
    Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
  }).length
}
