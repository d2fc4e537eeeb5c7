import { hasAgentcore, isOptIn, isRegion, regionNames } from '../choose/regions.ts'
import { FairleadError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { Platform } from '../platforms.ts'
import { asAwsError, notBootstrapped } from './aws-error.ts'
import type { AwsClients } from './toolkit-clients.ts'

/** Who deploys, and where to. */
export interface Place {
  account: string
  region: string
  /** The ARN of the caller. */
  caller: string
}

/** Checks that a region is one, and has AgentCore where platforms need it. Throws REGION_UNKNOWN, REGION_WITHOUT_AGENTCORE. */
export function checkPlace(region: string, managed: readonly Platform[]): void {
  if (!isRegion(region)) {
    const meant = nearest(region, regionNames)
    throw new FairleadError('REGION_UNKNOWN', `${region} is not an AWS region that fairlead knows${meant ? `; did you mean ${meant}?` : ''}`) // prettier-ignore
  }
  if (managed.length > 0 && !hasAgentcore(region))
    throw new FairleadError(
      'REGION_WITHOUT_AGENTCORE',
      `${region} has no AgentCore, and ${managed.join(' and ')} need it`,
      {
        // prettier-ignore
        fix: `Deploy to one that has it: ${regionNames.filter(hasAgentcore).slice(0, 6).join(', ')} …`,
      },
    )
}

/** Asks AWS who calls. Throws CREDENTIALS_MISSING, CREDENTIALS_EXPIRED, UNREACHABLE. */
export async function whoAmI(clients: AwsClients, region: string): Promise<Place> {
  try {
    const { Account, Arn } = await clients('sts').getCallerIdentity({})
    return { account: Account!, region, caller: Arn! }
  } catch (error) {
    throw orNotEnabled(asAwsError(error, 'Asking AWS who calls'), region)
  }
}

/** A region that is not enabled answers as if it did not know the credentials. */
function orNotEnabled(said: FairleadError, region: string): FairleadError {
  if (!isOptIn(region) || !said.message.startsWith('AWS does not know')) return said
  const { code, message, why, fix, cause } = said
  return new FairleadError(code, message, {
    why: `${why} An account has to enable ${region} before it can be used, and until then it knows nobody.`,
    fix: `aws account get-region-opt-status --region-name ${region}; where that is ENABLED, ${fix}`,
    cause,
  })
}

/** Throws ACCOUNT_WRONG when the environment names another account. */
export function checkAccount(place: Place, environment: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === place.account) return
  throw new FairleadError(
    'ACCOUNT_WRONG',
    `${environment} is account ${wanted}, and these credentials are of ${place.account}`,
    {
      // prettier-ignore
      why: `AWS says that you are ${place.caller}.`,
      fix: `Use credentials of ${wanted}: --profile NAME`,
    },
  )
}

/** What synthesized stacks ask for: `requiresBootstrapStackVersion` of CDK 2.276. */
const oldestVersion = 6

/** The places of a deployment: its region, and that of CloudFront's web ACLs where it has one elsewhere. */
export function placesOf(place: Place, stacks: readonly { region: string }[]): Place[] {
  return [...new Set([place.region, ...stacks.map(({ region }) => region)])].map((region) => ({ ...place, region }))
}

/**
 * Whether CDK's own resources are there and new enough: its bucket, its roles. Throws NOT_BOOTSTRAPPED when they are too old.
 * @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html (the version is an SSM parameter)
 */
export async function isBootstrapped(clients: AwsClients, place: Place): Promise<boolean> {
  try {
    const { Parameter } = await clients('ssm', place.region).getParameter({ Name: '/cdk-bootstrap/hnb659fds/version' })
    const version = Number(Parameter?.Value)
    if (version >= oldestVersion) return true
    throw new FairleadError('NOT_BOOTSTRAPPED', `CDK's resources in ${place.region} are of version ${version}; ${oldestVersion} is needed`) // prettier-ignore
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return false
    throw asAwsError(error, 'Looking for the resources of CDK')
  }
}

/** Refuses an account that is not prepared. */
export function refuseUnprepared(place: Place): FairleadError {
  return notBootstrapped(place)
}
