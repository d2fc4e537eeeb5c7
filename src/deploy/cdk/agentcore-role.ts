import { Duration, Stack } from 'aws-cdk-lib'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'

/** The account, region and partition of an ARN of AgentCore's. */
export function agentcoreArn(scope: Construct, resource: string, service = 'bedrock-agentcore'): string {
  const { partition, region, account } = Stack.of(scope)
  return `arn:${partition}:${service}:${region}:${account}:${resource}`
}

/** The secret of an id that may be its ARN; Secrets Manager adds six characters to a name. */
export function secretArn(scope: Construct, id: string): string {
  return id.startsWith('arn:') ? id : agentcoreArn(scope, `secret:${id}-??????`, 'secretsmanager')
}

/**
 * A role that AgentCore takes on for one resource alone: the trust names the account and, as the resource's id is its name
 * and ten characters, the resource.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-permissions.html (read 2026-11-22)
 */
export function agentcoreRole(
  scope: Construct,
  id: string,
  { kind, name, description }: { kind: 'runtime' | 'gateway'; name: string; description: string },
): Role {
  return new Role(scope, id, {
    description,
    // A session lives for 8 hours at most.
    maxSessionDuration: Duration.hours(8),
    assumedBy: new ServicePrincipal('bedrock-agentcore.amazonaws.com', {
      conditions: {
        StringEquals: { 'aws:SourceAccount': Stack.of(scope).account },
        ArnLike: {
          'aws:SourceArn': [`${kind}/${name}`, `${kind}/${name}-??????????`].map((each) => agentcoreArn(scope, each)),
        },
      },
    }),
  })
}

/** The workload identity that the service makes for a resource of this name: what it asks for tokens with. */
export function identityArns(scope: Construct, name: string): string[] {
  const directory = agentcoreArn(scope, 'workload-identity-directory/default')
  return [directory, `${directory}/workload-identity/${name}-*`]
}
