import { FairleadError } from '../errors.ts'
import { isLocal } from './deployed.ts'
import { waysOf, type BindingsFile, type CredentialProviderBinding, type OauthClientBinding, type SecretReference } from './bindings.ts' // prettier-ignore
import type { TargetDefinition } from './definitions/types.ts'
import { localAccount } from '../platforms.ts'

/** A credential provider of AgentCore Identity that is made with the gateway. Its secret stays in AWS Secrets Manager. */
export interface CredentialProvider {
  kind: ProviderKind
  name: string
  secret: SecretReference
  /** Of the kind oauth2. */
  client?: OauthClientBinding
}

export type ProviderKind = 'apikey' | 'oauth2'

/** Where a gateway is deployed, as far as it is known before. */
interface Place {
  account?: string
  region?: string
}

/** The form of a provider's ARN; the service is spelled both ways. @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreateApiKeyCredentialProvider.html (read 2026-11-25) */
const form =
  /^arn:aws[a-z-]*:(?:bedrock-agentcore|acps):([a-z0-9-]+):(\d{12}):token-vault\/([a-zA-Z0-9.-]+)\/(apikey|oauth2)credentialprovider\/([a-zA-Z0-9_-]{1,128})$/

/** What a provider's ARN says; undefined where it is none. */
export function readProviderArn(
  arn: string,
): { region: string; account: string; vault: string; kind: ProviderKind; name: string } | undefined {
  // prettier-ignore
  const [, region, account, vault, kind, name] = form.exec(arn) ?? []
  return name === undefined ? undefined : { region: region!, account: account!, vault: vault!, kind: kind as ProviderKind, name } // prettier-ignore
}

/**
 * The credential providers that targets use and that are made with the gateway: those whose secret the bindings name in AWS
 * Secrets Manager, by their ARN. The others are there already. Throws GATEWAY_BINDING for what AWS would refuse.
 */
export function credentialProvidersOf(
  targets: readonly TargetDefinition[],
  { credentialProviders = {} }: Pick<BindingsFile, 'credentialProviders'>,
  place: Place = {},
): Map<string, CredentialProvider> {
  const made = new Map<string, CredentialProvider>()
  for (const { arn, kind } of targets.flatMap((target) => providerOf(target) ?? [])) {
    const given = Object.hasOwn(credentialProviders, arn) ? credentialProviders[arn]! : undefined
    const secret = given && waysOf(given).config
    if (!given || !secret || given.existing) continue
    const provider = { kind, name: nameOf(arn, kind, place), secret: secretHere(arn, secret, place) }
    const twin = [...made].find(([each, { name, kind: other }]) => each !== arn && name === provider.name && other === kind) // prettier-ignore
    if (twin) throw wrong(arn, `${twin[0]} has the same name`, 'One name is one provider: write one ARN.')
    made.set(arn, { ...provider, ...clientOf(arn, kind, given) })
  }
  return made
}

/** The provider of a target, where it has one. */
export function providerOf({
  credentialProviderConfigurations: [first] = [],
}: TargetDefinition): { arn: string; kind: ProviderKind } | undefined {
  // prettier-ignore
  const { apiKeyCredentialProvider: key, oauthCredentialProvider: client } = first?.credentialProvider ?? {}
  if (key) return { arn: key.providerArn, kind: 'apikey' }
  return client && { arn: client.providerArn, kind: 'oauth2' }
}

/** The account of `dev` stands for the one that is deployed to, whatever its region. */
function nameOf(arn: string, kind: ProviderKind, { account, region }: Place): string {
  const said = readProviderArn(arn)
  const whole = `arn:aws:bedrock-agentcore:REGION:ACCOUNT:token-vault/default/${kind}credentialprovider/NAME`
  if (!said) throw wrong(arn, 'it has not the form of such an ARN', `Write ${whole}, with the name that it is to have.`)
  if (said.kind !== kind)
    throw wrong(arn, `the target asks for a provider of the kind ${kind}`, `Write ${whole} into the target.`)
  if (said.vault !== 'default')
    throw wrong(arn, 'CloudFormation makes providers in the token vault `default`', orExisting)
  const ofDev = said.account === localAccount.accountId
  if (!ofDev && account !== undefined && said.account !== account)
    throw wrong(arn, `it is of another account than ${account}`, orExisting)
  if (!ofDev && region !== undefined && said.region !== region)
    throw wrong(arn, `it is of another region than ${region}, where the gateway is`, orExisting)
  return said.name
}

const orExisting = `Write the ARN that it will have, or ${localAccount.accountId} for the account that is deployed to; or "existing": true where somebody else makes it.`

function secretHere(arn: string, secret: SecretReference, { region }: Place): SecretReference {
  const [, , service, where] = secret.secretId.split(':')
  if (service === 'secretsmanager' && region !== undefined && where !== region)
    throw wrong(arn, `its secret is in ${where}, and a provider reads secrets of its own region, ${region}`, 'Replicate the secret: aws secretsmanager replicate-secret-to-regions, and name it without its ARN.') // prettier-ignore
  return secret
}

function clientOf(
  arn: string,
  kind: ProviderKind,
  given: CredentialProviderBinding,
): Pick<CredentialProvider, 'client'> {
  // prettier-ignore
  const isClient = 'clientId' in given
  if (isClient !== (kind === 'oauth2'))
    throw wrong(arn, `the bindings have ${isClient ? 'a client' : 'an API key'} for it`, 'Bind what the target asks for.') // prettier-ignore
  if (!isClient) return {}
  const { discoveryUrl, tokenEndpoint, issuer, authorizationEndpoint } = given
  const local = Object.entries({ discoveryUrl, tokenEndpoint, issuer, authorizationEndpoint }).find(([, url]) => url !== undefined && isLocal(url)) // prettier-ignore
  if (local) throw wrong(arn, `its ${local[0]} is on this machine`, 'Write its public address.')
  if (discoveryUrl !== undefined && !/^https:\/\/.+\/\.well-known\/(openid-configuration|oauth-authorization-server)$/.test(discoveryUrl)) // prettier-ignore
    throw wrong(arn, `AWS takes no discoveryUrl such as ${discoveryUrl}`, 'It begins with https:// and ends with /.well-known/openid-configuration or /.well-known/oauth-authorization-server.') // prettier-ignore
  if (discoveryUrl === undefined && !(tokenEndpoint && issuer && authorizationEndpoint))
    throw wrong(arn, 'AWS does not make one from a tokenEndpoint alone', 'Write "discoveryUrl", or "issuer" and "authorizationEndpoint" beside it.') // prettier-ignore
  return { client: given }
}

function wrong(arn: string, problem: string, fix: string): FairleadError {
  return new FairleadError('GATEWAY_BINDING', `The credential provider ${arn} cannot be made: ${problem}`, {
    why: 'The bindings name a secret of AWS Secrets Manager for it, so that it is made with the gateway.',
    fix,
  })
}
