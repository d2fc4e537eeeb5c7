import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Stack, type App } from 'aws-cdk-lib'
import type { GatewayFacts } from '../../adapters/gateway-artifact.ts'
import { createCustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import { gatewayNodeOptions } from '../../build/agentcore-gateway.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { waysOf } from '../../gateway/bindings.ts'
import { readGateway } from '../../gateway/definitions/read.ts'
import type { GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'
import { parameterPath } from '../deployment.ts'
import { signedFor } from './agentcore-gateway-role.ts'
import { agentcoreArn } from './agentcore-role.ts'
import { LambdaMcpServer, type LambdaMcpServerProps } from './lambda-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/**
 * The stack of the platform agentcore-gateway as a function: fairlead's own gateway, from its artifact, behind a function URL
 * that IAM guards, or behind a distribution where the gateway itself checks tokens. Throws PLATFORM_NOT_BUILT for what it does
 * not deploy.
 */
export function ownGatewayStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const { project, artifacts } = deployment
  const artifact = artifacts.gateway!.dir
  const facts = JSON.parse(readFileSync(join(artifact, 'gateway.json'), 'utf8')) as GatewayFacts
  refuse(project.config, facts)
  const stack = new Stack(app, name, props)
  const tokens = tokensOf(facts)
  const server = new LambdaMcpServer(stack, 'Gateway', {
    config: {
      name: project.config.name,
      ...(project.config.callers ? { callers: project.config.callers } : {}),
      permissions: [...needs(stack, facts), ...(project.config.server ? [] : (project.config.permissions ?? []))],
      platforms: { lambda: {} },
    },
    artifact,
    parameterPath: parameterPath(deployment),
    ...(tokens ? { tokens } : {}),
  })
  server.function.addEnvironment('FAIRLEAD_PLATFORM', 'agentcore-gateway')
  server.function.addEnvironment('NODE_OPTIONS', gatewayNodeOptions)
  addOutputs(stack, {
    Url: server.url,
    Auth: tokens ? 'jwt' : 'iam',
    Service: tokens ? undefined : 'lambda',
    FunctionArn: server.function.functionArn,
    LogGroup: server.logGroup.logGroupName,
    DistributionId: server.front?.distribution.distributionId,
  })
  return { stack }
}

function refuse({ platforms }: FairleadConfig, { gateway, bindings }: GatewayFacts): void {
  const { deployAs } = platforms['agentcore-gateway']!
  const { authorizerType } = gateway as GatewayDefinition
  const why = reason(deployAs, authorizerType)
  if (why !== undefined)
    throw new FairleadError(
      'PLATFORM_NOT_BUILT',
      `A gateway with deployAs: '${deployAs}' and ${authorizerType} is not deployed by this version of fairlead`,
      {
        why,
        fix: "Take deployAs: 'managed', or 'lambda' with AWS_IAM or CUSTOM_JWT; or deploy what `fairlead build` makes with a stack of your own: docs/gateway.md",
      },
    )
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

/** Why it is not deployed; undefined where it is. */
function reason(deployAs: string | undefined, authorizerType: string): string | undefined {
  if (authorizerType === 'NONE')
    return 'Anyone on the internet could call what its targets can, with its role and its secrets.'
  if (deployAs === 'lambda') return undefined
  if (authorizerType === 'AWS_IAM') return 'On fargate nobody verifies the signatures of IAM callers.'
  return 'Its artifact runs as a task, but this version has no stack that puts it into an image, behind a load balancer.'
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
    if (id === undefined) return []
    return [id.startsWith('arn:') ? id : agentcoreArn(stack, `secret:${id}-??????`, 'secretsmanager')]
  })
  return [
    ...(functions.length > 0 ? [{ actions: ['lambda:InvokeFunction'], resources: [...new Set(functions)] }] : []),
    ...(secrets.length > 0 ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [...new Set(secrets)] }] : []),
    ...Object.entries(signedFor(stack, definitions)).map(([action, resources]) => ({ actions: [action], resources })),
  ]
}
