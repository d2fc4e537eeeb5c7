import { createHash } from 'node:crypto'
import type { BedrockAgentCoreControl } from '@aws-sdk/client-bedrock-agentcore-control'
import type { Lambda } from '@aws-sdk/client-lambda'
import {
  agentRuntimePolicy,
  functionUrlPolicy,
  gatewayPolicy,
  type PolicyDocument,
  type PolicyStatement,
} from '../aws/permissions.ts'
import { FairleadError } from '../errors.ts'
import { asAwsError } from './aws-error.ts'
import type { AwsClients } from './toolkit-clients.ts'

/** Whom a resource lets in, and whether with every statement that is needed. */
export interface Grant {
  principal: string
  actions: string[]
  /** Whether all statements are there; with fewer the caller gets 403. */
  complete: boolean
  /** Who wrote it: `fairlead grant`, or somebody else, such as the stack. */
  by: 'fairlead grant' | 'elsewhere'
}

/** A resource that IAM guards. */
export interface Granting {
  grant(principal: string): Promise<{ changed: boolean }>
  revoke(principal: string): Promise<{ changed: boolean }>
  list(): Promise<Grant[]>
}

interface Statement {
  Sid?: string
  Effect: string
  Principal: unknown
  Action: string | string[]
  Resource?: unknown
  Condition?: unknown
}

/** What a policy of ours gives a principal. */
type PolicyFor = (arn: string, callers: readonly string[]) => PolicyDocument

/** The resource of a stack's outputs that grants are made on. Throws GRANT_NOT_POSSIBLE. */
export function grantingOf(outputs: Record<string, string>, stack: string, clients: AwsClients): Granting {
  const { Auth: auth, FunctionArn, RuntimeArn, GatewayArn } = outputs
  if (auth !== 'iam')
    throw new FairleadError('GRANT_NOT_POSSIBLE', `${stack} is guarded by ${auth === 'none' ? 'nobody' : auth}, not by IAM`) // prettier-ignore
  if (FunctionArn) return functionGrants(clients('lambda'), FunctionArn)
  if (RuntimeArn) return policyGrants(clients('bedrock-agentcore-control'), RuntimeArn, agentRuntimePolicy)
  if (GatewayArn) return policyGrants(clients('bedrock-agentcore-control'), GatewayArn, gatewayPolicy)
  throw new FairleadError('GRANT_NOT_POSSIBLE', `${stack} names no resource that has a policy`)
}

/** The statements that `grant` writes, for `--print` and for reading. */
export function statementsFor(outputs: Record<string, string>, principal: string): PolicyStatement[] {
  const { FunctionArn, RuntimeArn, GatewayArn } = outputs
  if (FunctionArn) return functionUrlPolicy(FunctionArn, [principal]).Statement
  if (RuntimeArn) return agentRuntimePolicy(RuntimeArn, [principal]).Statement
  return gatewayPolicy(GatewayArn!, [principal]).Statement
}

const mark = 'fairlead'

/** The same statement has the same id each time, so that granting twice is granting once. */
export function sidOf({ Sid }: PolicyStatement, principal: string): string {
  return `${mark}${Sid}${createHash('sha256').update(principal).digest('hex').slice(0, 16)}`
}

