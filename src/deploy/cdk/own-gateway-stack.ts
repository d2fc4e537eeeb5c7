import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Stack, type App } from 'aws-cdk-lib'
import type { GatewayFacts } from '../../adapters/gateway-artifact.ts'
import { createCustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import { gatewayNodeOptions } from '../../build/agentcore-gateway.ts'
import type { AgentcoreGatewayConfig, FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { waysOf } from '../../gateway/bindings.ts'
import { readGateway } from '../../gateway/definitions/read.ts'
import type { GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'
import { edgeRegion, parameterPath, type Deployment } from '../deployment.ts'
import { signedFor } from './agentcore-gateway-role.ts'
import { secretArn } from './agentcore-role.ts'
import { edgeWebAclArn, environmentWebAcl } from './edge-stack.ts'
import { FargateMcpServer } from './fargate-mcp-server.ts'
import { namedNetwork } from './fargate-network.ts'
import { LambdaMcpServer, type LambdaMcpServerProps } from './lambda-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/**
 * The stack of the platform agentcore-gateway as fairlead's own gateway, from its artifact: as a function behind a function URL
 * that IAM guards, or, where the gateway itself checks tokens, behind a distribution, as a function or as tasks. Throws
 * GATEWAY_NOT_DEPLOYABLE for what would be open or would refuse everyone.
 */
export function ownGatewayStack(app: App, request: StackRequest): MadeStack {
  const { config } = request.deployment.project
  const { dir } = request.deployment.artifacts.gateway!
  const facts = JSON.parse(readFileSync(join(dir, 'gateway.json'), 'utf8')) as GatewayFacts
  refuse(config, facts)
  const stack = new Stack(app, request.name, request.props)
  const own: OwnGateway = {
    stack,
    artifact: dir,
    tokens: tokensOf(facts),
    config: {
      name: config.name,
      ...(config.callers ? { callers: config.callers } : {}),
      permissions: [...needs(stack, facts), ...(config.server ? [] : (config.permissions ?? []))],
      platforms: {},
    },
  }
  return config.platforms['agentcore-gateway']!.deployAs === 'fargate'
    ? asTasks(own, request)
    : asFunction(own, request)
}

interface OwnGateway {
  stack: Stack
  artifact: string
  /** What it may do and who may call it. */
  config: FairleadConfig
  tokens: LambdaMcpServerProps['tokens']
}

function asFunction({ stack, artifact, config, tokens }: OwnGateway, { deployment }: StackRequest): MadeStack {
  const { waf, ...lambda } = gatewayConfig(deployment).lambda ?? {}
  const webAclArn = waf ? webAcl(stack, deployment) : undefined
  const server = new LambdaMcpServer(stack, 'Gateway', {
    config: { ...config, platforms: { lambda } },
    artifact,
    parameterPath: parameterPath(deployment),
    ...(tokens ? { tokens } : {}),
    ...(webAclArn === undefined ? {} : { webAclArn }),
  })
  server.function.addEnvironment('FAIRLEAD_PLATFORM', platform)
  server.function.addEnvironment('NODE_OPTIONS', gatewayNodeOptions)
  addOutputs(stack, {
    Url: server.url,
    Auth: tokens ? 'jwt' : 'iam',
    Service: tokens ? undefined : 'lambda',
    FunctionArn: server.function.functionArn,
    LogGroup: server.logGroup.logGroupName,
    DistributionId: server.front?.distribution.distributionId,
    DomainTarget: lambda.domain && server.front?.distribution.distributionDomainName,
  })
  return { stack }
}

function asTasks({ stack, config, tokens }: OwnGateway, { deployment }: StackRequest): MadeStack {
  const { fargate = {} } = gatewayConfig(deployment)
  const { vpcId, subnetIds = [], domain } = fargate
  const image = deployment.images?.gateway
  if (!image) throw new FairleadError('IMAGE_MISSING', 'The gateway runs as tasks from an image, and there is none')
  const server = new FargateMcpServer(stack, 'Gateway', {
    config: { ...config, platforms: { fargate } },
    image,
    webAclArn: webAcl(stack, deployment),
    ...(tokens ? { tokens } : {}),
    ...(vpcId === undefined ? {} : { network: namedNetwork(stack, vpcId, subnetIds) }),
  })
  server.service.taskDefinition.defaultContainer!.addEnvironment('NODE_OPTIONS', gatewayNodeOptions)
  addOutputs(stack, {
    Url: server.url,
    Auth: 'jwt',
    LogGroup: server.logGroup.logGroupName,
    ClusterArn: server.cluster.clusterArn,
    ServiceArn: server.service.serviceArn,
    DistributionId: server.front.distribution.distributionId,
    DomainTarget: domain && server.front.distribution.distributionDomainName,
  })
  return { stack }
}

/** Of its own in us-east-1, so that it can be deployed without the other platforms; elsewhere that of the stack `edge`. */
function webAcl(stack: Stack, deployment: Deployment): string {
  return deployment.region === edgeRegion ? environmentWebAcl(stack) : edgeWebAclArn(stack, deployment)
}

const platform = 'agentcore-gateway'

function gatewayConfig({ project }: Deployment): AgentcoreGatewayConfig {
  return project.config.platforms[platform]!
}

function refuse({ platforms }: FairleadConfig, { gateway, bindings }: GatewayFacts): void {
  const { deployAs, lambda = {} } = platforms[platform]!
  const { authorizerType } = gateway as GatewayDefinition
  if (authorizerType === 'NONE')
    throw notDeployable(`A gateway with authorizerType NONE is not deployed as ${deployAs}`, {
      why: 'Anyone on the internet could call what its targets can, with its role and its secrets.',
      fix: 'Take AWS_IAM or CUSTOM_JWT.',
    })
  const ofToken = authorizerType === 'AWS_IAM' && (['domain', 'waf'] as const).find((key) => lambda[key])
  if (ofToken)
    throw notDeployable(`A gateway with authorizerType AWS_IAM has no \`lambda.${ofToken}\``, {
      why: 'With IAM the function URL is called by itself, and its signature covers its own name.',
      fix: `Leave \`${ofToken}\` out, or take CUSTOM_JWT.`,
    })
  const named = Object.values(bindings.credentialProviders ?? {}).find((each) => {
    const { config, env } = waysOf(each)
    return !config && env !== undefined
  })
  if (named)
    throw new FairleadError('GATEWAY_BINDING', `The bindings name the variable ${waysOf(named).env} for a secret`, {
      why: 'No secret stands in a template or in the settings of a function.',
      fix: 'Name a secret of AWS Secrets Manager beside it: "apiKeySecretConfig" or "clientSecretConfig".',
    })
}

function notDeployable(message: string, more: { why: string; fix: string }): FairleadError {
  return new FairleadError('GATEWAY_NOT_DEPLOYABLE', message, more)
}

/** What the gateway takes tokens by, where it does: the definition says whose, the place says what its URL is. */
function tokensOf({ gateway }: GatewayFacts): LambdaMcpServerProps['tokens'] {
  const { authorizerConfiguration } = readGateway(gateway)
  if (!authorizerConfiguration) return undefined
  const { advertisedScopes } = createCustomJwtAuthorizer(authorizerConfiguration.customJWTAuthorizer)
  return { setting: 'FAIRLEAD_GATEWAY', scopes: advertisedScopes, platform: 'agentcore-gateway' }
}

/** What the gateway does with its role: its functions, its secrets, and what it signs for. */
function needs(stack: Stack, { targets, bindings }: GatewayFacts): NonNullable<FairleadConfig['permissions']> {
  const definitions = targets as TargetDefinition[]
  const functions = definitions.flatMap(({ targetConfiguration: { mcp } }) => mcp.lambda?.lambdaArn ?? [])
  const secrets = Object.values(bindings.credentialProviders ?? {}).flatMap((each) => {
    const id = waysOf(each).config?.secretId
    return id === undefined ? [] : [secretArn(stack, id)]
  })
  return [
    ...(functions.length > 0 ? [{ actions: ['lambda:InvokeFunction'], resources: [...new Set(functions)] }] : []),
    ...(secrets.length > 0 ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [...new Set(secrets)] }] : []),
    ...Object.entries(signedFor(stack, definitions)).map(([action, resources]) => ({ actions: [action], resources })),
  ]
}
