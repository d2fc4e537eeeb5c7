import { FairleadError } from '../../errors.ts'
import { readGateway, readTarget } from '../../gateway/definitions/read.ts'
import { providerOf } from '../../gateway/credential-providers.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
import type { Policy } from '../../gateway/policies/policy.ts'
import { localAccount } from '../../platforms.ts'
import { roleMay } from '../iam/authorize.ts'
import { outputOf, resourcePolicies } from './agentcore-runtime.ts'
import { jwtOf } from './custom-jwt.ts'
import type { DeployedGateway } from './deployed.ts'
import { rolePolicies } from './role.ts'
import type { StackFile } from './stack-file.ts'

/** The managed gateway of a stack, as the template has it; undefined where there is none. Throws TEMPLATE_NOT_RUNNABLE. */
export async function gatewayOf(stack: StackFile): Promise<DeployedGateway | undefined> {
  const found = stack.resources.find(({ type }) => type === 'AWS::BedrockAgentCore::Gateway')
  if (!found) return undefined
  const { AuthorizerConfiguration: authorizer, ...rest } = found.properties
  const { CustomJWTAuthorizer: jwt } = (authorizer ?? {}) as { CustomJWTAuthorizer?: Record<string, unknown> }
  const gateway = readGateway(
    { ...rest, ...(jwt ? { AuthorizerConfiguration: { CustomJWTAuthorizer: jwtOf(jwt) } } : {}) },
    stack.file,
  )
  const targets = stack.resources
    .filter(({ type }) => type === 'AWS::BedrockAgentCore::GatewayTarget')
    .map(({ properties }) => readTarget(properties, stack.file))
  await requireInvocable(stack, gateway.roleArn, targets)
  await requireSecrets(stack, gateway.roleArn, targets)
  const arn = outputOf(stack, 'GatewayArn')
  const policies = await policiesOf(stack, gateway, arn)
  return { arn, gateway, targets, policy: resourcePolicies(stack), ...(policies ? { policies } : {}) }
}

/** The Cedar policies of the gateway's engine. The role must be let ask for them, as on AWS. */
async function policiesOf(
  stack: StackFile,
  { policyEngineConfiguration, roleArn }: DeployedGateway['gateway'],
  gatewayArn: string,
): Promise<Policy[] | undefined> {
  if (!policyEngineConfiguration) return undefined
  const engine = policyEngineConfiguration.arn!
  const id = engine.slice(engine.indexOf('/') + 1)
  const policies = stack.resources
    .filter(({ type, properties }) => type === 'AWS::BedrockAgentCore::Policy' && properties.PolicyEngineId === id)
    .map(({ properties }): Policy => {
      const { Cedar: cedar } = properties.Definition as { Cedar: { Statement: string } }
      return {
        name: String(properties.Name),
        statement: cedar.Statement,
        where: `${stack.file} ${String(properties.Name)}`,
      }
    })
  const own = rolePolicies(stack, roleArn)
  const gateway = placedAs(gatewayArn, JSON.stringify(own))
  const asks = [
    ['GetPolicyEngine', engine],
    ['AuthorizeAction', engine],
    ['AuthorizeAction', gateway],
    ['PartiallyAuthorizeActions', engine],
    ['PartiallyAuthorizeActions', gateway],
  ] as const
  for (const [name, resource] of asks) {
    const question = { principal: roleArn, action: `bedrock-agentcore:${name}`, resource, context: {} }
    if (await roleMay(own, { ...question, accountId: localAccount.accountId })) continue
    throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${stack.file}: the gateway may not ask its policy engine`, {
      why: `No statement of its role allows bedrock-agentcore:${name} on ${resource}; AWS denies every call then.`,
      fix: `Add to the role: { "Effect": "Allow", "Action": "bedrock-agentcore:${name}", "Resource": "${resource}" }`,
    })
  }
  return policies
}

/** A template for one account and region names both, and is filled in here with those of this machine. */
function placedAs(arn: string, policies: string): string {
  const [place] = /arn:[^:"]*:bedrock-agentcore:[^:"]*:[^:"]*:gateway\//.exec(policies) ?? []
  return place === undefined ? arn : place + arn.slice(arn.indexOf('/') + 1)
}

/** Without it the gateway calls its targets without their keys and tokens, which are refused then. */
async function requireSecrets(stack: StackFile, roleArn: string, targets: readonly TargetDefinition[]): Promise<void> {
  const policies = rolePolicies(stack, roleArn)
  for (const target of targets) {
    const used = providerOf(target)
    if (!used) continue
    const action = `bedrock-agentcore:${used.kind === 'apikey' ? 'GetResourceApiKey' : 'GetResourceOauth2Token'}`
    const question = { principal: roleArn, action, resource: used.arn, context: {} }
    if (await roleMay(policies, { ...question, accountId: localAccount.accountId })) continue
    throw new FairleadError(
      'TEMPLATE_NOT_RUNNABLE',
      `${stack.file}: the gateway may not use the credential provider of ${target.name}`,
      {
        why: `No statement of its role allows ${action} on ${used.arn}; every call of that target fails then.`,
        fix: `Add to the role: { "Effect": "Allow", "Action": "${action}", "Resource": "${used.arn}" }`,
      },
    )
  }
}

/** AWS tries it while it makes the target. @see https://github.com/aws/aws-cdk/issues/36826 */
export async function requireInvocable(
  stack: StackFile,
  roleArn: string,
  targets: readonly TargetDefinition[],
): Promise<void> {
  const policies = rolePolicies(stack, roleArn)
  for (const { name, targetConfiguration } of targets) {
    const resource = targetConfiguration.mcp.lambda?.lambdaArn
    if (resource === undefined) continue
    const question = { principal: roleArn, action: 'lambda:InvokeFunction', resource, context: {} }
    if (await roleMay(policies, { ...question, accountId: localAccount.accountId })) continue
    throw new FairleadError(
      'TEMPLATE_NOT_RUNNABLE',
      `${stack.file}: the gateway may not invoke the Lambda of ${name}`,
      {
        why: `No statement of its role allows lambda:InvokeFunction on ${resource}; AWS refuses such a target.`,
        fix: `Add to the role: { "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "${resource}" }`,
      },
    )
  }
}
