import { FairleadError } from '../../errors.ts'
import { readGateway, readTarget } from '../../gateway/definitions/read.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
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
  return { arn: outputOf(stack, 'GatewayArn'), gateway, targets, policy: resourcePolicies(stack) }
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
