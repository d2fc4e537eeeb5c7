import { Lazy, Stack } from 'aws-cdk-lib'
import { CfnResourcePolicy, CfnRuntime, CfnRuntimeEndpoint, type CfnMemory } from 'aws-cdk-lib/aws-bedrockagentcore'
import type { Role } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { readCustomJwtConfig } from '../../auth/bearer/custom-jwt-config.ts'
import { deployedRuntimeName, runtimeLimits } from '../../aws/agentcore-runtime.ts'
import { agentRuntimePolicy } from '../../aws/permissions.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import type { ImagePlan } from '../deployment.ts'
import { memoryFor } from './agentcore-memory.ts'
import { requireAgentcore } from './agentcore-region.ts'
import { AgentcoreRuntimeLog } from './agentcore-runtime-log.ts'
import { agentcoreArn, agentcoreRole, identityArns } from './agentcore-role.ts'
import { allow, allowConfigured } from './allow.ts'
import { packaged } from './agentcore-runtime-package.ts'

export interface AgentcoreRuntimeMcpServerProps {
  config: FairleadConfig
  /** The folder that `fairlead build` makes. */
  artifact: string
  /** Goes into the runtime's name, so that two environments may be in one account. */
  environment?: string
  /** With `package: 'image'`: what runs. */
  image?: ImagePlan
}

/** The endpoint that clients name; AWS has a DEFAULT beside it, which takes a new version before the stack knows that it is good. */
const qualifier = 'live'

/** An MCP server on AgentCore Runtime, behind IAM or a JWT authorizer. */
export class AgentcoreRuntimeMcpServer extends Construct {
  readonly runtime: CfnRuntime
  readonly endpoint: CfnRuntimeEndpoint
  readonly role: Role
  readonly memory?: CfnMemory
  readonly auth: 'iam' | 'jwt'
  /** The MCP endpoint. */
  readonly url: string
  readonly logGroupName: string
  readonly log: AgentcoreRuntimeLog
  readonly #callers: string[] = []

  constructor(scope: Construct, id: string, props: AgentcoreRuntimeMcpServerProps) {
    super(scope, id)
    requireAgentcore(this)
    const { config } = props
    const platform = config.platforms['agentcore-runtime'] ?? {}
    const { auth = 'iam', memory, maxLifetimeS = runtimeLimits.lifetimeS, headers } = platform
    const name = deployedRuntimeName(config.name, props.environment)
    this.role = executionRole(this, name, config)
    if (memory) this.memory = memoryFor(this, { name, asked: memory, role: this.role })
    this.runtime = new CfnRuntime(this, 'Runtime', {
      agentRuntimeName: name,
      agentRuntimeArtifact: packaged(this, { ...props, role: this.role }),
      roleArn: this.role.roleArn,
      protocolConfiguration: 'MCP',
      networkConfiguration: { networkMode: 'PUBLIC' },
      lifecycleConfiguration: {
        idleRuntimeSessionTimeout: platform.idleS ?? Math.min(runtimeLimits.idleS, maxLifetimeS),
        maxLifetime: maxLifetimeS,
      },
      ...(headers ? { requestHeaderConfiguration: { requestHeaderAllowlist: headers } } : {}),
      ...(auth === 'iam' ? {} : { authorizerConfiguration: authorizerOf(auth.customJWTAuthorizer) }),
      environmentVariables: {
        FAIRLEAD_PLATFORM: 'agentcore-runtime',
        ...(this.memory ? { FAIRLEAD_MEMORY_ID: this.memory.attrMemoryId } : {}),
      },
    })
    // The service takes the role on while it makes the runtime.
    this.runtime.node.addDependency(this.role)
    this.endpoint = new CfnRuntimeEndpoint(this, 'Endpoint', {
      name: qualifier,
      agentRuntimeId: this.runtime.attrAgentRuntimeId,
      agentRuntimeVersion: this.runtime.attrAgentRuntimeVersion,
    })
    this.auth = auth === 'iam' ? 'iam' : 'jwt'
    const { region } = Stack.of(this)
    const arn = encodeArn(agentcoreArn(this, `runtime/${this.runtime.attrAgentRuntimeId}`))
    this.url = `https://bedrock-agentcore.${region}.amazonaws.com/runtimes/${arn}/invocations?qualifier=${qualifier}`
    this.logGroupName = `/aws/bedrock-agentcore/runtimes/${this.runtime.attrAgentRuntimeId}-${qualifier}`
    const { logGroupName, endpoint } = this
    this.log = new AgentcoreRuntimeLog(this, 'Log', { logGroupName, runtimeName: name, endpoint })
    if (auth === 'iam') for (const caller of config.callers ?? []) this.grantInvoke(caller)
  }

