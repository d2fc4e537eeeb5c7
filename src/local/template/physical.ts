import { createHash } from 'node:crypto'
import type { Place, Resolve, Resource } from './resolve.ts'

interface Known {
  /** The name that the template gives, or that CloudFormation would make. */
  name: string
  /** Ten characters that are the same each time, as services add them. */
  id: string
  arn: (service: string, resource: string) => string
  region: string
  properties: Record<string, unknown>
}

interface Form {
  /** What `Ref` gives; the name when absent. */
  ref?: (known: Known) => string
  /** The property with the name. */
  named?: string
  attributes?: Record<string, (known: Known) => string>
}

/**
 * What resources are called and what they tell, by type: as far as fairlead's own stacks ask.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html (return values, read 2026-11-25)
 */
const forms: Record<string, Form> = {
  'AWS::Lambda::Function': {
    named: 'FunctionName',
    attributes: { Arn: ({ arn, name }) => arn('lambda', `function:${name}`) },
  },
  'AWS::Lambda::Url': {
    attributes: { FunctionUrl: ({ id, region }) => `https://${id}.lambda-url.${region}.on.aws/` },
  },
  'AWS::IAM::Role': {
    named: 'RoleName',
    attributes: { Arn: ({ arn, name }) => arn('iam', `role/${name}`).replace(/:iam:[^:]*:/, ':iam::') },
  },
  'AWS::Logs::LogGroup': {
    named: 'LogGroupName',
    attributes: { Arn: ({ arn, name }) => `${arn('logs', `log-group:${name}`)}:*` },
  },
  'AWS::DynamoDB::Table': {
    named: 'TableName',
    attributes: { Arn: ({ arn, name }) => arn('dynamodb', `table/${name}`) },
  },
  'AWS::DynamoDB::GlobalTable': {
    named: 'TableName',
    attributes: { Arn: ({ arn, name }) => arn('dynamodb', `table/${name}`) },
  },
  'AWS::SecretsManager::Secret': {
    named: 'Name',
    ref: ({ arn, name, id }) => arn('secretsmanager', `secret:${name}-${id.slice(0, 6)}`),
  },
  'AWS::SSM::Parameter': { named: 'Name' },
  'AWS::KMS::Key': { attributes: { Arn: ({ arn, id }) => arn('kms', `key/${id}`) } },
  'AWS::Cognito::UserPool': {
    ref: ({ region, id }) => `${region}_${id.slice(0, 9)}`,
    attributes: { Arn: ({ arn, region, id }) => arn('cognito-idp', `userpool/${region}_${id.slice(0, 9)}`) },
  },
  'AWS::CloudFront::Distribution': {
    ref: ({ id }) => id.toUpperCase(),
    attributes: { DomainName: ({ id }) => `${id}.cloudfront.net` },
  },
  'AWS::ECS::Cluster': { named: 'ClusterName', attributes: { Arn: ({ arn, name }) => arn('ecs', `cluster/${name}`) } },
  'AWS::ECS::Service': { ref: ({ arn, name }) => arn('ecs', `service/${name}`) },
  'AWS::ECS::TaskDefinition': { named: 'Family', ref: ({ arn, name }) => `${arn('ecs', `task-definition/${name}`)}:1` },
  'AWS::BedrockAgentCore::Runtime': {
    named: 'AgentRuntimeName',
    ref: runtimeId,
    attributes: {
      AgentRuntimeId: runtimeId,
      AgentRuntimeArn: (known) => known.arn('bedrock-agentcore', `runtime/${runtimeId(known)}`),
      AgentRuntimeVersion: () => '1',
    },
  },
  'AWS::BedrockAgentCore::RuntimeEndpoint': {
    named: 'Name',
    attributes: {
      AgentRuntimeEndpointArn: ({ arn, name, properties }) =>
        arn('bedrock-agentcore', `runtime/${String(properties.AgentRuntimeId)}/runtime-endpoint/${name}`),
    },
  },
  'AWS::BedrockAgentCore::Gateway': {
    named: 'Name',
    attributes: {
      GatewayIdentifier: ({ name, id }) => `${name}-${id}`.toLowerCase(),
      GatewayArn: ({ arn, name, id }) => arn('bedrock-agentcore', `gateway/${`${name}-${id}`.toLowerCase()}`),
    },
  },
  'AWS::BedrockAgentCore::ApiKeyCredentialProvider': provider('apikey'),
  'AWS::BedrockAgentCore::OAuth2CredentialProvider': provider('oauth2'),
  'AWS::BedrockAgentCore::PolicyEngine': {
    named: 'Name',
    attributes: {
      PolicyEngineId: ({ name, id }) => `${name}-${id}`,
      PolicyEngineArn: ({ arn, name, id }) => arn('bedrock-agentcore', `policy-engine/${name}-${id}`),
    },
  },
  'AWS::BedrockAgentCore::Memory': {
    named: 'Name',
    attributes: {
      MemoryId: ({ name, id }) => `${name}-${id}`,
      MemoryArn: ({ arn, name, id }) => arn('bedrock-agentcore', `memory/${name}-${id}`),
    },
  },
}

function provider(kind: string): Form {
  const resource = `token-vault/default/${kind}credentialprovider`
  return {
    named: 'Name',
    attributes: { CredentialProviderArn: ({ arn, name }) => arn('bedrock-agentcore', `${resource}/${name}`) },
  }
}

function runtimeId({ name, id }: Known): string {
  return `${name}-${id}`
}

/** The name of a resource, or one of its attributes, in the form that AWS gives it. */
export function physical(
  logicalId: string,
  { Type, Properties = {} }: Resource,
  attribute: string | undefined,
  { account, region, stack, resolve }: Place & { resolve: Resolve },
): string {
  const form = forms[Type] ?? {}
  const properties = resolve(Properties) as Record<string, unknown>
  const given = form.named === undefined ? undefined : properties[form.named]
  const known: Known = {
    name: typeof given === 'string' ? given : `${stack}-${logicalId}`,
    id: createHash('sha256').update(`${stack}/${logicalId}`).digest('hex').slice(0, 10),
    arn: (service, resource) => `arn:aws:${service}:${region}:${account}:${resource}`,
    region,
    properties,
  }
  if (attribute === undefined) return form.ref?.(known) ?? known.name
  const made = form.attributes?.[attribute]
  if (made) return made(known)
  const service = Type.split('::')[1]!.toLowerCase()
  return /arn$/i.test(attribute) ? known.arn(service, logicalId) : `${logicalId}-${attribute}`
}
