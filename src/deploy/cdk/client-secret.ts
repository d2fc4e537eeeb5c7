import { createHash } from 'node:crypto'
import { SecretValue } from 'aws-cdk-lib'
import type { CfnUserPoolClient, UserPoolClient } from 'aws-cdk-lib/aws-cognito'
import { Secret, type SecretProps } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

/** A secret that CloudFormation makes up, or takes from a resource as it deploys: none stands in a template. */
class DeployedSecret extends Secret {
  constructor(scope: Construct, id: string, description: string, value: Partial<SecretProps>, why: string) {
    super(scope, id, { description, ...value })
    acknowledge(this, { SMG4: why })
  }
}

/** 48 letters and digits, which fit wherever a secret goes. */
export function generatedSecret(scope: Construct, id: string, description: string): Secret {
  return new DeployedSecret(
    scope,
    id,
    description,
    { generateSecretString: { passwordLength: 48, excludePunctuation: true } },
    'Who uses it must have the new one at the same moment: it changes by hand, and a timer would end every session.',
  )
}

/** The secret that Cognito made for an app client, for those who must show it. */
export function cognitoClientSecret(scope: Construct, id: string, description: string, client: UserPoolClient): Secret {
  const { attrClientSecret } = client.node.defaultChild as CfnUserPoolClient
  return new DeployedSecret(
    scope,
    id,
    description,
    { secretStringValue: SecretValue.resourceAttribute(attrClientSecret) },
    'Cognito made it and keeps it: a copy that changed alone would let nobody in.',
  )
}

/** A client's part of a logical id: by its own id, so that one that goes leaves the others their secrets. */
export function idOf(client: string): string {
  return createHash('sha256').update(client).digest('hex').slice(0, 8)
}
