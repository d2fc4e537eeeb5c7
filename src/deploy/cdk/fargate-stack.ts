import { Stack, type App } from 'aws-cdk-lib'
import { FairleadError } from '../../errors.ts'
import { FargateMcpServer } from './fargate-mcp-server.ts'
import { namedNetwork } from './fargate-network.ts'
import { addOutputs } from './outputs.ts'
import { announceResource, knownToPool } from './parameters.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/** The stack of the platform fargate. */
export function fargateStack(app: App, { name, deployment, props, authorization }: StackRequest): MadeStack {
  const { project, environment } = deployment
  const image = deployment.images?.server
  const { config } = project
  const { vpcId, subnetIds = [], domain } = config.platforms.fargate ?? {}
  if (!image) throw new FairleadError('IMAGE_MISSING', 'fargate runs an image, and there is none')
  const stack = new Stack(app, name, props)
  const { webAclArn } = authorization!
  const server = new FargateMcpServer(stack, 'Server', {
    config,
    image,
    authorization: authorization!,
    ...(vpcId === undefined ? {} : { network: namedNetwork(stack, vpcId, subnetIds) }),
    ...(webAclArn === undefined ? {} : { webAclArn }),
  })
  const about = { config, url: server.url, platform: 'fargate' } as const
  if (authorization?.userPoolId === undefined) announceResource(stack, { ...about, environment })
  else knownToPool(stack, { ...about, userPoolId: authorization.userPoolId })
  addOutputs(stack, {
    Url: server.url,
    Auth: server.auth,
    LogGroup: server.logGroup.logGroupName,
    ClusterArn: server.cluster.clusterArn,
    ServiceArn: server.service.serviceArn,
    DistributionId: server.front.distribution.distributionId,
    TableName: server.table?.table.tableName,
    DomainTarget: domain ? server.front.distribution.distributionDomainName : undefined,
  })
  return { stack }
}
