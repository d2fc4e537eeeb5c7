import { localAccount } from '../platforms.ts'
import type { TargetDefinition } from './definitions/types.ts'

/** Names the functions of targets that are on this machine alone: whoever deploys the definitions is warned. */
export function localArns(targets: readonly TargetDefinition[]): string[] {
  return targets
    .flatMap(({ targetConfiguration: { mcp } }) => mcp.lambda?.lambdaArn ?? [])
    .filter((arn) => arn.split(':')[4] === localAccount.accountId)
    .map((arn) => `${arn} is of ${localAccount.accountId}, an account that AWS does not have`)
}
