import { createRequire } from 'node:module'
import type { BedrockAgentCoreControl } from '@aws-sdk/client-bedrock-agentcore-control'
import type { CloudControl } from '@aws-sdk/client-cloudcontrol'
import type { CloudFormation } from '@aws-sdk/client-cloudformation'
import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs'
import type { Lambda } from '@aws-sdk/client-lambda'
import type { SecretsManager } from '@aws-sdk/client-secrets-manager'
import type { SSM } from '@aws-sdk/client-ssm'
import type { STS } from '@aws-sdk/client-sts'
import { orMissing } from './cdk-missing.ts'

/** Credentials, and when they end. */
export type CredentialSource = () => Promise<{
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}>

interface ClientTypes {
  'bedrock-agentcore-control': BedrockAgentCoreControl
  cloudcontrol: CloudControl
  cloudformation: CloudFormation
  'cloudwatch-logs': CloudWatchLogs
  lambda: Lambda
  'secrets-manager': SecretsManager
  ssm: SSM
  sts: STS
}

const classes: Record<keyof ClientTypes, string> = {
  'bedrock-agentcore-control': 'BedrockAgentCoreControl',
  cloudcontrol: 'CloudControl',
  cloudformation: 'CloudFormation',
  'cloudwatch-logs': 'CloudWatchLogs',
  lambda: 'Lambda',
  'secrets-manager': 'SecretsManager',
  ssm: 'SSM',
  sts: 'STS',
}

/** AWS's own clients, each loaded when it is first used; in the region of the deployment, or in another. */
export type AwsClients = <Name extends keyof ClientTypes>(name: Name, region?: string) => ClientTypes[Name]

/** AWS as one caller in one region. */
export interface OpenAws {
  clients: AwsClients
  credentials: CredentialSource
  region: string
}

export interface OpenAwsOptions {
  profile?: string
  /** Absent: AWS_REGION, or what the profile says, or us-east-1. */
  region?: string
  /** Asks for the code of an MFA device. */
  ask?: (question: string) => Promise<string>
}

/**
 * Opens AWS with the standard chain of credentials: environment, profile, SSO, process, container, instance. The chain is not
 * asked yet. AWS_ENDPOINT_URL is honoured, as by every AWS SDK. The packages are those that CDK's toolkit library brings
 * along, so nothing more has to be installed, and the library itself is not loaded. Throws CDK_MISSING.
 */
export async function openAws({ profile, region, ask }: OpenAwsOptions): Promise<OpenAws> {
  const fromToolkit = await toolkitRequire()
  const chosen = region ?? (await configuredRegion(profile))
  const { fromNodeProviderChain } = fromToolkit('@aws-sdk/credential-providers') as {
    fromNodeProviderChain: (options: object) => CredentialSource
  }
  const chain = fromNodeProviderChain({
    ...(profile === undefined ? {} : { profile }),
    ignoreCache: true,
    clientConfig: { region: chosen },
    ...(ask ? { mfaCodeProvider: (device: string) => ask(`Code of the MFA device ${device}:`) } : {}),
  })
  // Who has to sign in again is told with which profile.
  const named = profile ?? process.env.AWS_PROFILE
  const credentials: CredentialSource = (...given) =>
    chain(...given).catch((error: unknown) => {
      throw named === undefined ? error : Object.assign(error as Error, { profile: named })
    })
  const made = new Map<string, unknown>()
  const clients = <Name extends keyof ClientTypes>(name: Name, where = chosen): ClientTypes[Name] => {
    const known = made.get(`${name} ${where}`) as ClientTypes[Name] | undefined
    if (known) return known
    const exported = fromToolkit(`@aws-sdk/client-${name}`) as Record<
      string,
      new (options: object) => ClientTypes[Name]
    >
    const client = new exported[classes[name]]!({ region: where, credentials, maxAttempts: 6 })
    made.set(`${name} ${where}`, client)
    return client
  }
  return { clients, credentials, region: chosen }
}

function toolkitRequire(): Promise<NodeJS.Require> {
  return orMissing(async () => createRequire(import.meta.resolve('@aws-cdk/toolkit-lib')))
}

/** Says which region AWS's own tools would take: the environment's, then the profile's. Throws CDK_MISSING. */
export async function configuredRegion(profile: string | undefined): Promise<string> {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE = 'default' } = process.env
  const named = AWS_REGION || AWS_DEFAULT_REGION
  if (named && profile === undefined) return named
  const { loadSharedConfigFiles } = (await toolkitRequire())('@smithy/shared-ini-file-loader') as {
    loadSharedConfigFiles: (options: object) => Promise<Record<string, Record<string, { region?: string }>>>
  }
  const { configFile = {}, credentialsFile = {} } = await loadSharedConfigFiles({ ignoreCache: true })
  const name = profile ?? AWS_PROFILE
  return credentialsFile[name]?.region ?? configFile[name]?.region ?? (named || 'us-east-1')
}
