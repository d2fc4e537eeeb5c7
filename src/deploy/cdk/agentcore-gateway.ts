import { Lazy, Stack } from 'aws-cdk-lib'
import {
  CfnGateway,
  CfnGatewayTarget,
  CfnResourcePolicy,
  type CfnGatewayProps,
  type CfnGatewayTargetProps,
} from 'aws-cdk-lib/aws-bedrockagentcore'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { gatewayPolicy } from '../../aws/permissions.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { readGateway, readTarget } from '../../gateway/definitions/read.ts'
import type { GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'
import type { BindingsFile } from '../../gateway/bindings.ts'
import type { Policy } from '../../gateway/policies/policy.ts'
import { revisions } from '../../mcp/revisions.ts'
import { makeCredentialProviders, withArns } from './agentcore-credential-providers.ts'
import { gatewayLogs } from './agentcore-gateway-logs.ts'
import { gatewayRole } from './agentcore-gateway-role.ts'
import { allowPolicyEngine, gatewayPolicies, policyEngine } from './agentcore-policy-engine.ts'
import { requireAgentcore } from './agentcore-region.ts'
import { allowConfigured } from './allow.ts'

export interface AgentcoreGatewayProps {
  /** `callers`, and without a server `permissions`: what the gateway's role may do beside its definitions. */
  config: FairleadConfig
  /** The body of CreateGateway. */
  gateway: unknown
  /** Bodies of CreateGatewayTarget. */
  targets: readonly unknown[]
  /** Cedar policies, `${GatewayArn}` standing for the gateway: it gets a policy engine with them. */
  policies?: readonly Policy[]
  /** Of the bindings file: a provider whose secret is named in AWS Secrets Manager is made, the others are there already. */
  bindings?: Pick<BindingsFile, 'credentialProviders'>
}

/** The service makes five targets of a gateway at once. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html (read 2026-11-22) */
const atOnce = 5

/**
 * The managed AgentCore Gateway over the definitions that the local gateway runs. It has a role of its own instead of the
 * `roleArn` of the definition; everything else of the definitions stands in the template as it is.
 */
export class AgentcoreGateway extends Construct {
  readonly gateway: CfnGateway
  readonly targets: CfnGatewayTarget[]
  readonly role: Role
  readonly logGroup: LogGroup
  readonly auth: 'iam' | 'jwt' | 'none'
  /** The MCP endpoint. */
  readonly url: string
  readonly #callers: string[] = []

  constructor(scope: Construct, id: string, props: AgentcoreGatewayProps) {
    super(scope, id)
    requireAgentcore(this)
    const definition = readGateway(props.gateway)
    const targets = props.targets.map((target, at) => readTarget(target, `targets[${at}]`))
    const providers = makeCredentialProviders(this, targets, props.bindings ?? {})
    this.role = gatewayRole(this, definition, targets, providers)
    if (!props.config.server) allowConfigured(this.role, props.config)
    const policies = policyEngine(this, definition, props.policies)
    if (policies) allowPolicyEngine(this, this.role, definition, policies.configuration.arn)
    this.gateway = new CfnGateway(this, 'Gateway', gatewayProps(definition, this.role.roleArn, policies?.configuration))
    // With its policy: while a target is made the service tries whether the role may call it.
    // @see https://github.com/aws/aws-cdk/issues/36826
    this.gateway.node.addDependency(this.role)
    this.logGroup = gatewayLogs(this, this.gateway)
    this.targets = targets.map((target) => this.#target(withArns(target, providers)))
    for (const [at, target] of this.targets.entries())
      if (at >= atOnce) target.addResourceDependency(this.targets[at - atOnce]!)
    if (policies?.engine && props.policies)
      gatewayPolicies(policies.engine, { gateway: this.gateway, targets: this.targets, policies: props.policies })
    this.auth = ({ AWS_IAM: 'iam', CUSTOM_JWT: 'jwt', NONE: 'none', AUTHENTICATE_ONLY: 'iam' } as const)[
      definition.authorizerType
    ]
    const { region } = Stack.of(this)
    this.url = `https://${this.gateway.attrGatewayIdentifier}.gateway.bedrock-agentcore.${region}.amazonaws.com/mcp`
    if (this.auth === 'iam') for (const caller of props.config.callers ?? []) this.grantInvoke(caller)
  }

  get gatewayArn(): string {
    return this.gateway.attrGatewayArn
  }

  /** Lets a principal of IAM invoke the gateway. */
  grantInvoke(callerArn: string): void {
    if (this.auth !== 'iam')
      throw new FairleadError('USAGE', 'This gateway has no callers of IAM', {
        why: 'Its `authorizerType` is not AWS_IAM.',
        fix: 'Let the caller have a token that the authorizer takes, or write "authorizerType": "AWS_IAM".',
      })
    if (this.#callers.push(callerArn) > 1) return
    const stack = Stack.of(this)
    new CfnResourcePolicy(this, 'Policy', {
      resourceArn: this.gatewayArn,
      policy: Lazy.string({ produce: () => stack.toJsonString(gatewayPolicy(this.gatewayArn, this.#callers)) }),
    })
  }

  #target(definition: TargetDefinition): CfnGatewayTarget {
    const target = new CfnGatewayTarget(this, `Target-${definition.name}`, {
      ...targetProps(definition),
      gatewayIdentifier: this.gateway.attrGatewayIdentifier,
    })
    target.node.addDependency(this.role)
    return target
  }
}

/**
 * A definition as CDK takes it: AWS's own names in camelCase, which CDK's mapper writes as CloudFormation spells them, and the
 * keys inside tags, schemas and scope mappings as they are. The revisions of MCP are said, so that they are those of `dev`.
 */
function gatewayProps(
  {
    clientToken: _token,
    authorizerConfiguration,
    protocolConfiguration,
    policyEngineConfiguration: _engine,
    ...definition
  }: GatewayDefinition & { clientToken?: string },
  roleArn: string,
  policyEngineConfiguration: CfnGateway.GatewayPolicyEngineConfigurationProperty | undefined,
): CfnGatewayProps {
  const mcp = { supportedVersions: Object.keys(revisions), ...protocolConfiguration?.mcp }
  return {
    ...definition,
    roleArn,
    protocolConfiguration: { mcp },
    ...(policyEngineConfiguration ? { policyEngineConfiguration } : {}),
    ...(authorizerConfiguration
      ? {
          authorizerConfiguration: {
            customJwtAuthorizer:
              authorizerConfiguration.customJWTAuthorizer as unknown as CfnGateway.CustomJWTAuthorizerConfigurationProperty,
          },
        }
      : {}),
  }
}

function targetProps({
  clientToken: _token,
  gatewayIdentifier: _gateway,
  ...definition
}: TargetDefinition & { clientToken?: string; gatewayIdentifier?: string }): CfnGatewayTargetProps {
  return definition as CfnGatewayTargetProps
}
