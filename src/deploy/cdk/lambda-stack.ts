import { Stack, type App } from 'aws-cdk-lib'
import { parameterPath } from '../deployment.ts'
import { LambdaMcpServer } from './lambda-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import { knownToPool } from './parameters.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform lambda. */
export function lambdaStack(app: App, { name, deployment, props, authorization }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const { config } = deployment.project
  const server = new LambdaMcpServer(stack, 'Server', {
    config,
    artifact: deployment.artifacts.server!.dir,
    parameterPath: parameterPath(deployment),
    ...(authorization ? { authorization } : {}),
    ...(config.platforms.lambda?.waf ? { webAclArn: authorization!.webAclArn! } : {}),
  })
  const { front } = server
  if (front && authorization?.userPoolId !== undefined)
    knownToPool(stack, { config, url: server.url, platform: 'lambda', userPoolId: authorization.userPoolId })
  addOutputs(stack, {
    Url: server.url,
    Auth: server.auth,
    Service: server.auth === 'iam' ? 'lambda' : undefined,
    FunctionArn: server.function.functionArn,
    LogGroup: server.logGroup.logGroupName,
    DistributionId: front?.distribution.distributionId,
    DomainTarget: config.platforms.lambda?.domain ? front?.distribution.distributionDomainName : undefined,
  })
  return { stack }
}
