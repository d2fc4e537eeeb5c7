import type { Lambda } from '@aws-sdk/client-lambda'
import { functionUrlPolicy, type PolicyStatement } from '../aws/permissions.ts'
import { asAwsError } from './aws-error.ts'
import {
  grantsIn,
  refuseForeign,
  same,
  sidOf,
  unknownPrincipal,
  type Granting,
  type Statement,
} from './grant-statements.ts'

/** Grants on a function: a statement of its policy is added or removed at a time. */
export function functionGrants(lambda: Lambda, arn: string): Granting {
  const read = async (): Promise<Statement[]> => {
    try {
      const { Policy: policy = '{}' } = await lambda.getPolicy({ FunctionName: arn })
      return (JSON.parse(policy) as { Statement?: Statement[] }).Statement ?? []
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException' && !/Function not found/.test((error as Error).message)) return [] // prettier-ignore
      throw asAwsError(error, 'Reading the policy of the function')
    }
  }
  return {
    async grant(principal, dry = false) {
      const before = await read()
      const missing = functionUrlPolicy(arn, [principal]).Statement.filter((each) => !before.some((one) => same(one, each, principal))) // prettier-ignore
      if (!dry) for (const each of missing) await add(lambda, arn, each, principal)
      return { changed: missing.length > 0 }
    },
    async revoke(principal, dry = false) {
      const needed = functionUrlPolicy(arn, [principal]).Statement
      const there = (await read()).filter((one) => needed.some((each) => same(one, each, principal)))
      refuseForeign(there, principal)
      for (const { Sid: sid } of dry ? [] : there) {
        try {
          await lambda.removePermission({ FunctionName: arn, StatementId: sid! })
        } catch (error) {
          if ((error as Error).name !== 'ResourceNotFoundException') throw asAwsError(error, 'Revoking')
        }
      }
      return { changed: there.length > 0 }
    },
    list: async () => grantsIn(await read(), functionUrlPolicy, arn),
  }
}

async function add(lambda: Lambda, arn: string, statement: PolicyStatement, principal: string): Promise<void> {
  const ofUrl = statement.Action === 'lambda:InvokeFunctionUrl'
  // Lambda takes the number of an account, or a full ARN.
  const [, account] = /^arn:aws[\w-]*:iam::(\d{12}):root$/.exec(principal) ?? []
  try {
    await lambda.addPermission({
      FunctionName: arn,
      StatementId: sidOf(statement, principal),
      Action: statement.Action,
      Principal: account ?? principal,
      ...(ofUrl ? { FunctionUrlAuthType: 'AWS_IAM' as const } : { InvokedViaFunctionUrl: true }),
    })
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'ResourceConflictException') return
    if (name === 'InvalidParameterValueException' && /principal/i.test(message))
      throw unknownPrincipal(principal, error)
    throw asAwsError(error, 'Granting')
  }
}
