import { Stack, Token } from 'aws-cdk-lib'
import { CfnUserPoolResourceServer } from 'aws-cdk-lib/aws-cognito'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import type { Construct } from 'constructs'
import type { FairleadConfig } from '../../config.ts'
import type { ProtectedResource } from '../../oauth/scopes.ts'
import type { Platform } from '../../platforms.ts'
import { scopesOf } from '../../scopes.ts'

/** The ARN of a parameter of this account and region, by its name: no reference, so nothing waits for the parameter. */
export function parameterArn(scope: Construct, name: string): string {
  const { partition, region, account } = Stack.of(scope)
  return `arn:${partition}:ssm:${region}:${account}:parameter${name}`
}

/** The ARN as cdk-nag writes it into a finding, where account or region are known when it is deployed. */
export function foundAs(scope: Construct, arn: string): string {
  const { partition, region, account } = Stack.of(scope)
  return [partition, region, account].reduce(
    (text, token, at) => text.replaceAll(token, Token.isUnresolved(token) ? unknown[at]! : token),
    arn,
  )
}

const unknown = ['<AWS::Partition>', '<AWS::Region>', '<AWS::AccountId>']

interface Announced {
  config: FairleadConfig
  platform: Platform
  /** The MCP endpoint. */
  url: string
}

/** Tells the authorization service of a server: it finds what stands under this path. */
export function announceResource(
  scope: Construct,
  { config, environment, platform, url }: Announced & { environment: string },
): void {
  const announced: ProtectedResource = { resource: url, name: config.name, scopes: scopesOf(config).scopes }
  new StringParameter(scope, 'Announced', {
    parameterName: `/fairlead/${config.name}/${environment}/resources/${platform}`,
    stringValue: JSON.stringify(announced),
  })
}

/** Tells a user pool of a server: Cognito gives tokens for a URL that it knows as a resource server. */
export function knownToPool(
  scope: Construct,
  { config, platform, url, userPoolId }: Announced & { userPoolId: string },
): void {
  new CfnUserPoolResourceServer(scope, 'Announced', {
    userPoolId,
    identifier: url,
    name: `${config.name} on ${platform}`,
  })
}
