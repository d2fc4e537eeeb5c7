import { CfnOutput, Stack, type App } from 'aws-cdk-lib'
import { LambdaMcpServer } from './lambda-mcp-server.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform lambda. */
export function lambdaStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const server = new LambdaMcpServer(stack, 'Server', {
    config: deployment.project.config,
    artifact: deployment.artifacts.server!.dir,
  })
  const outputs = {
    Url: server.url,
    Auth: server.auth,
    Service: 'lambda',
    FunctionArn: server.function.functionArn,
    LogGroup: server.logGroup.logGroupName,
  }
  for (const [key, value] of Object.entries(outputs)) new CfnOutput(stack, key, { value })
  return { stack }
}
