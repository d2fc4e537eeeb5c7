import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  CfnPermission,
  Code,
  Function,
  FunctionUrlAuthType,
  InvokeMode,
  Runtime,
  type FunctionUrl,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { FairleadConfig } from '../../config.ts'

export interface LambdaMcpServerProps {
  config: FairleadConfig
  /** The folder that `fairlead build` makes. */
  artifact: string
}

/** An MCP server on Lambda behind a function URL that IAM guards. */
export class LambdaMcpServer extends Construct {
  readonly function: Function
  readonly functionUrl: FunctionUrl
  readonly logGroup: LogGroup
  readonly auth = 'iam'
  /** The MCP endpoint. */
  readonly url: string

  constructor(scope: Construct, id: string, { config, artifact }: LambdaMcpServerProps) {
    super(scope, id)
    const { memoryMb = 1024, timeoutS = 60, concurrency } = config.platforms.lambda ?? {}
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    this.logGroup.grantWrite(role)
    for (const { actions, resources } of config.permissions ?? [])
      role.addToPrincipalPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }))
    this.function = new Function(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(artifact),
      memorySize: memoryMb,
      timeout: Duration.seconds(timeoutS),
      ...(concurrency === undefined ? {} : { reservedConcurrentExecutions: concurrency }),
      role,
      logGroup: this.logGroup,
      environment: { FAIRLEAD_PLATFORM: 'lambda' },
    })
    this.functionUrl = this.function.addFunctionUrl({
      authType: FunctionUrlAuthType.AWS_IAM,
      invokeMode: InvokeMode.RESPONSE_STREAM,
    })
    this.url = `${this.functionUrl.url}mcp`
    for (const caller of config.callers ?? []) this.grantInvoke(caller)
  }

  /** Lets a principal invoke the function through its URL: both statements of `functionUrlPolicy`. */
  grantInvoke(callerArn: string): void {
    const at = this.node.children.filter((each) => each instanceof CfnPermission).length / 2
    const permission = { functionName: this.function.functionArn, principal: callerArn }
    new CfnPermission(this, `Caller${at}Url`, {
      ...permission,
      action: 'lambda:InvokeFunctionUrl',
      functionUrlAuthType: 'AWS_IAM',
    })
    new CfnPermission(this, `Caller${at}Invoke`, {
      ...permission,
      action: 'lambda:InvokeFunction',
      invokedViaFunctionUrl: true,
    })
  }
}
