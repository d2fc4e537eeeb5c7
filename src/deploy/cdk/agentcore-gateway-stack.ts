import { CfnOutput, Stack, type App } from 'aws-cdk-lib'
import { platforms } from '../../platforms.ts'
import { AgentcoreGateway } from './agentcore-gateway.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform agentcore-gateway, as the managed service. */
export function agentcoreGatewayStack(app: App, { name, deployment, definitions, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const gateway = new AgentcoreGateway(stack, 'Gateway', { config: deployment.project.config, ...definitions! })
  const outputs = {
    Url: gateway.url,
    Auth: gateway.auth,
    ...(gateway.auth === 'iam' ? { Service: platforms['agentcore-gateway'].service } : {}),
    GatewayId: gateway.gateway.attrGatewayIdentifier,
    GatewayArn: gateway.gatewayArn,
  }
  for (const [key, value] of Object.entries(outputs)) new CfnOutput(stack, key, { value })
  return { stack }
}
