import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Stack, type App } from 'aws-cdk-lib'
import type { GatewayFacts } from '../../adapters/gateway-artifact.ts'
import { gatewayNodeOptions } from '../../build/agentcore-gateway.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { waysOf } from '../../gateway/bindings.ts'
import type { GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'
import { signedFor } from './agentcore-gateway-role.ts'
import { agentcoreArn } from './agentcore-role.ts'
import { LambdaMcpServer } from './lambda-mcp-server.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'

/**
 * The stack of the platform agentcore-gateway as a function: fairlead's own gateway, from its artifact, behind a function URL
 * that IAM guards. Throws PLATFORM_NOT_BUILT for what it cannot deploy yet.
 */
export function ownGatewayStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const { project, artifacts } = deployment
  const artifact = artifacts.gateway!.dir
  const facts = JSON.parse(readFileSync(join(artifact, 'gateway.json'), 'utf8')) as GatewayFacts
  refuse(project.config, facts)
  const stack = new Stack(app, name, props)
  const server = new LambdaMcpServer(stack, 'Gateway', {
    config: {
      name: project.config.name,
      ...(project.config.callers ? { callers: project.config.callers } : {}),
      permissions: [...needs(stack, facts), ...(project.config.server ? [] : (project.config.permissions ?? []))],
      platforms: { lambda: {} },
    },
    artifact,
  })
  server.function.addEnvironment('FAIRLEAD_PLATFORM', 'agentcore-gateway')
  server.function.addEnvironment('NODE_OPTIONS', gatewayNodeOptions)
  addOutputs(stack, {
    Url: server.url,
    Auth: 'iam',
    Service: 'lambda',
    FunctionArn: server.function.functionArn,
    LogGroup: server.logGroup.logGroupName,
  })
  return { stack }
}

function refuse({ platforms }: FairleadConfig, { gateway, bindings }: GatewayFacts): void {
  const { deployAs } = platforms['agentcore-gateway']!
  const { authorizerType } = gateway as GatewayDefinition
  const fix =
    "Take deployAs: 'managed', or deploy what `fairlead build` makes with a stack of your own: docs/gateway.md"
  if (deployAs !== 'lambda' || authorizerType !== 'AWS_IAM')
    throw new FairleadError(
      'PLATFORM_NOT_BUILT',
      `A gateway with deployAs: '${deployAs}' and ${authorizerType} cannot be deployed by this version of fairlead`,
      { why: "It deploys deployAs: 'lambda' with AWS_IAM, and deployAs: 'managed' with all of them.", fix },
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
