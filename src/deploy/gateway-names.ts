import type { GatewaySummary } from '@aws-sdk/client-bedrock-agentcore-control'
import { FairleadError } from '../errors.ts'
import { look } from './look.ts'
import type { NewIn } from './quotas.ts'
import type { AwsClients } from './toolkit-clients.ts'
import type { PlannedStack } from './toolkit-plan.ts'

const type = 'AWS::BedrockAgentCore::Gateway'

/**
 * Refuses what the service would not do with the name of a managed gateway: take one that another gateway of the account has, or
 * change it. Who may not look is told by CloudFormation.
 * @see @aws-sdk/client-bedrock-agentcore-control 3, CreateGatewayRequest.name and UpdateGatewayRequest.name
 */
export async function gatewayNames(
  clients: AwsClients,
  made: readonly NewIn[],
  planned: readonly PlannedStack[],
): Promise<FairleadError[]> {
  const renamed = planned.flatMap(({ name, changes }) =>
    changes
      .filter((change) => change.type === type && change.verb === 'change' && change.properties?.includes('Name'))
      .map(({ id }) => cannotRename(id, name)),
  )
  const wanted = made.flatMap(
    ({ added, template: { Resources: all }, region }) =>
    added.filter((id) => all[id]?.Type === type).map((id) => ({ id, name: String(all[id]?.Properties?.['Name']), region })), // prettier-ignore
  )
  const taken: FairleadError[] = []
  for (const { id, name, region } of wanted) {
    const other = (await gatewaysOf(clients, region)).find((each) => each.name === name)
    if (other) taken.push(isTaken(name, id, other.gatewayId))
  }
  return [...renamed, ...taken]
}

function cannotRename(id: string, stack: string): FairleadError {
  return new FairleadError('NAME_REFUSED', `${id} of ${stack} cannot be renamed`, {
    why: 'AgentCore changes a gateway only under the name that it was made with.',
    fix: 'Write the name back into the definition; or fairlead destroy --platform agentcore-gateway, and deploy again: it gets another URL.',
  })
}

function isTaken(name: string, id: string, by: string | undefined): FairleadError {
  return new FairleadError('NAME_REFUSED', `"${name}" cannot be the name of ${id}: the gateway ${by} has it`, {
    why: 'The names of gateways are unique in an account and region. Perhaps it is that of another environment.',
    fix: "Write another `name` into the definition; one environment alone has its own with environments.NAME.config.platforms['agentcore-gateway'].gateway.",
  })
}

async function gatewaysOf(clients: AwsClients, region: string): Promise<GatewaySummary[]> {
  const control = clients('bedrock-agentcore-control', region)
  const found: GatewaySummary[] = []
  for (let next: string | undefined; ;) {
    const page = await look('Looking for gateways', () => control.listGateways(next ? { nextToken: next } : {}))
    found.push(...(page?.items ?? []))
    next = page?.nextToken
    if (!next) return found
  }
}
