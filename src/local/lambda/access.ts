import { functionUrlPolicy } from '../../aws/permissions.ts'
import type { PolicyDocument } from '../../aws/permissions.ts'
import { createAuthorizer } from '../iam/authorize.ts'
import { forbidden, type Asked, type GuardOptions, type Refusal } from '../iam/guard.ts'
import { agentArn } from '../iam/identities.ts'

/**
 * What a caller of a function must be allowed, through its URL or through the Invoke API of an SDK client. The account's own
 * policies stand behind an SDK client's Invoke, and are taken as the same callers. No callers: the local agent.
 */
export function functionAccess(
  functionArn: string,
  callers: readonly string[],
  { accountId, entrance }: { accountId: string; entrance: 'function-url' | 'invoke' },
): Pick<GuardOptions, 'policy' | 'asks'> {
  const [url, invoke] = askedOf(functionArn, 'AWS_IAM')
  const asked: readonly Asked[] = entrance === 'invoke' ? [invoke] : [url, invoke]
  return {
    policy: functionUrlPolicy(functionArn, callers.length > 0 ? callers : [agentArn(accountId)]),
    asks: () => asked,
  }
}

function askedOf(resource: string, authType: 'AWS_IAM' | 'NONE') {
  return [
    { resource, action: 'lambda:InvokeFunctionUrl', context: { 'lambda:FunctionUrlAuthType': authType } },
    { resource, action: 'lambda:InvokeFunction', context: { 'lambda:InvokedViaFunctionUrl': 'true' } },
  ] as const
}

/** Nobody in particular: whom only a statement for everyone lets in. */
const anybody = 'arn:aws:iam::999999999999:user/anybody'

/**
 * Gives what guards a function URL of auth type NONE: nobody is asked who it is, and the policy must let everyone in all the
 * same, by both actions.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html#urls-auth-none (read 2026-11-25)
 */
export function publicAccess(
  functionArn: string,
  policy: PolicyDocument,
  accountId: string,
): () => Promise<Refusal | undefined> {
  const open = policy.Statement.filter(({ Principal }) => Principal.AWS.includes('*'))
  const authorize = createAuthorizer({ ...policy, Statement: open })
  return async () => {
    for (const asked of askedOf(functionArn, 'NONE')) {
      if (await authorize({ principal: anybody, accountId, ...asked })) continue
      return forbidden(
        `The auth type is NONE, and no statement allows everyone to do ${asked.action} on ${functionArn}.`,
      )
    }
    return undefined
  }
}
