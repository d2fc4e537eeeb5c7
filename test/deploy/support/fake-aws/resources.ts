import { createHash } from 'node:crypto'

/** What a resource is called once it is there. */
export function physicalIdOf(
  { name: stack, id: stackId }: { name: string; id: string },
  id: string,
  type: string,
  properties: Record<string, string>,
): string {
  if (type === 'AWS::BedrockAgentCore::RuntimeEndpoint') {
    const [, , , region, account] = stackId.split(':')
    return `arn:aws:bedrock-agentcore:${region}:${account}:runtime/${properties['AgentRuntimeId']}/runtime-endpoint/${properties['Name']}`
  }
  if (type.endsWith('CredentialProvider')) return properties['Name']!
  const short = createHash('sha256').update(`${stack}/${id}`).digest('hex').slice(0, 12)
  if (type === 'AWS::BedrockAgentCore::Runtime') return `runtime_${short}-ABCDEFGHIJ`
  if (type === 'AWS::BedrockAgentCore::Gateway' || type === 'AWS::BedrockAgentCore::PolicyEngine') return `${properties['Name']}-${short.slice(0, 10)}` // prettier-ignore
  if (type === 'AWS::Logs::LogGroup' && properties['LogGroupName']) return properties['LogGroupName']
  return `${stack}-${id}-${short}`.slice(0, 64)
}

/** `Fn::GetAtt`, for what templates of ours ask for. */
export function attributeOf(
  { type, physicalId }: { type: string; physicalId: string },
  attribute: string,
  stackId: string,
): string {
  const [, , , region, account] = stackId.split(':') as [string, string, string, string, string]
  if (attribute === 'FunctionUrl') return `https://${physicalId.replaceAll(/[^a-z0-9]/gi, '').toLowerCase().slice(-32)}.lambda-url.${region}.on.aws/` // prettier-ignore
  if (type === 'AWS::Lambda::Function' && attribute === 'Arn') return `arn:aws:lambda:${region}:${account}:function:${physicalId}` // prettier-ignore
  if (['AgentRuntimeId', 'AgentRuntimeEndpointArn', 'GatewayIdentifier', 'PolicyEngineId'].includes(attribute)) return physicalId // prettier-ignore
  if (attribute === 'AgentRuntimeArn') return `arn:aws:bedrock-agentcore:${region}:${account}:runtime/${physicalId}`
  if (attribute === 'GatewayArn') return `arn:aws:bedrock-agentcore:${region}:${account}:gateway/${physicalId}`
  const [, kind] = /::(ApiKey|OAuth2)CredentialProvider$/.exec(type) ?? []
  if (kind && attribute === 'CredentialProviderArn') return `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/default/${kind.toLowerCase()}credentialprovider/${physicalId}` // prettier-ignore
  if (attribute === 'PolicyEngineArn') return `arn:aws:bedrock-agentcore:${region}:${account}:policy-engine/${physicalId}` // prettier-ignore
  if (attribute === 'DomainName') return `${physicalId.toLowerCase()}.cloudfront.net`
  if (attribute === 'Arn') {
    const service = type.split('::')[1]!.toLowerCase()
    return `arn:aws:${service}:${region}:${account}:${physicalId}`
  }
  return `${physicalId}.${attribute}`
}

type Find = (id: string, attribute?: string) => string | undefined

/** A value of a template, with the functions that CDK writes. */
export function evaluate(value: unknown, find: Find, stackId: string): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? value : JSON.stringify(value)
  const [name, given] = Object.entries(value)[0] ?? ['', '']
  const of = (each: unknown) => evaluate(each, find, stackId)
  if (name === 'Ref') return find(String(given)) ?? pseudo(String(given), stackId)
  if (name === 'Fn::GetAtt') {
    const [id, attribute] = (typeof given === 'string' ? given.split('.') : given) as [string, string]
    return find(id, attribute) ?? ''
  }
  if (name === 'Fn::Join') {
    const [by, parts] = given as [string, unknown[]]
    return parts.map(of).join(by)
  }
  if (name === 'Fn::Select') {
    const [at, list] = given as [number, unknown]
    return (Array.isArray(list) ? list.map(of) : of(list).split(','))[at] ?? ''
  }
  if (name === 'Fn::Split') {
    const [by, text] = given as [string, unknown]
    return of(text).split(by).join(',')
  }
  if (name === 'Fn::Sub') {
    const [text, own] = (typeof given === 'string' ? [given, {}] : given) as [string, Record<string, unknown>]
    return text.replaceAll(/\$\{([^}]+)\}/g, (_, each: string) => {
      const [id, attribute] = each.split('.') as [string, string?]
      return id in own ? of(own[id]) : (find(id, attribute) ?? pseudo(id, stackId))
    })
  }
  return JSON.stringify(value)
}

function pseudo(name: string, stackId: string): string {
  const known: Record<string, string> = {
    'AWS::Region': stackId.split(':')[3]!,
    'AWS::AccountId': stackId.split(':')[4]!,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackId.split('/')[1]!,
    'AWS::StackId': stackId,
  }
  return known[name] ?? name
}
