import type { PolicyDocument } from '../../aws/permissions.ts'
import { FairleadError } from '../../errors.ts'
import { localAccount } from '../../platforms.ts'
import { roleMay } from '../iam/authorize.ts'
import { requirePolicy } from './policy-form.ts'
import type { StackFile } from './stack-file.ts'

/** What the policies of a stack let a role do. Throws TEMPLATE_NOT_RUNNABLE for one that IAM would not take. */
export function rolePolicies(stack: StackFile, roleArn: string): PolicyDocument[] {
  const name = roleArn.split('/').at(-1)
  return stack.resources.flatMap((each) => {
    const { id, type, properties } = each
    if (type === 'AWS::IAM::Role' && (properties.RoleName ?? id) === name)
      return ((properties.Policies ?? []) as { PolicyDocument: unknown }[]).map(({ PolicyDocument: document }) =>
        requirePolicy(stack, each, document),
      )
    if (type !== 'AWS::IAM::Policy' || !(properties.Roles as unknown[] | undefined)?.includes(name)) return []
    return [requirePolicy(stack, each, properties.PolicyDocument)]
  })
}

/** Refuses what the role may not read when the process starts: on AWS it would not start. Throws SETTING_UNREADABLE. */
export async function requireReadable(stack: StackFile, roleArn: string, env: Record<string, string>): Promise<void> {
  const policies = rolePolicies(stack, roleArn)
  for (const [variable, arn] of Object.entries(env)) {
    const [, service] = /^arn:aws[a-z-]*:(secretsmanager|ssm):/.exec(arn) ?? []
    if (!variable.endsWith('_FROM') || service === undefined) continue
    const path = arn.endsWith('/')
    const action = { secretsmanager: 'secretsmanager:GetSecretValue', ssm: `ssm:GetParameter${path ? 'sByPath' : ''}` }[
      service as 'ssm'
    ]
    const resource = path ? arn.slice(0, -1) : arn
    if (
      await roleMay(policies, { principal: roleArn, action, resource, accountId: localAccount.accountId, context: {} })
    )
      continue
    throw new FairleadError('SETTING_UNREADABLE', `${variable} names ${arn}, which the role may not read`, {
      why: `No statement of its role allows ${action} on it.`,
      fix: `Add to the role: { "Effect": "Allow", "Action": "${action}", "Resource": "${resource}" }`,
    })
  }
}
