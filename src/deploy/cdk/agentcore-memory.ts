import { RemovalPolicy } from 'aws-cdk-lib'
import { CfnMemory } from 'aws-cdk-lib/aws-bedrockagentcore'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { allow } from './allow.ts'

/** How long short-term events are kept, unless the configuration says it. */
const eventExpiryDays = 90

/**
 * An AgentCore Memory that a server keeps events and records in, and a role that may read and write those of this memory
 * alone. It holds what people said, so it stays when the stack goes.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-bedrockagentcore-memory.html
 */
export function memoryFor(
  scope: Construct,
  { name, asked, role }: { name: string; asked: true | { eventExpiryDays?: number }; role: Role },
): CfnMemory {
  const memory = new CfnMemory(scope, 'Memory', {
    name,
    eventExpiryDuration: (asked === true ? undefined : asked.eventExpiryDays) ?? eventExpiryDays,
  })
  // But not when the stack was never made: nobody has said anything yet, and the next one could not have its name.
  memory.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
  allow(role, { sid: 'Memory', actions: [...uses], resources: [memory.attrMemoryArn] })
  return memory
}

/**
 * What a server does with its memory. Deleting is not among them.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrockagentcore.html (read 2026-11-24)
 */
const uses = [
  'bedrock-agentcore:CreateEvent',
  'bedrock-agentcore:GetEvent',
  'bedrock-agentcore:ListEvents',
  'bedrock-agentcore:ListActors',
  'bedrock-agentcore:ListSessions',
  'bedrock-agentcore:GetMemoryRecord',
  'bedrock-agentcore:ListMemoryRecords',
  'bedrock-agentcore:RetrieveMemoryRecords',
] as const
