import { Stack, Token } from 'aws-cdk-lib'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import type { Construct } from 'constructs'
import type { FairleadConfig } from '../../config.ts'
import type { ProtectedResource } from '../../oauth/scopes.ts'
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

/** Tells the authorization service of a server: it finds what stands under this path. */
export function announceResource(
  scope: Construct,
  {
    config,
    environment,
    platform,
    url,
  }: { config: FairleadConfig; environment: string; platform: string; url: string },
): StringParameter {
  const announced: ProtectedResource = { resource: url, name: config.name, scopes: scopesOf(config).scopes }
  return new StringParameter(scope, 'Announced', {
    parameterName: `/fairlead/${config.name}/${environment}/resources/${platform}`,
    stringValue: JSON.stringify(announced),
  })
}
