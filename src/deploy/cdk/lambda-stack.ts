import { Stack, type App } from 'aws-cdk-lib'
import { FairleadError } from '../../errors.ts'
import { parameterPath } from '../deployment.ts'
import { LambdaMcpServer } from './lambda-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import { knownToPool } from './parameters.ts'
import type { MadeStack, StackRequest } from './stacks.ts'
import { McpWebAcl } from './web-acl.ts'

/** The stack of the platform lambda. */
export function lambdaStack(app: App, { name, deployment, props, authorization }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const { config } = deployment.project
  const server = new LambdaMcpServer(stack, 'Server', {
    config,
    artifact: deployment.artifacts.server!.dir,
    parameterPath: parameterPath(deployment),
    ...(authorization ? { authorization } : {}),
    ...(config.platforms.lambda?.waf ? { webAclArn: webAcl(stack, deployment.region) } : {}),
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

/** CloudFront takes web ACLs of us-east-1 alone. @see https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html */
function webAcl(stack: Stack, region: string): string {
  if (region !== 'us-east-1')
    throw new FairleadError('DEPLOY_REGION', `\`platforms.lambda.waf\` cannot be deployed in ${region}`, {
      why: 'A web ACL for CloudFront is in us-east-1, and a stack is in one region.',
      fix: 'Deploy to us-east-1, or leave `waf` out and give a web ACL to the construct: new LambdaMcpServer(…, { webAclArn }).',
    })
  return new McpWebAcl(stack, 'WebAcl', { scope: 'CLOUDFRONT', paths: ['/mcp'] }).arn
}
