import { Stack, type App } from 'aws-cdk-lib'
import { FairleadError } from '../../errors.ts'
import { edgeRegion, wantsWebAcl, type Deployment } from '../deployment.ts'
import { AuthorizationService } from './authorization-service.ts'
import { CognitoClients } from './cognito-clients.ts'
import { edgeWebAclArn, environmentWebAcl } from './edge-stack.ts'
import { addOutputs, type Outputs } from './outputs.ts'
import type { Authorization, MadeStack, StackRequest } from './stacks.ts'
import { SignInPool } from './user-pool.ts'

interface Made {
  authorization: Authorization
  outputs: Outputs
}

/** The stack that platforms with OAuth have in common: the user pool, and our authorization service in front of it unless Cognito is asked itself. */
export function authorizationStack(app: App, request: StackRequest): MadeStack {
  const { name, deployment, props } = request
  const userPoolId = deployment.project.config.oauth?.userPoolId
  if (userPoolId !== undefined && !userPoolId.startsWith(`${deployment.region}_`))
    throw new FairleadError('CONFIG_INVALID', `\`oauth.userPoolId\` is not of the region ${deployment.region}`, {
      why: 'A client is added to the pool by the stack, and a stack makes resources of its own region.',
      fix: `Deploy to the region that ${userPoolId} begins with.`,
    })
  const stack = new Stack(app, name, props)
  const direct = deployment.project.config.oauth?.verifier === 'cognito'
  const webAclArn = webAcl(stack, deployment)
  const { authorization, outputs } = direct ? cognitoItself(stack, request) : ourService(stack, request, webAclArn)
  addOutputs(stack, outputs)
  return { stack, authorization: { ...authorization, ...(webAclArn === undefined ? {} : { webAclArn }) } }
}

/**
 * The web ACL in front of the platforms and of the service that their clients sign in at: made here in us-east-1, elsewhere
 * that of the stack `edge`. It is exported whatever is deployed now: a stack that was deployed before may use it.
 */
function webAcl(stack: Stack, deployment: Deployment): string | undefined {
  if (!wantsWebAcl(deployment.project.config)) return undefined
  const arn = deployment.region === edgeRegion ? environmentWebAcl(stack) : edgeWebAclArn(stack, deployment)
  stack.exportValue(arn)
  return arn
}

function ourService(stack: Stack, { deployment }: StackRequest, webAclArn: string | undefined): Made {
  const { project, environment, artifacts } = deployment
  const service = new AuthorizationService(stack, 'Service', {
    config: project.config,
    artifact: artifacts.authorizationService!.dir,
    environment,
    ...(webAclArn === undefined ? {} : { webAclArn }),
  })
  return {
    authorization: { issuer: service.issuer },
    outputs: {
      Issuer: service.issuer,
      UserPoolId: service.signIn.pool.userPoolId,
      TableName: service.table.table.tableName,
      LogGroup: service.logGroup.logGroupName,
      FunctionArn: service.function.functionArn,
      DistributionId: service.front.distribution.distributionId,
      ...listed('ClientSecrets', service.clientSecrets, ({ secretArn }) => secretArn),
    },
  }
}

function cognitoItself(stack: Stack, { deployment }: StackRequest): Made {
  const { project, environment } = deployment
  const signIn = new SignInPool(stack, 'SignIn', { config: project.config, environment })
  const { clients, secrets } = new CognitoClients(stack, 'AppClients', { config: project.config, signIn })
  return {
    authorization: {
      issuer: signIn.issuer,
      clients: Object.values(clients).map(({ userPoolClientId }) => userPoolClientId),
      userPoolId: signIn.pool.userPoolId,
    },
    outputs: {
      Issuer: signIn.issuer,
      UserPoolId: signIn.pool.userPoolId,
      ...listed('Clients', clients, ({ userPoolClientId }) => userPoolClientId),
      ...listed('ClientSecrets', secrets, ({ secretArn }) => secretArn),
    },
  }
}

/** `name=value name=value`, for people; nothing when there is nothing. */
function listed<T>(key: 'Clients' | 'ClientSecrets', all: Record<string, T>, value: (each: T) => string): Outputs {
  const words = Object.entries(all).map(([name, each]) => `${name}=${value(each)}`)
  return words.length === 0 ? {} : { [key]: words.join(' ') }
}
