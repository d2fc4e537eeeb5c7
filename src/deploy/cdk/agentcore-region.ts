import { Stack, Token } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { hasAgentcore } from '../../choose/regions.ts'
import { FairleadError } from '../../errors.ts'

/** Refuses a region that AWS has not opened AgentCore in; one that is known only while deploying passes. Throws REGION_WITHOUT_AGENTCORE. */
export function requireAgentcore(scope: Construct): void {
  const { region } = Stack.of(scope)
  if (Token.isUnresolved(region) || hasAgentcore(region)) return
  throw new FairleadError('REGION_WITHOUT_AGENTCORE', `AgentCore is not in ${region}`)
}
