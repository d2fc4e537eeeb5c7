import type { PolicyDocument, PolicyStatement } from '../../aws/permissions.ts'
import { localAccount } from '../../platforms.ts'
import type { DeployedFunction } from './deployed.ts'
import { requireFunction, variablesOf } from './function-checks.ts'
import { functionCode, requireHandler } from './function-code.ts'
import { refused } from './refused.ts'
import { requireReadable } from './role.ts'
import type { Filled, StackFile } from './stack-file.ts'
import { webRuntimeOf } from './web-adapter.ts'

interface FunctionProperties {
  Handler?: string
  Runtime?: string
  Layers?: unknown[]
  MemorySize?: number | string
  Timeout?: number | string
  ReservedConcurrentExecutions?: number | string
  Role?: string
}

interface PermissionProperties {
  Principal: string
  Action: string
  FunctionUrlAuthType?: string
  InvokedViaFunctionUrl?: boolean
}

/** The function behind a function URL of a stack, as the template has it; undefined where there is none. Throws TEMPLATE_NOT_RUNNABLE, SETTING_UNREADABLE. */
export async function functionOf(stack: StackFile, name: string): Promise<DeployedFunction | undefined> {
  const urls = stack.resources.filter(({ type }) => type === 'AWS::Lambda::Url')
  const behind = urls.map((url) => ({ url, fn: stack.resources.find((each) => isFunction(each) && isNamed(url.properties.TargetFunctionArn, each)) })) // prettier-ignore
  // Of several, the one that is a server of fairlead's.
  const { url, fn } = behind.find((each) => each.fn && isServer(each.fn)) ?? behind[0] ?? {}
  if (!url) return undefined
  if (!fn)
    throw refused(
      stack,
      url.logicalId,
      `it is of ${String(url.properties.TargetFunctionArn)}, which is no function here`,
      {
        fix: 'Write TargetFunctionArn with a function of this template.',
      },
    )
  const given = fn.properties as FunctionProperties
  const permissions = stack.resources.filter(
    ({ type, properties }) => type === 'AWS::Lambda::Permission' && isNamed(properties.FunctionName, fn),
  )
  requireFunction(stack, fn, url, permissions)
  const env = variablesOf(stack, fn)
  const webRuntime = webRuntimeOf(stack, given, env)
  const artifactDir = functionCode(stack, fn)
  if (webRuntime === undefined) requireHandler(stack, fn, artifactDir)
  await requireReadable(stack, given.Role ?? '', env)
  const front = stack.resources.some(({ type }) => type === 'AWS::CloudFront::Distribution') || originSecret in env
  const auth = url.properties.AuthType === 'NONE' ? 'NONE' : 'AWS_IAM'
  return {
    resource: `${stack.file}: ${fn.logicalId}`,
    artifactDir,
    env,
    handler: given.Handler ?? '',
    ...(webRuntime === undefined ? {} : { webRuntime }),
    // What CloudFormation takes when they are absent.
    memoryMb: Number(given.MemorySize ?? 128),
    timeoutS: Number(given.Timeout ?? 3),
    ...(given.ReservedConcurrentExecutions === undefined
      ? {}
      : { concurrency: Number(given.ReservedConcurrentExecutions) }),
    auth,
    mode: url.properties.InvokeMode === 'RESPONSE_STREAM' ? 'RESPONSE_STREAM' : 'BUFFERED',
    front,
    oauth: front || (auth === 'NONE' && 'FAIRLEAD_OAUTH' in env),
    policy: policyOf(permissions, name),
  }
}

/** A template has it where CloudFront stands in front, its own or one of another stack. */
const originSecret = 'FAIRLEAD_ORIGIN_SECRET_FROM'

function isServer({ properties }: Filled): boolean {
  const { Variables } = (properties.Environment ?? {}) as { Variables?: Record<string, unknown> }
  const { FAIRLEAD_PLATFORM: platform, AWS_LAMBDA_EXEC_WRAPPER: wrapper } = Variables ?? {}
  return platform === 'lambda' || platform === 'agentcore-gateway' || wrapper !== undefined
}

function isFunction({ type }: Filled): boolean {
  return type === 'AWS::Lambda::Function'
}

/** Whether a name or an ARN is that of a function of the template. */
function isNamed(given: unknown, { id, properties }: Filled): boolean {
  const name = typeof properties.FunctionName === 'string' ? properties.FunctionName : id
  return typeof given === 'string' && (given === name || given.endsWith(`:function:${name}`))
}

/** The function's resource policy: what its permissions become. Principals that are services do not sign, and are left out. */
function policyOf(permissions: readonly Filled[], name: string): PolicyDocument {
  const { region, accountId } = localAccount
  const resource = `arn:aws:lambda:${region}:${accountId}:function:${name}`
  const statements = permissions.flatMap(({ logicalId, properties }): PolicyStatement[] => {
    const { Principal, Action, FunctionUrlAuthType, InvokedViaFunctionUrl } =
      properties as unknown as PermissionProperties
    if (Principal.endsWith('.amazonaws.com')) return []
    return [
      {
        Sid: logicalId,
        Effect: 'Allow',
        Principal: { AWS: [Principal] },
        Action,
        Resource: resource,
        ...(FunctionUrlAuthType
          ? { Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': FunctionUrlAuthType } } }
          : InvokedViaFunctionUrl === undefined
            ? {}
            : { Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': String(InvokedViaFunctionUrl) } } }),
      },
    ]
  })
  return { Version: '2012-10-17', Statement: statements }
}
