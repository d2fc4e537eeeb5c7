import type { PolicyDocument, PolicyStatement } from '../../aws/permissions.ts'
import { localAccount } from '../../platforms.ts'
import type { DeployedFunction } from './deployed.ts'
import { requireReadable } from './role.ts'
import type { Filled, StackFile } from './stack-file.ts'
import { webRuntimeOf } from './web-adapter.ts'

interface FunctionProperties {
  FunctionName?: string
  Handler?: string
  Runtime?: string
  Code?: { S3Key?: string }
  Layers?: unknown[]
  MemorySize?: number
  Timeout?: number
  ReservedConcurrentExecutions?: number
  Environment?: { Variables?: Record<string, string> }
  Role?: string
}

interface PermissionProperties {
  FunctionName: string
  Principal?: string
  Action: string
  FunctionUrlAuthType?: string
  InvokedViaFunctionUrl?: boolean
}

/** The function behind a function URL of a stack, as the template has it; undefined where there is none. Throws TEMPLATE_NOT_RUNNABLE, SETTING_UNREADABLE. */
export async function functionOf(stack: StackFile, name: string): Promise<DeployedFunction | undefined> {
  const url = stack.resources.find(({ type }) => type === 'AWS::Lambda::Url')
  const fn = url && stack.resources.find(({ type, id }) => type === 'AWS::Lambda::Function' && isTarget(url, id))
  if (!url || !fn) return undefined
  const given = fn.properties as FunctionProperties
  const env = given.Environment?.Variables ?? {}
  const webRuntime = webRuntimeOf(stack, given, env)
  await requireReadable(stack, given.Role ?? '', env)
  return {
    artifactDir: stack.asset(given.Code?.S3Key ?? ''),
    env,
    handler: given.Handler ?? '',
    ...(webRuntime === undefined ? {} : { webRuntime }),
    // What CloudFormation takes when they are absent.
    memoryMb: given.MemorySize ?? 128,
    timeoutS: given.Timeout ?? 3,
    ...(given.ReservedConcurrentExecutions === undefined ? {} : { concurrency: given.ReservedConcurrentExecutions }),
    auth: url.properties.AuthType === 'NONE' ? 'NONE' : 'AWS_IAM',
    mode: url.properties.InvokeMode === 'RESPONSE_STREAM' ? 'RESPONSE_STREAM' : 'BUFFERED',
    front: stack.resources.some(({ type }) => type === 'AWS::CloudFront::Distribution'),
    policy: policyOf(stack, fn.id, name),
  }
}

function isTarget({ properties }: Filled, functionId: string): boolean {
  return namesFunction(properties.TargetFunctionArn, functionId)
}

function namesFunction(given: unknown, id: string): boolean {
  return typeof given === 'string' && (given === id || given.endsWith(`:function:${id}`))
}

/** The function's resource policy: what its permissions become. Principals that are services do not sign, and are left out. */
function policyOf({ resources }: StackFile, functionId: string, name: string): PolicyDocument {
  const { region, accountId } = localAccount
  const resource = `arn:aws:lambda:${region}:${accountId}:function:${name}`
  const statements = resources.flatMap(({ type, id, properties }): PolicyStatement[] => {
    const { FunctionName, Principal, Action, FunctionUrlAuthType, InvokedViaFunctionUrl } =
      properties as Partial<PermissionProperties>
    if (type !== 'AWS::Lambda::Permission' || !namesFunction(FunctionName, functionId)) return []
    if (typeof Principal !== 'string' || Principal.endsWith('.amazonaws.com')) return []
    return [
      {
        Sid: id.replaceAll(/[^A-Za-z0-9]/g, ''),
        Effect: 'Allow',
        Principal: { AWS: [Principal] },
        Action: Action ?? '',
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
