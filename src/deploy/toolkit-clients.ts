import { createRequire } from 'node:module'
import type { BedrockAgentCoreControl } from '@aws-sdk/client-bedrock-agentcore-control'
import type { CloudFormation } from '@aws-sdk/client-cloudformation'
import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs'
import type { Lambda } from '@aws-sdk/client-lambda'
import type { SSM } from '@aws-sdk/client-ssm'
import type { STS } from '@aws-sdk/client-sts'

/** Credentials, and when they end. */
export type CredentialSource = () => Promise<{
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}>

interface ClientTypes {
  'bedrock-agentcore-control': BedrockAgentCoreControl
  cloudformation: CloudFormation
  'cloudwatch-logs': CloudWatchLogs
  lambda: Lambda
  ssm: SSM
  sts: STS
}

const classes: Record<keyof ClientTypes, string> = {
  'bedrock-agentcore-control': 'BedrockAgentCoreControl',
  cloudformation: 'CloudFormation',
  'cloudwatch-logs': 'CloudWatchLogs',
  lambda: 'Lambda',
  ssm: 'SSM',
  sts: 'STS',
}

/** AWS's own clients, each loaded when it is first used. */
export type AwsClients = <Name extends keyof ClientTypes>(name: Name) => ClientTypes[Name]

/** Makes clients from the packages that CDK's toolkit library brings along: nothing more has to be installed. */
export function awsClients(credentials: CredentialSource, region: string): AwsClients {
  const require = createRequire(import.meta.resolve('@aws-cdk/toolkit-lib'))
  const made = new Map<string, unknown>()
  return <Name extends keyof ClientTypes>(name: Name): ClientTypes[Name] => {
    const known = made.get(name) as ClientTypes[Name] | undefined
    if (known) return known
    const exported = require(`@aws-sdk/client-${name}`) as Record<string, new (options: object) => ClientTypes[Name]>
    const client = new exported[classes[name]]!({ region, credentials, maxAttempts: 6 })
    made.set(name, client)
    return client
  }
}
