import { nearest } from '../nearest.ts'
import { FairleadError } from '../errors.ts'

/**
 * AWS's commercial regions, and whether AgentCore Runtime and Gateway are there.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-regions.html, copy read 2026-11-24
 */
const agentcore: Record<string, boolean> = {
  ...among(true, 'us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1'),
  ...among(true, 'eu-central-1 eu-west-1 eu-west-2 eu-west-3 eu-north-1 eu-south-1 eu-south-2'),
  ...among(true, 'ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-5 ap-southeast-7'),
  ...among(true, 'ap-northeast-1 ap-northeast-2'),
  ...among(false, 'af-south-1 ap-east-1 ap-northeast-3 ap-southeast-3 ap-southeast-4 ca-west-1 eu-central-2'),
  ...among(false, 'il-central-1 me-central-1 me-south-1 mx-central-1'),
}

/** Checks that a region is one of AWS's. Throws WORKLOAD_INVALID. */
export function checkRegion(region: string): string {
  if (Object.hasOwn(agentcore, region)) return region
  const meant = nearest(region, Object.keys(agentcore))
  throw new FairleadError(
    'WORKLOAD_INVALID',
    `${region} is not an AWS region that fairlead knows${meant ? `; did you mean ${meant}?` : ''}`,
    {
      why: 'Prices differ by region, so the region has to be known.',
      fix: `Name one of: ${Object.keys(agentcore).sort().join(', ')}`,
    },
  )
}

export const regionNames = Object.keys(agentcore).sort()

/** Says whether it is the name of one of AWS's commercial regions. */
export function isRegion(region: string): boolean {
  return Object.hasOwn(agentcore, region)
}

/** Says whether AgentCore Runtime and Gateway are offered in a region. */
export function hasAgentcore(region: string): boolean {
  return agentcore[region] === true
}

/**
 * Those that an account enables before it can use them.
 * @see https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html (read 2026-11-25)
 */
const optIn = new Set(
  'af-south-1 ap-east-1 ap-south-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-west-1 eu-central-2 eu-south-1 eu-south-2 il-central-1 me-central-1 me-south-1 mx-central-1'.split(
    ' ',
  ),
)

/** Says whether an account has to enable a region first: before, no service of it knows the account's credentials. */
export function isOptIn(region: string): boolean {
  return optIn.has(region)
}

function among(offered: boolean, regions: string): Record<string, boolean> {
  return Object.fromEntries(regions.split(' ').map((region) => [region, offered]))
}