  get runtimeArn(): string {
    return this.runtime.attrAgentRuntimeArn
  }

  /**
   * Lets a principal invoke the runtime and stop its own sessions. The runtime and its endpoint have a policy each, since the
   * service asks both.
   * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/resource-based-policies.html (hierarchical authorization, read 2026-11-25)
   */
  grantInvoke(callerArn: string): void {
    if (this.auth === 'jwt')
      throw new FairleadError('USAGE', 'A runtime with a JWT authorizer has no callers of IAM', {
        why: 'A runtime takes signatures or tokens, never both.',
        fix: 'Let the caller have a token that the authorizer takes, or leave `auth` out.',
      })
    if (this.#callers.push(callerArn) > 1) return
    const stack = Stack.of(this)
    const resources = { Policy: this.runtimeArn, EndpointPolicy: this.endpoint.attrAgentRuntimeEndpointArn }
    for (const [id, resourceArn] of Object.entries(resources))
      new CfnResourcePolicy(this, id, {
        resourceArn,
        policy: Lazy.string({ produce: () => stack.toJsonString(agentRuntimePolicy(resourceArn, this.#callers)) }),
      })
  }
}

/** AWS's own JSON: what stands in it is checked, and CDK's mapper writes it as CloudFormation has it. Throws CONFIG_INVALID. */
function authorizerOf(authorizer: Record<string, unknown>): CfnRuntime.AuthorizerConfigurationProperty {
  readCustomJwtConfig(authorizer)
  if (authorizer.advertisedScopeMapping !== undefined)
    throw new FairleadError('CONFIG_INVALID', '`customJWTAuthorizer.advertisedScopeMapping` cannot be deployed', {
      why: 'CloudFormation’s AWS::BedrockAgentCore::Runtime has no such member, though the API and CloudFormation’s Gateway do.',
      fix: 'Leave it out, and name in `allowedScopes` what clients are to ask for.',
    })
  return { customJwtAuthorizer: authorizer as unknown as CfnRuntime.CustomJWTAuthorizerConfigurationProperty }
}

/** What the server itself may do, its logs, and its workload identity; nothing else. */
function executionRole(scope: Construct, name: string, config: FairleadConfig): Role {
  const role = agentcoreRole(scope, 'Role', { kind: 'runtime', name, description: `Runs ${config.name} on AgentCore` })
  const group = agentcoreArn(scope, `log-group:/aws/bedrock-agentcore/runtimes/${name}-*`, 'logs')
  const wide = 'The service makes it under a name that ends in an id of its own choice.'
  allow(role, {
    sid: 'LogGroup',
    actions: ['logs:CreateLogGroup', 'logs:DescribeLogStreams'],
    resources: [group],
    wide,
  })
  allow(role, {
    sid: 'LogStreams',
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [`${group}:log-stream:*`],
    wide,
  })
  allow(role, {
    sid: 'Identity',
    actions: ['', 'ForJWT', 'ForUserId'].map((of) => `bedrock-agentcore:GetWorkloadAccessToken${of}`),
    resources: identityArns(scope, name),
    wide,
  })
  allowConfigured(role, config)
  return role
}

/** Percent-encoded, as it stands in a path: what CloudFormation fills in has neither a colon nor a slash. */
function encodeArn(arn: string): string {
  return arn.replaceAll(':', '%3A').replaceAll('/', '%2F')
}
