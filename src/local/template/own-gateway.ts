import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayFacts } from '../../adapters/gateway-artifact.ts'
import { waysOf } from '../../gateway/bindings.ts'
import { readTarget } from '../../gateway/definitions/read.ts'
import { requireInvocable } from './agentcore-gateway.ts'
import type { DeployedOwnGateway } from './deployed.ts'
import { serviceOf } from './fargate.ts'
import { functionOf } from './lambda.ts'
import { requireReadable } from './role.ts'
import type { Filled, StackFile } from './stack-file.ts'

/** Whether a stack is that of fairlead's own gateway: the process says so itself. */
export function isOwnGateway({ resources }: StackFile): boolean {
  return resources.some((each) => platformOf(each) === 'agentcore-gateway')
}

/**
 * The function or the tasks of fairlead's own gateway, as the template has them; undefined where there are none. Throws what
 * those of a server throw, and TEMPLATE_NOT_RUNNABLE where its role may not do what its definitions need.
 */
export async function ownGatewayOf(stack: StackFile, name: string): Promise<DeployedOwnGateway | undefined> {
  if (!isOwnGateway(stack)) return undefined
  const made = (await functionOf(stack, name)) ?? (await serviceOf(stack, () => undefined))
  if (!made) return undefined
  const facts = JSON.parse(readFileSync(join(made.artifactDir, 'gateway.json'), 'utf8')) as GatewayFacts
  const role = roleOf(stack)
  await requireInvocable(stack, role, facts.targets.map((each) => readTarget(each, stack.file))) // prettier-ignore
  const secrets = Object.values(facts.bindings.credentialProviders ?? {}).flatMap((each) => {
    const id = waysOf(each).config?.secretId
    return id?.startsWith('arn:') ? [[`${id.split(':')[6]}_FROM`, id]] : []
  })
  await requireReadable(stack, role, Object.fromEntries(secrets) as Record<string, string>)
  return { ...made, facts }
}

function roleOf({ resources }: StackFile): string {
  const { properties } = resources.find((each) => platformOf(each) === 'agentcore-gateway')!
  return String(properties.Role ?? properties.TaskRoleArn)
}

/** What the process is told of where it is, in a function or in a container. */
function platformOf({ type, properties }: Filled): string | undefined {
  if (type === 'AWS::Lambda::Function')
    return (properties.Environment as { Variables?: Record<string, string> } | undefined)?.Variables?.FAIRLEAD_PLATFORM
  if (type !== 'AWS::ECS::TaskDefinition') return undefined
  const containers = (properties.ContainerDefinitions ?? []) as { Environment?: { Name: string; Value: string }[] }[]
  return containers[0]?.Environment?.find((each) => each?.Name === 'FAIRLEAD_PLATFORM')?.Value
}
