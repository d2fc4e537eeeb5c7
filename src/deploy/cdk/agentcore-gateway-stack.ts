import { Stack, type App } from 'aws-cdk-lib'
import { platforms } from '../../platforms.ts'
import { isManaged } from '../deployment.ts'
import { AgentcoreGateway } from './agentcore-gateway.ts'
import { addOutputs } from './outputs.ts'
import { ownGatewayStack } from './own-gateway-stack.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform agentcore-gateway: the managed service, or fairlead's own gateway where `deployAs` says so. */
export function agentcoreGatewayStack(app: App, request: StackRequest): MadeStack {
  return isManaged(request.deployment.project.config) ? managed(app, request) : ownGatewayStack(app, request)
}

function managed(app: App, { name, deployment, definitions, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const gateway = new AgentcoreGateway(stack, 'Gateway', { config: deployment.project.config, ...definitions! })
  addOutputs(stack, {
    Url: gateway.url,
    Auth: gateway.auth,
    Service: gateway.auth === 'iam' ? platforms['agentcore-gateway'].service : undefined,
    GatewayId: gateway.gateway.attrGatewayIdentifier,
    GatewayArn: gateway.gatewayArn,
    LogGroup: gateway.logGroup.logGroupName,
  })
  return { stack }
}
