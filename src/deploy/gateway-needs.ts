import { FairleadError } from '../errors.ts'
import { readProviderArn, type ProviderKind } from '../gateway/credential-providers.ts'
import { localAccount } from '../platforms.ts'
import { look } from './look.ts'
import type { NewIn } from './quotas.ts'
import type { AwsClients } from './toolkit-clients.ts'

const kindOf: Record<string, ProviderKind> = {
  'AWS::BedrockAgentCore::ApiKeyCredentialProvider': 'apikey',
  'AWS::BedrockAgentCore::OAuth2CredentialProvider': 'oauth2',
}

/**
 * Holds what a gateway's stack takes from the account against what is there: functions, credential providers that it uses and
 * that it is to make, and secrets. What the caller may not look at is not told here: the service tells it then.
 */
export async function gatewayNeeds(clients: AwsClients, stacks: readonly NewIn[]): Promise<FairleadError[]> {
  const found: (FairleadError | undefined)[] = []
  for (const { template, added, region } of stacks) {
    found.push(ofThisMachine(template))
    for (const arn of referenced(template)) found.push(await unknownProvider(clients, arn, region))
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(template.Resources)) {
      const kind = kindOf[type]
      if (!kind) continue
      if (added.includes(id)) found.push(await takenName(clients, kind, String(properties['Name'])))
      for (const secret of secretsIn(properties)) found.push(await unknownSecret(clients, secret, region))
    }
    for (const SecretId of ownSecrets(template)) found.push(await unknownSecret(clients, { SecretId }, region))
  }
  return found.filter((each) => each !== undefined)
}

/** Definitions that were written for this machine name functions and keys that no account has. */
function ofThisMachine({ Resources: resources }: NewIn['template']): FairleadError | undefined {
  const gateways = Object.values(resources).filter(({ Type: type }) => type.startsWith('AWS::BedrockAgentCore::Gateway')) // prettier-ignore
  const arn = gateways
    .flatMap(({ Properties: properties }) =>
      ['LambdaArn', 'ProviderArn', 'KmsKeyArn'].flatMap((name) => strings(properties, name)),
    ) // prettier-ignore
    .concat(mayDo(resources, 'lambda:InvokeFunction'))
    .find((each) => each.split(':')[4] === localAccount.accountId)
  if (arn === undefined) return undefined
  return new FairleadError('LOCAL_ARN', `The gateway's definitions name ${arn}`)
}

/** Of our own gateway, which reads them itself: those of the bindings, and not the one that the stack makes. */
function ownSecrets({ Resources: resources }: NewIn['template']): string[] {
  if (Object.values(resources).some(({ Type: type }) => type === 'AWS::BedrockAgentCore::Gateway')) return []
  const name = (arn: string) => /:secret:(.+)-\?{6}$/.exec(arn)?.[1] ?? arn
  return mayDo(resources, 'secretsmanager:GetSecretValue').map(name)
}

/** What the policies of a stack allow an action on, as far as it is written out. */
function mayDo(resources: NewIn['template']['Resources'], action: string): string[] {
  return Object.values(resources)
    .filter(({ Type: type }) => type === 'AWS::IAM::Policy')
    .flatMap(({ Properties: { PolicyDocument: document } = {} }) => (document as PolicyDocument).Statement)
    .filter(({ Action }) => [Action].flat().includes(action))
    .flatMap(({ Resource }) => [Resource].flat().filter((each) => typeof each === 'string'))
}

interface PolicyDocument {
  Statement: { Action: string | string[]; Resource: unknown }[]
}

/** ARNs of providers that the template does not make. */
function referenced({ Resources: resources }: NewIn['template']): string[] {
  const targets = Object.values(resources).filter(({ Type: type }) => type === 'AWS::BedrockAgentCore::GatewayTarget')
  return [...new Set(targets.flatMap(({ Properties: properties }) => strings(properties, 'ProviderArn')))]
}

/** Every text under a name, however deep. */
function strings(value: unknown, name: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) =>
    key === name && typeof each === 'string' ? [each] : strings(each, name),
  )
}

interface Secret {
  SecretId: string
  JsonKey?: string
}

function secretsIn(value: unknown): Secret[] {
  if (typeof value !== 'object' || value === null) return []
  return 'SecretId' in value ? [value as Secret] : Object.values(value).flatMap(secretsIn)
}

async function unknownProvider(clients: AwsClients, arn: string, region: string): Promise<FairleadError | undefined> {
  const said = readProviderArn(arn)
  if (!said || said.account === localAccount.accountId || (await isThere(clients, said, said.region)) !== false) return undefined // prettier-ignore
  return new FairleadError('CREDENTIAL_PROVIDER', `There is no credential provider ${arn}`, {
    why: 'A target of the gateway uses it, and the bindings name no secret that it could be made with.',
    fix: `Name its secret in the bindings ("${said.kind === 'apikey' ? 'apiKeySecretConfig' : 'clientSecretConfig'}"), so that it is made; or make it: aws bedrock-agentcore-control create-${said.kind === 'apikey' ? 'api-key' : 'oauth2'}-credential-provider --name ${said.name} --region ${region} …`,
  })
}

async function takenName(clients: AwsClients, kind: ProviderKind, name: string): Promise<FairleadError | undefined> {
  if ((await isThere(clients, { kind, name })) !== true) return undefined
  return new FairleadError('CREDENTIAL_PROVIDER', `There is a credential provider ${name} already`, {
    why: 'This deployment would make one of that name, and a region of an account has it once.',
    fix: 'Use it: "existing": true in its binding. Or give this one another name, in the target and in the bindings.',
  })
}

/** Undefined where the caller may not look. */
async function isThere(
  clients: AwsClients,
  { kind, name }: { kind: ProviderKind; name: string },
  region?: string,
): Promise<boolean | undefined> {
  const control = clients('bedrock-agentcore-control', region)
  return looked(`Looking for the credential provider ${name}`, () =>
    kind === 'apikey' ? control.getApiKeyCredentialProvider({ name }) : control.getOauth2CredentialProvider({ name }),
  )
}

async function unknownSecret(
  clients: AwsClients,
  { SecretId: secretId, JsonKey: key = '…' }: Secret,
  region: string,
): Promise<FairleadError | undefined> {
  const there = await looked(`Looking for the secret ${secretId}`, () =>
    clients('secrets-manager', region).describeSecret({ SecretId: secretId }),
  )
  if (there !== false) return undefined
  return new FairleadError('GATEWAY_BINDING', `There is no secret ${secretId} in AWS Secrets Manager`, {
    why: 'The bindings name it for a credential provider; it is read there, in the region of the gateway.',
    fix: secretId.startsWith('arn:')
      ? 'Write the ARN of a secret that is there, or its name alone.'
      : `aws secretsmanager create-secret --region ${region} --name ${secretId} --secret-string '{"${key}": "…"}'`,
  })
}

/** False where AWS says that it is not there; undefined where the caller may not look. */
function looked(doing: string, ask: () => Promise<unknown>): Promise<boolean | undefined> {
  return look(doing, () =>
    ask().then(
      () => true,
      (error: Error) => {
        if (error.name === 'ResourceNotFoundException') return false
        throw error
      },
    ),
  )
}
