import { agentRuntimePolicy, gatewayPolicy } from '../aws/permissions.ts'
import { FairleadError } from '../errors.ts'
import { functionGrants } from './function-grants.ts'
import type { Granting } from './grant-statements.ts'
import { policyGrants } from './policy-grants.ts'
import type { AwsClients } from './toolkit-clients.ts'

/** The resource of a stack's outputs that grants are made on. Throws GRANT_NOT_POSSIBLE. */
export function grantingOf(outputs: Record<string, string>, stack: string, clients: AwsClients): Granting {
  const { Auth: auth, FunctionArn, RuntimeArn, GatewayArn } = outputs
  if (auth !== 'iam')
    throw new FairleadError('GRANT_NOT_POSSIBLE', `${stack} is guarded by ${auth === 'none' ? 'nobody' : auth}, not by IAM`) // prettier-ignore
  if (FunctionArn) return functionGrants(clients('lambda'), FunctionArn)
  if (RuntimeArn) {
    const agentcore = clients('bedrock-agentcore-control')
    return together(runtimeArns(outputs).map((arn) => policyGrants(agentcore, arn, agentRuntimePolicy)))
  }
  if (GatewayArn) return policyGrants(clients('bedrock-agentcore-control'), GatewayArn, gatewayPolicy)
  throw new FairleadError('GRANT_NOT_POSSIBLE', `${stack} names no resource that has a policy`)
}

/**
 * The runtime, and the endpoint that clients call: the service asks the policies of both.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/resource-based-policies.html (hierarchical authorization, read 2026-11-25)
 */
export function runtimeArns({ RuntimeArn, Url }: Record<string, string>): string[] {
  const qualifier = Url ? new URL(Url).searchParams.get('qualifier') : null
  return [RuntimeArn!, `${RuntimeArn}/runtime-endpoint/${qualifier ?? 'DEFAULT'}`]
}

/** One grant on more than one resource: complete when it is complete on each. */
function together(all: readonly Granting[]): Granting {
  const each = async (work: (one: Granting) => Promise<{ changed: boolean }>) => {
    let changed = false
    for (const one of all) changed = (await work(one)).changed || changed
    return { changed }
  }
  return {
    grant: (principal, dry) => each((one) => one.grant(principal, dry)),
    revoke: (principal, dry) => each((one) => one.revoke(principal, dry)),
    async list() {
      const lists = await Promise.all(all.map((one) => one.list()))
      const principals = new Set(lists.flat().map(({ principal }) => principal))
      return [...principals].map((principal) => {
        const found = lists.map((list) => list.find((grant) => grant.principal === principal))
        const there = found.filter((grant) => grant !== undefined)
        return {
          principal,
          actions: [...new Set(there.flatMap(({ actions }) => actions))],
          complete: found.every((grant) => grant?.complete),
          by: there.every(({ by }) => by === 'fairlead grant') ? 'fairlead grant' : 'elsewhere',
        }
      })
    },
  }
}
