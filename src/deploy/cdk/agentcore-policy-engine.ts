import { CfnPolicy, CfnPolicyEngine, type CfnGateway, type CfnGatewayTarget } from 'aws-cdk-lib/aws-bedrockagentcore'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { FairleadError } from '../../errors.ts'
import type { GatewayDefinition } from '../../gateway/definitions/types.ts'
import { effectOf, statementFor } from '../../gateway/policies/statements.ts'
import type { Policy } from '../../gateway/policies/policy.ts'
import { agentcoreArn } from './agentcore-role.ts'
import { allow } from './allow.ts'

/**
 * The policy engine of a gateway, where it has policies: made before the gateway, which names it. An engine that the definition
 * names stays as it is. Undefined: the gateway has none.
 */
export function policyEngine(
  scope: Construct,
  { name, policyEngineConfiguration }: GatewayDefinition,
  policies: readonly Policy[] | undefined,
): { engine?: CfnPolicyEngine; configuration: CfnGateway.GatewayPolicyEngineConfigurationProperty } | undefined {
  const { arn, mode = 'ENFORCE' } = policyEngineConfiguration ?? {}
  if (policies) {
    const engine = new CfnPolicyEngine(scope, 'PolicyEngine', {
      name: engineName(name),
      description: `Who may call which tool of the gateway ${name}`,
    })
    return { engine, configuration: { arn: engine.attrPolicyEngineArn, mode } }
  }
  if (!policyEngineConfiguration) return undefined
  if (arn === undefined)
    throw new FairleadError(
      'GATEWAY_DEFINITION_INVALID',
      '`policyEngineConfiguration.arn` is required where there are no `policies`',
    )
  return { configuration: { arn, mode } }
}

/**
 * What the gateway's role needs to ask the engine. The gateway has no id yet when its role is made.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-permissions.html (read 2026-11-25)
 */
export function allowPolicyEngine(scope: Construct, role: Role, gateway: GatewayDefinition, engineArn: string): void {
  allow(role, { sid: 'PolicyEngine', actions: ['bedrock-agentcore:GetPolicyEngine'], resources: [engineArn] })
  allow(role, {
    sid: 'Policies',
    actions: ['bedrock-agentcore:AuthorizeAction', 'bedrock-agentcore:PartiallyAuthorizeActions'],
    resources: [engineArn, agentcoreArn(scope, `gateway/${gateway.name.toLowerCase()}-??????????`)],
  })
}

/**
 * One policy for each statement. The service holds them against the tools of the gateway and against each other, so they come
 * after its targets, and what forbids after what permits.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-create-update-validation.html (read 2026-11-25)
 */
export function gatewayPolicies(
  engine: CfnPolicyEngine,
  {
    gateway,
    targets,
    policies,
  }: { gateway: CfnGateway; targets: readonly CfnGatewayTarget[]; policies: readonly Policy[] },
): CfnPolicy[] {
  const made = policies.map((policy) => {
    const resource = new CfnPolicy(engine, policy.name, {
      name: policy.name,
      policyEngineId: engine.attrPolicyEngineId,
      definition: { cedar: { statement: statementFor(policy, gateway.attrGatewayArn) } },
      validationMode: 'FAIL_ON_ANY_FINDINGS',
    })
    resource.addResourceDependency(gateway)
    for (const target of targets) resource.addResourceDependency(target)
    return { resource, effect: effectOf(policy.statement) }
  })
  const of = (effect: 'permit' | 'forbid') => made.flatMap((each) => (each.effect === effect ? [each.resource] : []))
  for (const forbid of of('forbid')) for (const permit of of('permit')) forbid.addResourceDependency(permit)
  return made.map(({ resource }) => resource)
}

/** Names of engines have no hyphens, and begin with a letter. */
function engineName(gateway: string): string {
  const name = gateway.replaceAll('-', '_')
  return (/^[A-Za-z]/.test(name) ? name : `p_${name}`).slice(0, 48)
}
