import type { BedrockAgentCoreControl } from '@aws-sdk/client-bedrock-agentcore-control'
import { asAwsError } from './aws-error.ts'
import {
  grantsIn,
  refuseForeign,
  same,
  sidOf,
  unknownPrincipal,
  type Granting,
  type PolicyFor,
  type Statement,
} from './grant-statements.ts'

/** AgentCore keeps one policy for a resource, written whole. */
export function policyGrants(agentcore: BedrockAgentCoreControl, arn: string, policyFor: PolicyFor): Granting {
  const read = async (): Promise<Statement[]> => {
    try {
      const { policy } = await agentcore.getResourcePolicy({ resourceArn: arn })
      return policy ? (JSON.parse(policy) as { Statement: Statement[] }).Statement : []
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
    async grant(principal, dry = false) {
      const before = await read()
      const missing = policyFor(arn, [principal]).Statement.filter((each) => !before.some((one) => same(one, each, principal))) // prettier-ignore
      const named = missing.map((each) => ({ ...each, Sid: sidOf(each, principal) }))
      if (missing.length > 0 && !dry) await write([...before, ...named], principal)
      return { changed: missing.length > 0 }
    },
    async revoke(principal, dry = false) {
      const before = await read()
      const needed = policyFor(arn, [principal]).Statement
      const there = before.filter((one) => needed.some((each) => same(one, each, principal)))
      refuseForeign(there, principal)
      if (there.length > 0 && !dry) await write(before.filter((one) => !there.includes(one)), principal) // prettier-ignore
      return { changed: there.length > 0 }
    },
    list: async () => grantsIn(await read(), policyFor, arn),
  }
}
