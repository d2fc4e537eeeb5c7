import { functionUrlPolicy } from '../../aws/permissions.ts'
import type { Asked, GuardOptions } from '../iam/guard.ts'
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
  const resource = functionArn
  const invoke = { resource, action: 'lambda:InvokeFunction', context: { 'lambda:InvokedViaFunctionUrl': 'true' } }
  const url = { resource, action: 'lambda:InvokeFunctionUrl', context: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } }
  const asked: readonly Asked[] = entrance === 'invoke' ? [invoke] : [url, invoke]
  return {
    policy: functionUrlPolicy(functionArn, callers.length > 0 ? callers : [agentArn(accountId)]),
    asks: () => asked,
  }
}
