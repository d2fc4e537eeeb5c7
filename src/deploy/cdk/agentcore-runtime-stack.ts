import { CfnOutput, Stack, type App } from 'aws-cdk-lib'
import { platforms } from '../../platforms.ts'
import { AgentcoreRuntimeMcpServer } from './agentcore-runtime-mcp-server.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform agentcore-runtime. */
export function agentcoreRuntimeStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const { project, environment, artifacts, image } = deployment
  const server = new AgentcoreRuntimeMcpServer(stack, 'Server', {
    config: project.config,
    artifact: artifacts.server!.dir,
    environment,
    ...(image ? { image } : {}),
  })
  const outputs = {
    Url: server.url,
    Auth: server.auth,
    ...(server.auth === 'iam' ? { Service: platforms['agentcore-runtime'].service } : {}),
    RuntimeArn: server.runtimeArn,
    LogGroup: server.logGroupName,
    ...(server.memory ? { MemoryId: server.memory.attrMemoryId } : {}),
  }
  for (const [key, value] of Object.entries(outputs)) new CfnOutput(stack, key, { value })
  return { stack }
}
