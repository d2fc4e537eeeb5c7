import { createHash } from 'node:crypto'
import { ArnFormat, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  CfnPermission,
  Code,
  Function,
  FunctionUrlAuthType,
  InvokeMode,
  LayerVersion,
  Runtime,
  RuntimeFamily,
  type FunctionUrl,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { Construct } from 'constructs'
import { functionUrlPolicy } from '../../aws/permissions.ts'
import { startScript } from '../../build/for-aws.ts'
import type { FairleadConfig, LambdaConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import type { Platform } from '../../platforms.ts'
import { scopesOf } from '../../scopes.ts'
import { sealsRequests } from '../deployment.ts'
import { acknowledge } from './acknowledge.ts'
import { FunctionFront, OriginSecret } from './function-front.ts'
import { ProofTable } from './proof-table.ts'
import { webAdapterArn, webAdapterEnvironment } from '../web-adapter.ts'

export interface LambdaMcpServerProps {
  config: FairleadConfig
  /** The folder that `fairlead build` makes. */
  artifact: string
  /** Whose tokens are taken, where `auth` is `oauth`, and the app clients where Cognito's own are. */
  authorization?: { issuer: string; clients?: string[] }
  /**
   * For a server that knows by itself whose tokens it takes: the setting that tells it where it is, and the scopes of the first
   * challenge. It is behind a distribution whatever `auth` says.
   */
  tokens?: { setting: string; scopes: readonly string[]; platform: Platform }
  /** Where what the function reads when it starts is in SSM; `/fairlead/NAME/default` when absent. */
  parameterPath?: string
  /** A web ACL with the scope CLOUDFRONT, where `auth` is `oauth`. */
  webAclArn?: string
}

/**
 * An MCP server on Lambda behind a function URL: guarded by IAM, or by OAuth behind a distribution.
 *
 *     const server = new LambdaMcpServer(this, 'Mcp', { config, artifact: '.fairlead/build' })
 *     server.grantInvoke(agent.roleArn)
 */
export class LambdaMcpServer extends Construct {
  readonly function: Function
  readonly functionUrl: FunctionUrl
  readonly logGroup: LogGroup
  readonly auth: 'iam' | 'oauth'
  /** The MCP endpoint. */
  readonly url: string
  /** What stands in front where `auth` is `oauth`. */
  readonly front?: FunctionFront
  readonly #granted = new Map<string, string>()

  constructor(scope: Construct, id: string, props: LambdaMcpServerProps) {
    super(scope, id)
    const { config, artifact } = props
    const lambda = config.platforms.lambda ?? {}
    this.auth = props.tokens ? 'oauth' : (lambda.auth ?? 'iam')
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = this.#role(config)
    this.function = new Function(this, 'Function', {
      ...runtimeOf(this, config, lambda),
      description: `The MCP server ${config.name}`,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(artifact),
      memorySize: lambda.memoryMb ?? 1024,
      timeout: Duration.seconds(lambda.timeoutS ?? 60),
      ...(lambda.concurrency === undefined ? {} : { reservedConcurrentExecutions: lambda.concurrency }),
      role,
      logGroup: this.logGroup,
    })
    if (lambda.runtime)
      acknowledge(this.function, { L1: '`runtime` of fairlead.config.ts says which Python it is written for.' })
    for (const [name, value] of Object.entries(environmentOf(config, lambda))) this.function.addEnvironment(name, value)
    if (!lambda.runtime && sealsRequests(artifact)) this.#setFrom('FAIRLEAD_SECRET', this.#secret())
    this.functionUrl = this.function.addFunctionUrl({
      authType: this.auth === 'iam' ? FunctionUrlAuthType.AWS_IAM : FunctionUrlAuthType.NONE,
      // The server answers CORS itself: two owners would write each header twice.
      invokeMode: InvokeMode.RESPONSE_STREAM,
    })
    if (props.tokens) this.front = this.#behindTokens(props, props.tokens, lambda)
    else if (this.auth === 'oauth') this.front = this.#behindOauth(props, lambda)
    const path = lambda.runtime && config.server?.kind === 'http' ? (config.server.path ?? '/mcp') : '/mcp'
    this.url = this.front ? `${this.front.url}${path}` : `${this.functionUrl.url}${path.slice(1)}`
    if (this.auth === 'iam') for (const caller of config.callers ?? []) this.grantInvoke(caller)
  }

  /** Lets a principal invoke the function through its URL: both statements of `functionUrlPolicy`. */
  grantInvoke(callerArn: string): void {
    if (this.auth !== 'iam')
      throw new FairleadError(
        'CONFIG_INVALID',
        'Callers sign in where `platforms.lambda.auth` is `oauth`: none is granted',
      )
    if (callerArn === '*')
      throw new FairleadError('CONFIG_INVALID', '`callers` has *, which is everyone who has an AWS account', {
        fix: 'Name the ARN of each role or user.',
      })
    if (this.#granted.has(callerArn)) return
    const id = Token.isUnresolved(callerArn) ? `Caller${this.#granted.size}` : `Caller${shortHash(callerArn)}`
    this.#granted.set(callerArn, id)
    for (const { Sid, Action, Condition } of functionUrlPolicy(this.function.functionArn, [callerArn]).Statement)
      new CfnPermission(this, `${id}${Sid}`, {
        functionName: this.function.functionArn,
        principal: callerArn,
        action: Action,
        ...(Condition && 'StringEquals' in Condition
          ? { functionUrlAuthType: Condition.StringEquals['lambda:FunctionUrlAuthType']! }
          : { invokedViaFunctionUrl: true }),
      })
  }

  /** What the server needs, and to write its log: nothing else. */
  #role({ permissions = [], name }: FairleadConfig): Role {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What the MCP server ${name} may do`,
    })
    this.logGroup.grantWrite(role)
    for (const { actions, resources } of permissions)
      role.addToPrincipalPolicy(new PolicyStatement({ actions, resources }))
    acknowledge(role, wildcards(permissions))
    return role
  }

  #behindOauth(props: LambdaMcpServerProps, lambda: LambdaConfig): FunctionFront {
    const { config, authorization, parameterPath = pathOf(config) } = props
    if (!authorization)
      throw new FairleadError(
        'CONFIG_INVALID',
        '`authorization` is missing: with `auth: oauth` tokens come from somewhere',
      )
    const { issuer, clients } = authorization
    const { scopes, baseScopes } = scopesOf(config)
    const table = new ProofTable(this, 'Proofs')
    table.grantRemember(this.function)
    this.function.addEnvironment('FAIRLEAD_TABLE', table.tableName)
    const front = this.#behindTokens(
      props,
      { setting: 'FAIRLEAD_OAUTH', scopes: baseScopes.map((key) => `${config.name}/${key}`), platform: 'lambda' },
      lambda,
      { issuer, ...(clients ? { clients } : {}) },
    )
    // Where clients sign in at Cognito itself, it is the pool that must know the resource.
    if (clients) return front
    new StringParameter(this, 'ResourceOfService', {
      parameterName: `${parameterPath}/resources/lambda`,
      description: `A resource that the authorization service of ${config.name} gives tokens for`,
      stringValue: Stack.of(this).toJsonString({ resource: `${front.url}/mcp`, name: config.name, scopes }),
    })
    return front
  }

  /** Puts a distribution in front, and tells the function where it is and what more there is to know. */
  #behindTokens(
    { config, parameterPath = pathOf(config), webAclArn }: LambdaMcpServerProps,
    { setting, scopes, platform }: NonNullable<LambdaMcpServerProps['tokens']>,
    { timeoutS = 60, domain }: LambdaConfig,
    more: object = {},
  ): FunctionFront {
    const originSecret = new OriginSecret(this, 'OriginSecret')
    this.#setFrom('FAIRLEAD_ORIGIN_SECRET', originSecret)
    // The name alone: the function cannot wait for a value that is known when the distribution is.
    this.#setFromParameter(setting, `${parameterPath}/${platform}`)
    const front = new FunctionFront(this, 'Front', {
      functionUrl: this.functionUrl,
      originSecret,
      readTimeoutS: timeoutS,
      challenge: { path: '/mcp', scopes },
      comment: `The MCP server ${config.name}`,
      ...(domain === undefined ? {} : { domain }),
      ...(webAclArn === undefined ? {} : { webAclArn }),
    })
    new StringParameter(this, 'Place', {
      parameterName: `${parameterPath}/${platform}`,
      description: `Where the MCP server ${config.name} is, and whose tokens it takes`,
      stringValue: Stack.of(this).toJsonString({ resource: `${front.url}/mcp`, ...more }),
    })
    return front
  }

  /** What seals what is given to a client for its next request: any environment of the function opens it. */
  #secret(): Secret {
    const secret = new Secret(this, 'Secret', {
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
    })
    acknowledge(secret, {
      SMG4: 'What it seals lives for minutes, between two requests of one call; it changes with the stack.',
    })
    return secret
  }

  /** The function reads NAME_FROM when it starts: no secret stands in its environment. */
  #setFrom(name: string, secret: Secret): void {
    this.function.addEnvironment(`${name}_FROM`, secret.secretArn)
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
    )
  }

  #setFromParameter(name: string, parameter: string): void {
    const arn = Stack.of(this).formatArn({
      service: 'ssm',
      resource: 'parameter',
      resourceName: parameter.replace(/^\//, ''),
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    })
    this.function.addEnvironment(`${name}_FROM`, arn)
    this.function.addToRolePolicy(new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [arn] }))
  }
}

