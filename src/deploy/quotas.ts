import { FairleadError } from '../errors.ts'
import { asAwsError } from './aws-error.ts'
import type { AwsClients } from './toolkit-clients.ts'

interface Template {
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>
}

/** What an account has to leave to functions that reserve nothing. */
const leftOver = 100

/**
 * Checks that functions may reserve what they ask for: a new account has a concurrency of 10, and of that nothing can be
 * reserved. Other quotas CloudFormation tells. Throws QUOTA_EXCEEDED.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html (read 2026-11-25)
 */
export async function checkConcurrency(clients: AwsClients, templates: readonly Template[]): Promise<void> {
  const asked = templates
    .flatMap(({ Resources: resources }) => Object.values(resources))
    .filter(({ Type: type }) => type === 'AWS::Lambda::Function')
    .reduce((sum, { Properties: properties }) => sum + Number(properties?.['ReservedConcurrentExecutions'] ?? 0), 0)
  if (asked === 0) return
  const free = await unreserved(clients)
  if (free === undefined || free - asked >= leftOver) return
  throw new FairleadError(
    'QUOTA_EXCEEDED',
    `${asked} concurrent executions cannot be reserved: ${free} are not reserved, and ${leftOver} have to stay so`,
    {
      // prettier-ignore
      why: 'platforms.lambda.concurrency reserves a part of what all functions of the account share in a region.',
      fix: 'Leave platforms.lambda.concurrency out, or ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
    },
  )
}

/** Undefined where the caller may not look: then CloudFormation says it. */
async function unreserved(clients: AwsClients): Promise<number | undefined> {
  try {
    const { AccountLimit: limit } = await clients('lambda').getAccountSettings({})
    return limit?.UnreservedConcurrentExecutions
  } catch (error) {
    const said = asAwsError(error, 'Reading the limits of Lambda')
    if (said.code === 'AWS_DENIED') return undefined
    throw said
  }
}