function functionGrants(lambda: Lambda, arn: string): Granting {
  const read = async (): Promise<Statement[]> => {
    try {
      const { Policy: policy = '{}' } = await lambda.getPolicy({ FunctionName: arn })
      return ((JSON.parse(policy) as PolicyDocument).Statement ?? []) as Statement[]
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException' && !/Function not found/.test((error as Error).message)) return [] // prettier-ignore
      throw asAwsError(error, 'Reading the policy of the function')
    }
  }
  return {
    async grant(principal) {
      const before = await read()
      const missing = functionUrlPolicy(arn, [principal]).Statement.filter((each) => !before.some((one) => same(one, each, principal))) // prettier-ignore
      for (const each of missing) await add(lambda, arn, each, principal)
      return { changed: missing.length > 0 }
    },
    async revoke(principal) {
      const needed = functionUrlPolicy(arn, [principal]).Statement
      const there = (await read()).filter((one) => needed.some((each) => same(one, each, principal)))
      refuseForeign(there, principal)
      for (const { Sid: sid } of there) {
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

/** AgentCore keeps one policy for a resource, written whole. */
function policyGrants(agentcore: BedrockAgentCoreControl, arn: string, policyFor: PolicyFor): Granting {
  const read = async (): Promise<Statement[]> => {
    try {
      const { policy } = await agentcore.getResourcePolicy({ resourceArn: arn })
      return policy ? ((JSON.parse(policy) as PolicyDocument).Statement as Statement[]) : []
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException') return []
      throw asAwsError(error, 'Reading the resource policy')
    }
  }
  const write = async (statements: Statement[], principal: string): Promise<void> => {
    try {
      if (statements.length === 0) await agentcore.deleteResourcePolicy({ resourceArn: arn })
      else await agentcore.putResourcePolicy({ resourceArn: arn, policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }) }) // prettier-ignore
    } catch (error) {
      if ((error as Error).name === 'ValidationException' && /principal/i.test((error as Error).message)) throw unknownPrincipal(principal, error) // prettier-ignore
      throw asAwsError(error, 'Writing the resource policy')
    }
  }
  return {
    async grant(principal) {
      const before = await read()
      const missing = policyFor(arn, [principal]).Statement.filter((each) => !before.some((one) => same(one, each, principal))) // prettier-ignore
      const named = missing.map((each) => ({ ...each, Sid: sidOf(each, principal) }))
      if (missing.length > 0) await write([...before, ...named], principal)
      return { changed: missing.length > 0 }
    },
    async revoke(principal) {
      const before = await read()
      const needed = policyFor(arn, [principal]).Statement
      const there = before.filter((one) => needed.some((each) => same(one, each, principal)))
      refuseForeign(there, principal)
      if (there.length > 0) await write(before.filter((one) => !there.includes(one)), principal) // prettier-ignore
      return { changed: there.length > 0 }
    },
    list: async () => grantsIn(await read(), policyFor, arn),
  }
}

/** A statement that the stack wrote would come back with the next deployment, and one with other principals is not ours to cut. */
function refuseForeign(statements: readonly Statement[], principal: string): void {
  if (statements.every(({ Sid: sid }) => sid?.startsWith(mark))) return
  throw new FairleadError('GRANT_NOT_POSSIBLE', `${principal} was not let in by fairlead grant`, {
    why: 'The statement belongs to the stack, or to somebody else.',
    fix: 'Take the ARN out of `callers` in fairlead.config.ts and run: fairlead deploy',
  })
}

function unknownPrincipal(principal: string, cause: unknown): FairleadError {
  return new FairleadError('PRINCIPAL_INVALID', `AWS does not know ${principal}`, {
    why: 'A policy can name only a role or a user that is there.',
    fix: `aws iam get-role --role-name ${principal.split('/').at(-1)}`,
    cause,
  })
}

function same(one: Statement, wanted: PolicyStatement, principal: string): boolean {
  return (
    one.Effect === 'Allow' &&
    [one.Action].flat().includes(wanted.Action) &&
    principalsIn(one).includes(principal) &&
    JSON.stringify(one.Condition ?? {}) === JSON.stringify(wanted.Condition ?? {})
  )
}

function principalsIn({ Principal: principal }: Statement): string[] {
  if (typeof principal === 'string') return [principal]
  return Object.values((principal ?? {}) as Record<string, string | string[]>)
    .flat()
    .map((each) => (/^\d{12}$/.test(each) ? `arn:aws:iam::${each}:root` : each))
}

function grantsIn(statements: readonly Statement[], policyFor: PolicyFor, arn: string): Grant[] {
  const allowing = statements.filter(({ Effect: effect }) => effect === 'Allow')
  const principals = [...new Set(allowing.flatMap(principalsIn))]
  return principals.map((principal) => {
    const own = allowing.filter((each) => principalsIn(each).includes(principal))
    const needed = policyFor(arn, [principal]).Statement
    return {
      principal,
      actions: [...new Set(own.flatMap(({ Action: action }) => action))],
      complete: needed.every((each) => own.some((one) => same(one, each, principal))),
      by: own.every(({ Sid: sid }) => sid?.startsWith(mark)) ? 'fairlead grant' : 'elsewhere',
    }
  })
}
