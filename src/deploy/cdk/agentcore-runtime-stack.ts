import { Stack, type App } from 'aws-cdk-lib'
import { platforms } from '../../platforms.ts'
import { AgentcoreRuntimeMcpServer } from './agentcore-runtime-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform agentcore-runtime. */
export function agentcoreRuntimeStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const { project, environment, artifacts, images } = deployment
  const server = new AgentcoreRuntimeMcpServer(stack, 'Server', {
    config: project.config,
    artifact: artifacts.server!.dir,
    environment,
    ...(images?.server ? { image: images.server } : {}),
  })
  addOutputs(stack, {
    Url: server.url,
    Auth: server.auth,
    Service: server.auth === 'iam' ? platforms['agentcore-runtime'].service : undefined,
    RuntimeArn: server.runtimeArn,
    LogGroup: server.logGroupName,
    MemoryId: server.memory?.attrMemoryId,
  })
  return { stack }
}
