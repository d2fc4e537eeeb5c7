import { Stack, Token } from 'aws-cdk-lib'
import { CfnApiKeyCredentialProvider, CfnOAuth2CredentialProvider } from 'aws-cdk-lib/aws-bedrockagentcore'
import type { Construct } from 'constructs'
import type { BindingsFile } from '../../gateway/bindings.ts'
import { credentialProvidersOf, type CredentialProvider } from '../../gateway/credential-providers.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
import { secretArn } from './agentcore-role.ts'

export interface MadeProvider {
  arn: string
  secretArn: string
}

/**
 * Makes the credential providers whose secrets the bindings name in AWS Secrets Manager, by the ARNs that the definitions
 * have for them. No secret stands in the template: the service reads it where it is. Throws GATEWAY_BINDING.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-bedrockagentcore-apikeycredentialprovider.html (read 2026-11-25)
 */
export function makeCredentialProviders(
  scope: Construct,
  targets: readonly TargetDefinition[],
  bindings: Pick<BindingsFile, 'credentialProviders'>,
): Map<string, MadeProvider> {
  const { account, region } = Stack.of(scope)
  const known = {
    ...(Token.isUnresolved(account) ? {} : { account }),
    ...(Token.isUnresolved(region) ? {} : { region }),
  }
  const asked = credentialProvidersOf(targets, bindings, known)
  return new Map(
    [...asked].map(([arn, provider]) => [
      arn,
      { arn: made(scope, provider), secretArn: secretArn(scope, provider.secret.secretId) },
    ]),
  )
}

function made(scope: Construct, { kind, name, secret, client }: CredentialProvider): string {
  if (!client)
    return new CfnApiKeyCredentialProvider(scope, `Provider-${kind}-${name}`, {
      name,
      apiKeySecretSource: 'EXTERNAL',
      apiKeySecretConfig: secret,
    }).attrCredentialProviderArn
  const { clientId, clientAuthenticationMethod, discoveryUrl, issuer, authorizationEndpoint, tokenEndpoint } = client
  return new CfnOAuth2CredentialProvider(scope, `Provider-${kind}-${name}`, {
    name,
    credentialProviderVendor: 'CustomOauth2',
    oauth2ProviderConfigInput: {
      customOauth2ProviderConfig: {
        clientId,
        clientSecretSource: 'EXTERNAL',
        clientSecretConfig: secret,
        ...(clientAuthenticationMethod ? { clientAuthenticationMethod } : {}),
        oauthDiscovery:
          discoveryUrl === undefined
            ? {
                authorizationServerMetadata: {
                  issuer: issuer!,
                  authorizationEndpoint: authorizationEndpoint!,
                  tokenEndpoint: tokenEndpoint!,
                },
              }
            : { discoveryUrl },
      },
    },
  }).attrCredentialProviderArn
}

/** A target with the ARNs of what is made in place of those that its definition has for them. */
export function withArns(target: TargetDefinition, made: ReadonlyMap<string, MadeProvider>): TargetDefinition {
  const { credentialProviderConfigurations: configurations } = target
  if (!configurations || made.size === 0) return target
  return {
    ...target,
    credentialProviderConfigurations: configurations.map(({ credentialProvider, ...rest }) => ({
      ...rest,
      ...(credentialProvider
        ? {
            credentialProvider: Object.fromEntries(
              Object.entries(credentialProvider).map(([kind, given]) => [
                kind,
                'providerArn' in given
                  ? { ...given, providerArn: made.get(given.providerArn)?.arn ?? given.providerArn }
                  : given,
              ]),
            ),
          }
        : {}),
    })),
  }
}
