import { describe, expect, it } from 'vitest'
import { gatewayNeeds } from '../../src/deploy/gateway-needs.ts'
import { openAws } from '../../src/deploy/toolkit-clients.ts'
import { fakeAwsInProcess } from './support/fake-aws/in-process.ts'
import { account, region, type FakeAws } from './support/fake-aws/start.ts'

let aws: FakeAws
fakeAwsInProcess((started) => (aws = started))

const arnOf = (name: string, at = account) => `arn:aws:bedrock-agentcore:${region}:${at}:token-vault/default/apikeycredentialprovider/${name}` // prettier-ignore
const targetWith = (configuration: object) => ({ Type: 'AWS::BedrockAgentCore::GatewayTarget', Properties: configuration }) // prettier-ignore
const withKey = (ProviderArn: unknown) => targetWith({ CredentialProviderConfigurations: [{ CredentialProvider: { ApiKeyCredentialProvider: { ProviderArn } } }] }) // prettier-ignore
const policyWith = (Action: string, Resource: unknown) => ({ Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: { Statement: [{ Effect: 'Allow', Action, Resource }] } } }) // prettier-ignore
const stock = {
  Type: 'AWS::BedrockAgentCore::ApiKeyCredentialProvider',
  Properties: { Name: 'stock', ApiKeySecretSource: 'EXTERNAL', ApiKeySecretConfig: { SecretId: 'of-stock', JsonKey: 'key' } }, // prettier-ignore
}
const shop = {
  Type: 'AWS::BedrockAgentCore::OAuth2CredentialProvider',
  Properties: { Name: 'shop', Oauth2ProviderConfigInput: { CustomOauth2ProviderConfig: { ClientSecretConfig: { SecretId: 'of-shop', JsonKey: 'key' } } } }, // prettier-ignore
}

async function told(Resources: Record<string, { Type: string; Properties: object }>, added = Object.keys(Resources)) {
  const { clients } = await openAws({ region })
  const found = await gatewayNeeds(clients, [{ region, added, template: { Resources: Resources as never } }])
  return found.map(({ code, message }) => `${code} ${message}`)
}

describe('what a gateway needs', () => {
  it('is all there', async () => {
    aws.credentialProviders.add('apikey/other')
    for (const name of ['of-stock', 'of-shop']) aws.secrets.add(name)
    const made = { 'Fn::GetAtt': ['Stock', 'CredentialProviderArn'] }
    expect(await told({ Stock: stock, Shop: shop, Other: withKey(arnOf('other')), Made: withKey(made) })).toEqual([])
    expect(aws.log.map(({ operation }) => operation)).toEqual([
      'GetApiKeyCredentialProvider',
      'GetApiKeyCredentialProvider',
      'DescribeSecret',
      'GetOauth2CredentialProvider',
      'DescribeSecret',
    ])
  })

  it('is told where it is missing: a secret, a provider, and a name that is taken', async () => {
    aws.credentialProviders.add('apikey/stock')
    expect(await told({ Stock: stock, Shop: shop, Other: withKey(arnOf('other')) })).toEqual([
      `CREDENTIAL_PROVIDER There is no credential provider ${arnOf('other')}`,
      'CREDENTIAL_PROVIDER There is a credential provider stock already',
      'GATEWAY_BINDING There is no secret of-stock in AWS Secrets Manager',
      'GATEWAY_BINDING There is no secret of-shop in AWS Secrets Manager',
    ])
  })

  it('may be a provider that this stack has made before', async () => {
    aws.credentialProviders.add('apikey/stock')
    aws.secrets.add('of-stock')
    expect(await told({ Stock: stock }, [])).toEqual([])
  })

  it('is not told by who may not look, and CloudFormation tells it then', async () => {
    for (const each of ['secretsmanager.DescribeSecret', 'bedrock-agentcore.GetApiKeyCredentialProvider', 'bedrock-agentcore.GetOauth2CredentialProvider']) aws.switches.denied.add(each) // prettier-ignore
    expect(await told({ Stock: stock, Shop: shop, Other: withKey(arnOf('other')) })).toEqual([])
  })

  it('is nothing of the account of dev', async () => {
    const local = `arn:aws:lambda:${region}:000000000000:function:orders`
    const target = targetWith({ TargetConfiguration: { Mcp: { Lambda: { LambdaArn: local } } } })
    expect(await told({ Orders: target })).toEqual([`LOCAL_ARN The gateway's definitions name ${local}`])
    expect(await told({ Key: withKey(arnOf('stock', '000000000000')) })).toEqual([
      `LOCAL_ARN The gateway's definitions name ${arnOf('stock', '000000000000')}`,
    ])
    // As the role of our own gateway has it.
    const role = policyWith('lambda:InvokeFunction', [local])
    expect(await told({ Role: role })).toEqual([`LOCAL_ARN The gateway's definitions name ${local}`])
    expect(aws.log).toEqual([])
  })

  it('is the secrets of our own gateway too, as far as the template names them', async () => {
    aws.secrets.add('there')
    const at = `arn:aws:secretsmanager:${region}:${account}:secret`
    const role = policyWith('secretsmanager:GetSecretValue', [
      `${at}:there-??????`,
      `${at}:absent-??????`,
      { Ref: 'Own' },
    ])
    expect(await told({ Role: role })).toEqual(['GATEWAY_BINDING There is no secret absent in AWS Secrets Manager'])
  })
})
