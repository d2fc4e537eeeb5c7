import { FairleadError } from '../errors.ts'
import { look } from './look.ts'
import type { AwsClients, OpenAws } from './toolkit-clients.ts'

interface NameRule {
  property: string
  pattern: RegExp
  says: string
  /** Where the name is written, when it is not made of `name` and the environment. */
  fix?: string
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
    says: 'letters, digits and signs, at most 128: no space',
    fix: 'Change it in `groups` of `scopes` in fairlead.config.ts.',
  },
  'AWS::Cognito::UserPoolClient': {
    property: 'ClientName',
    pattern: /^[\w\s+=,.@-]{1,128}$/,
    says: 'letters, digits, spaces and _+=,.@-, at most 128',
    fix: 'Change the `id` in `oauth.clients` in fairlead.config.ts: with Cognito’s own tokens it is a name.',
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
    if (!/^[a-zA-Z][a-zA-Z0-9-]{0,127}$/.test(name)) throw refused(name, 'a stack', { says: 'a letter, then letters, digits and hyphens, at most 128' }) // prettier-ignore
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(template.Resources ?? {})) {
      const rule = rules[type]
      const value = rule && properties[rule.property]
      if (typeof value === 'string' && !rule!.pattern.test(value)) throw refused(value, `${id} (${type})`, rule!)
    }
  }
}

function refused(value: string, what: string, { says, fix }: Pick<NameRule, 'says' | 'fix'>): FairleadError {
  return new FairleadError('NAME_REFUSED', `${JSON.stringify(value)} cannot be the name of ${what}`, {
    why: `AWS takes ${says}.`,
    ...(fix ? { fix } : {}),
  })
}

/**
 * Names of memories that are there already: a memory is kept when its stack is destroyed, and the service takes no second one of
 * that name. Gives the refusals; nothing where the caller may not look, since CloudFormation tells it then.
 * @see https://github.com/aws/bedrock-agentcore-sdk-python/blob/main/src/bedrock_agentcore/memory/client.py (`create_or_get_memory`, read 2026-11-25)
 */
export async function takenNames(
  { clients, region }: Pick<OpenAws, 'clients' | 'region'>,
  stacks: readonly (NamedStack & { added: readonly string[] })[],
): Promise<FairleadError[]> {
  const wanted = stacks.flatMap(
    ({ added, template: { Resources: all = {} } }) =>
    added.filter((id) => all[id]?.Type === 'AWS::BedrockAgentCore::Memory').map((id) => ({ id, name: String(all[id]?.Properties?.['Name']) })), // prettier-ignore
  )
  if (wanted.length === 0) return []
  const there = await memoryIds(clients)
  return wanted.flatMap(({ id, name }) => {
    // The service puts ten characters behind the name.
    const taken = there.find((each) => each.startsWith(`${name}-`) && each.length === name.length + 11)
    if (taken === undefined) return []
    return new FairleadError('NAME_REFUSED', `"${name}" cannot be the name of ${id}: the memory ${taken} has it`, {
      why: 'A memory holds what people said, so it is kept when its stack is destroyed.',
      fix: `If it may go: aws bedrock-agentcore-control delete-memory --memory-id ${taken} --region ${region}. Otherwise change \`name\` in fairlead.config.ts, or the name of the environment.`,
    })
  })
}

async function memoryIds(clients: AwsClients): Promise<string[]> {
  const control = clients('bedrock-agentcore-control')
  const found: string[] = []
  for (let next: string | undefined; ;) {
    const page = await look('Looking for memories', () =>
      control.listMemories({ maxResults: 100, ...(next ? { nextToken: next } : {}) }),
    )
    found.push(...(page?.memories ?? []).flatMap(({ id }) => (id === undefined ? [] : [id])))
    next = page?.nextToken
    if (!next) return found
  }
}
