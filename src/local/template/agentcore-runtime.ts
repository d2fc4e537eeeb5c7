import type { PolicyDocument, PolicyStatement } from '../../aws/permissions.ts'
import { runtimeLimits } from '../../aws/agentcore-runtime.ts'
import { FairleadError } from '../../errors.ts'
import { jwtOf } from './custom-jwt.ts'
import type { DeployedRuntime } from './deployed.ts'
import { requirePolicy } from './policy-form.ts'
import { refused } from './refused.ts'
import { requireReadable } from './role.ts'
import type { StackFile } from './stack-file.ts'

interface RuntimeProperties {
  AgentRuntimeArtifact?: {
    ContainerConfiguration?: { ContainerUri?: string }
    CodeConfiguration?: { Code?: { S3?: { Prefix?: string } }; EntryPoint?: string[]; Runtime?: string }
  }
  AuthorizerConfiguration?: { CustomJWTAuthorizer?: Record<string, unknown> }
  EnvironmentVariables?: Record<string, string>
  LifecycleConfiguration?: { IdleRuntimeSessionTimeout?: number; MaxLifetime?: number }
  RequestHeaderConfiguration?: { RequestHeaderAllowlist?: string[] }
  ProtocolConfiguration?: string
  RoleArn?: string
}

/**
 * The runtime of a stack, as the template has it; undefined where there is none. An image runs what lies
 * beside the template, or the server's files of `codeOf`, which are in it. Throws TEMPLATE_NOT_RUNNABLE, SETTING_UNREADABLE.
 */
export async function runtimeOf(
  stack: StackFile,
  codeOf: () => string | undefined,
): Promise<DeployedRuntime | undefined> {
  const runtime = stack.resources.find(({ type }) => type === 'AWS::BedrockAgentCore::Runtime')
  if (!runtime) return undefined
  const given = runtime.properties as RuntimeProperties
  if (given.ProtocolConfiguration !== 'MCP')
    throw notRunnable(stack, `a runtime of protocol ${given.ProtocolConfiguration ?? 'HTTP'} is no MCP server`)
  const code = given.AgentRuntimeArtifact?.CodeConfiguration
  if (code && code.EntryPoint?.join(' ') !== 'index.js')
    throw notRunnable(stack, `the entry point ${JSON.stringify(code.EntryPoint)} is not in the artifact; index.js is`)
  if (code && code.Runtime !== 'NODE_22')
    throw notRunnable(stack, `${code.Runtime ?? 'no runtime'} does not run the artifact`)
  const uri = given.AgentRuntimeArtifact?.ContainerConfiguration?.ContainerUri ?? ''
  const artifactDir = code ? stack.asset(code.Code?.S3?.Prefix ?? '') : (stack.image(uri) ?? codeOf())
  if (artifactDir === undefined)
    throw notRunnable(stack, 'the files of its image are not beside it; fairlead synth writes them there')
  const env = given.EnvironmentVariables ?? {}
  await requireReadable(stack, given.RoleArn ?? '', env)
  const lifecycle = given.LifecycleConfiguration ?? {}
  const maxLifetimeS = lifecycle.MaxLifetime ?? runtimeLimits.lifetimeS
  return {
    artifactDir,
    env,
    arn: outputOf(stack, 'RuntimeArn'),
    auth: given.AuthorizerConfiguration?.CustomJWTAuthorizer
      ? { customJWTAuthorizer: jwtOf(given.AuthorizerConfiguration.CustomJWTAuthorizer) }
      : 'iam',
    idleS: lifecycle.IdleRuntimeSessionTimeout ?? Math.min(runtimeLimits.idleS, maxLifetimeS),
    maxLifetimeS,
    headers: given.RequestHeaderConfiguration?.RequestHeaderAllowlist ?? [],
    endpoints: stack.resources
      .filter(({ type }) => type === 'AWS::BedrockAgentCore::RuntimeEndpoint')
      .map(({ properties }) => String(properties.Name)),
    policy: resourcePolicies(stack),
  }
}

/** What the stack says of itself; the outputs are read by everyone. */
export function outputOf({ outputs, file }: StackFile, name: string): string {
  const value = outputs[name]
  if (value === undefined) throw notRunnable({ file }, `has no output ${name}`)
  return value
}

/** All resource policies of a stack of AgentCore. A statement counts for the resource that it is attached to alone. */
export function resourcePolicies(stack: StackFile): PolicyDocument {
  const statements = stack.resources
    .filter(({ type }) => type === 'AWS::BedrockAgentCore::ResourcePolicy')
    .flatMap((each): PolicyStatement[] => {
      const { Policy: policy, ResourceArn: arn } = each.properties
      const { Statement: all } = requirePolicy(stack, each, parsed(stack, each.logicalId, String(policy)))
      return [all]
        .flat()
        .filter(({ Resource }) => [Resource].flat().some((one) => one === '*' || one === arn))
        .map((one) => ({ ...one, Resource: String(arn) }))
    })
  return { Version: '2012-10-17', Statement: statements }
}

function parsed(stack: StackFile, id: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw refused(stack, id, 'its policy is not JSON', { cause: error })
  }
}

function notRunnable({ file }: Pick<StackFile, 'file'>, problem: string): FairleadError {
  return new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: ${problem}`)
}
