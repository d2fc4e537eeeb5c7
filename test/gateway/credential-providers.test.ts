import { describe, expect, it } from 'vitest'
import type { CredentialProviderBinding } from '../../src/gateway/bindings.ts'
import { credentialProvidersOf } from '../../src/gateway/credential-providers.ts'
import type { TargetDefinition } from '../../src/gateway/definitions/types.ts'

const place = { account: '111122223333', region: 'eu-central-1' }
const secret = { secretId: 'a', jsonKey: 'key' }
const arnOf = (kind: string, { account = place.account, region = place.region, vault = 'default', name = 'shop' } = {}) => `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/${vault}/${kind}credentialprovider/${name}` // prettier-ignore
const keyArn = arnOf('apikey')
const clientArn = arnOf('oauth2')
const client = { clientId: 'gateway', clientSecretConfig: secret }
const discoveryUrl = 'https://login.example.com/.well-known/openid-configuration'

function target(arn: string, kind: 'apiKey' | 'oauth', name = 'a'): TargetDefinition {
  return {
    name,
    targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://shop.example.com/mcp' } } },
    credentialProviderConfigurations: [
      kind === 'apiKey'
        ? { credentialProviderType: 'API_KEY', credentialProvider: { apiKeyCredentialProvider: { providerArn: arn } } }
        : {
            credentialProviderType: 'OAUTH',
            credentialProvider: { oauthCredentialProvider: { providerArn: arn, scopes: [] } },
          },
    ],
  }
}
const made = (arn: string, binding: CredentialProviderBinding, kind: 'apiKey' | 'oauth' = 'apiKey') =>
  credentialProvidersOf([target(arn, kind)], { credentialProviders: { [arn]: binding } }, place)

describe('a credential provider', () => {
  it('is made when the bindings name its secret in Secrets Manager', () => {
    expect(made(keyArn, { apiKeyEnv: 'KEY', apiKeySecretConfig: secret }).get(keyArn)).toEqual({
      kind: 'apikey',
      name: 'shop',
      secret,
    })
    expect(made(clientArn, { ...client, discoveryUrl }, 'oauth').get(clientArn)).toMatchObject({ kind: 'oauth2' })
  })

  it('is made in the account and region that are deployed to when it is of the account of dev', () => {
    const arn = arnOf('apikey', { account: '000000000000', region: 'us-east-1' })
    expect(made(arn, { apiKeySecretConfig: secret }).size).toBe(1)
  })

  it.each<[string, CredentialProviderBinding | undefined]>([
    ['the bindings say nothing of it', undefined],
    ['its secret is on this machine alone', { apiKeyEnv: 'KEY' }],
    ['the bindings say that it exists', { apiKeySecretConfig: secret, existing: true }],
  ])('is there already when %s', (_, binding) => {
    const bindings = binding ? { credentialProviders: { [keyArn]: binding } } : {}
    expect(credentialProvidersOf([target(keyArn, 'apiKey')], bindings, place).size).toBe(0)
  })

  it.each<[string, string, CredentialProviderBinding, 'apiKey' | 'oauth', RegExp]>([
    ['an ARN of another form', 'arn:aws:x:y::z', { apiKeySecretConfig: secret }, 'apiKey', /form/],
    ['a name with a dot', arnOf('apikey', { name: 'a.b' }), { apiKeySecretConfig: secret }, 'apiKey', /form/],
    ['the ARN of the other kind', clientArn, { apiKeySecretConfig: secret }, 'apiKey', /kind apikey/],
    ['another vault', arnOf('apikey', { vault: 'mine' }), { apiKeySecretConfig: secret }, 'apiKey', /vault/],
    ['another account', arnOf('apikey', { account: '444455556666' }), { apiKeySecretConfig: secret }, 'apiKey', /another account than 111122223333/], // prettier-ignore
    ['another region', arnOf('apikey', { region: 'us-west-2' }), { apiKeySecretConfig: secret }, 'apiKey', /another region than eu-central-1/], // prettier-ignore
    ['a secret of another region', keyArn, { apiKeySecretConfig: { secretId: 'arn:aws:secretsmanager:us-west-2:111122223333:secret:a-AbCdEf', jsonKey: 'key' } }, 'apiKey', /secret is in us-west-2/], // prettier-ignore
    ['a client for an API key', keyArn, { ...client, discoveryUrl }, 'apiKey', /a client/],
    ['an API key for a client', clientArn, { apiKeySecretConfig: secret }, 'oauth', /an API key/],
    ['a token endpoint alone', clientArn, { ...client, tokenEndpoint: 'https://login.example.com/token' }, 'oauth', /tokenEndpoint alone/], // prettier-ignore
    ['a discoveryUrl of another form', clientArn, { ...client, discoveryUrl: 'https://login.example.com/' }, 'oauth', /takes no discoveryUrl/], // prettier-ignore
    ['a discoveryUrl on this machine', clientArn, { ...client, discoveryUrl: 'http://127.0.0.1:1/.well-known/openid-configuration' }, 'oauth', /on this machine/], // prettier-ignore
  ])('with %s is refused', (_, arn, binding, kind, message) => {
    expect(() => made(arn, binding, kind)).toThrow(
      expect.objectContaining({ code: 'GATEWAY_BINDING', message: expect.stringMatching(message) as string }),
    )
  })

  it('of one name under two ARNs is refused', () => {
    const other = arnOf('apikey', { account: '000000000000' })
    const credentialProviders = {
      [keyArn]: { apiKeySecretConfig: secret },
      [other]: { apiKeySecretConfig: secret },
    }
    const both = [target(keyArn, 'apiKey'), target(other, 'apiKey', 'b')]
    expect(() => credentialProvidersOf(both, { credentialProviders }, place)).toThrow(/has the same name/)
    // An API key and a client may have one.
    const two = { [keyArn]: { apiKeySecretConfig: secret }, [clientArn]: { ...client, discoveryUrl } }
    const kinds = [target(keyArn, 'apiKey'), target(clientArn, 'oauth', 'b')]
    expect(credentialProvidersOf(kinds, { credentialProviders: two }, place).size).toBe(2)
  })
})