function pathOf({ name }: FairleadConfig): string {
  return `/fairlead/${name}/default`
}

/** The findings of cdk-nag for what a person has written on purpose. */
function wildcards(permissions: NonNullable<FairleadConfig['permissions']>): Record<string, string> {
  const starred = (kind: string, all: readonly string[]) =>
    all.filter((each) => each.includes('*')).map((each) => `IAM5[${kind}::${each}]`)
  const findings = permissions.flatMap(({ actions, resources }) => [
    ...starred('Action', actions),
    ...starred('Resource', resources),
  ])
  return Object.fromEntries(findings.map((finding) => [finding, '`permissions` of fairlead.config.ts says so.']))
}

function runtimeOf(scope: Construct, { server }: FairleadConfig, { runtime }: LambdaConfig) {
  if (runtime === undefined) return { runtime: Runtime.NODEJS_24_X, handler: 'index.handler' }
  if (server?.kind !== 'http')
    throw new FairleadError('CONFIG_INVALID', '`platforms.lambda.runtime` needs a server of kind `http`')
  const { region } = Stack.of(scope)
  return {
    runtime: new Runtime(runtime, RuntimeFamily.PYTHON, { supportsInlineCode: false }),
    handler: startScript,
    layers: [LayerVersion.fromLayerVersionArn(scope, 'WebAdapter', webAdapterArn(region))],
  }
}

function environmentOf({ server }: FairleadConfig, { runtime }: LambdaConfig): Record<string, string> {
  if (runtime === undefined) return { FAIRLEAD_PLATFORM: 'lambda' }
  return webAdapterEnvironment(server?.kind === 'http' ? server.port : undefined)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
