import { Stack, type App } from 'aws-cdk-lib'
import { platforms } from '../../platforms.ts'
import { AgentcoreGateway } from './agentcore-gateway.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform agentcore-gateway, as the managed service. */
export function agentcoreGatewayStack(app: App, { name, deployment, definitions, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const gateway = new AgentcoreGateway(stack, 'Gateway', { config: deployment.project.config, ...definitions! })
  addOutputs(stack, {
    Url: gateway.url,
    Auth: gateway.auth,
    Service: gateway.auth === 'iam' ? platforms['agentcore-gateway'].service : undefined,
    GatewayId: gateway.gateway.attrGatewayIdentifier,
    GatewayArn: gateway.gatewayArn,
  })
  return { stack }
}
