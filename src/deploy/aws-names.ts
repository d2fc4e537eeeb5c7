import { FairleadError } from '../errors.ts'

interface NameRule {
  property: string
  pattern: RegExp
  says: string
}

const providerName: NameRule = {
  property: 'Name',
  pattern: /^[a-zA-Z0-9_-]{1,128}$/,
  says: 'letters, digits, hyphens and _, at most 128',
}

/** Of AgentCore, wherever the service puts an id of its own behind a hyphen. */
const underscored = {
  pattern: /^[a-zA-Z][a-zA-Z0-9_]{0,47}$/,
  says: 'a letter, then letters, digits and _, at most 48: no hyphen',
}

/** What AWS takes as a name, of each resource's own API reference. Read 2026-11-25. */
const rules: Record<string, NameRule> = {
  'AWS::BedrockAgentCore::Runtime': { property: 'AgentRuntimeName', ...underscored },
  'AWS::BedrockAgentCore::RuntimeEndpoint': { property: 'Name', ...underscored },
  'AWS::BedrockAgentCore::Memory': { property: 'Name', ...underscored },
  'AWS::BedrockAgentCore::PolicyEngine': { property: 'Name', ...underscored },
  'AWS::BedrockAgentCore::Policy': { property: 'Name', ...underscored },
  'AWS::BedrockAgentCore::Gateway': {
    property: 'Name',
    pattern: /^(?:[0-9a-zA-Z]-?){1,48}$/,
    says: 'letters, digits and single hyphens, at most 48',
  },
  'AWS::BedrockAgentCore::GatewayTarget': {
    property: 'Name',
    pattern: /^(?:[0-9a-zA-Z]-?){1,100}$/,
    says: 'letters, digits and single hyphens, at most 100',
  },
  'AWS::BedrockAgentCore::ApiKeyCredentialProvider': providerName,
  'AWS::BedrockAgentCore::OAuth2CredentialProvider': providerName,
  'AWS::Lambda::Function': {
    property: 'FunctionName',
    pattern: /^[a-zA-Z0-9-_]{1,64}$/,
    says: 'letters, digits, hyphens and _, at most 64',
  },
  'AWS::IAM::Role': { property: 'RoleName', pattern: /^[\w+=,.@-]{1,64}$/, says: 'letters, digits and +=,.@-_, at most 64' }, // prettier-ignore
  'AWS::DynamoDB::Table': {
    property: 'TableName',
    pattern: /^[a-zA-Z0-9_.-]{3,255}$/,
    says: 'letters, digits, hyphens, dots and _, 3 to 255',
  },
  'AWS::Cognito::UserPoolDomain': {
    property: 'Domain',
    pattern: /^(?!.*(?:aws|amazon|cognito))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    says: 'lower case letters, digits and hyphens, at most 63, without aws, amazon or cognito in it',
  },
  'AWS::Cognito::UserPoolGroup': {
    property: 'GroupName',
    pattern: /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u,
    says: 'letters, digits and signs, at most 128: no space. `groups` of `scopes` names it',
  },
  'AWS::Cognito::UserPoolClient': {
    property: 'ClientName',
    pattern: /^[\w\s+=,.@-]{1,128}$/,
    says: 'letters, digits, spaces and _+=,.@-, at most 128. `oauth.clients` names it by its `id`',
  },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': {
    property: 'Name',
    pattern: /^(?!internal-)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/,
    says: 'letters, digits and hyphens, at most 32',
  },
  'AWS::Logs::LogGroup': {
    property: 'LogGroupName',
    pattern: /^[.\-_/#A-Za-z0-9]{1,512}$/,
    says: 'letters, digits and . - _ / #, at most 512',
  },
}

interface NamedStack {
  name: string
  template: { Resources?: Record<string, { Type: string; Properties?: Record<string, unknown> }> }
}

/** Refuses names that AWS would refuse, before AWS is asked. Throws NAME_REFUSED. */
export function checkNames(stacks: readonly NamedStack[]): void {
  for (const { name, template } of stacks) {
    if (!/^[a-zA-Z][a-zA-Z0-9-]{0,127}$/.test(name)) throw refused(name, 'a stack', 'a letter, then letters, digits and hyphens, at most 128') // prettier-ignore
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(template.Resources ?? {})) {
      const rule = rules[type]
      const value = rule && properties[rule.property]
      if (typeof value === 'string' && !rule!.pattern.test(value)) throw refused(value, `${id} (${type})`, rule!.says)
    }
  }
}

function refused(value: string, what: string, says: string): FairleadError {
  return new FairleadError('NAME_REFUSED', `${JSON.stringify(value)} cannot be the name of ${what}`, {
    why: `AWS takes ${says}.`,
  })
}
