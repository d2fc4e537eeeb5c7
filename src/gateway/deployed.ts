import { FairleadError } from '../errors.ts'
import { isLoopbackAddress } from '../http/special-addresses.ts'
import { waysOf, type Bindings, type BindingsFile, type CredentialProviderBinding } from './bindings.ts'
import type { TargetDefinition } from './definitions/types.ts'

/**
 * What of the bindings is true where the gateway is deployed, too. Functions are Lambda's there, modules that are run and
 * addresses on loopback stay here, and a secret that stands in the file itself is never taken along.
 * Throws GATEWAY_BINDING for what would be missing there.
 */
export function deployedBindings(bindings: Bindings, targets: readonly TargetDefinition[]): BindingsFile {
  const { endpoints = {}, credentialProviders = {}, s3, servers = {}, discoveryUrls = {}, embeddings } = bindings
  const kept = {
    endpoints: remote(endpoints),
    discoveryUrls: remote(discoveryUrls),
    servers: namesOf(targets, servers),
    credentialProviders: providersOf(targets, credentialProviders),
  }
  for (const [target, url] of Object.entries(kept.servers)) if (isLocal(url)) throw localServer(target, url)
  const there = Object.fromEntries(Object.entries(kept).filter(([, value]) => Object.keys(value).length > 0))
  return { ...there, ...(s3 ? { s3 } : {}), ...(embeddings ? { embeddings } : {}) }
}

function remote(given: Record<string, unknown>): Record<string, string> {
  const found = Object.entries(given).filter(([, url]) => typeof url === 'string' && URL.canParse(url) && !isLocal(url))
  return Object.fromEntries(found) as Record<string, string>
}

function namesOf(targets: readonly TargetDefinition[], servers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(servers).filter(([name]) => targets.some((each) => each.name === name)))
}

/** The providers that targets use, without what is only for here. */
function providersOf(
  targets: readonly TargetDefinition[],
  given: Record<string, CredentialProviderBinding>,
): Record<string, CredentialProviderBinding> {
  const arns = new Set(targets.flatMap((target) => providerArn(target) ?? []))
  return Object.fromEntries(
    [...arns].flatMap((arn) => (Object.hasOwn(given, arn) ? [[arn, there(arn, given[arn]!)]] : [])),
  )
}

function providerArn({ credentialProviderConfigurations }: TargetDefinition): string | undefined {
  const provider = credentialProviderConfigurations?.[0]?.credentialProvider
  return provider?.apiKeyCredentialProvider?.providerArn ?? provider?.oauthCredentialProvider?.providerArn
}

function there(arn: string, given: CredentialProviderBinding): CredentialProviderBinding {
  const { config, env } = waysOf(given)
  const isClient = 'clientId' in given
  if (!config && env === undefined)
    throw new FairleadError('GATEWAY_BINDING', `The bindings have the secret of ${arn} in themselves`, {
      why: 'Such a secret stays on this machine: it is not built into what is deployed.',
      fix: isClient
        ? 'Write "clientSecretEnv": "NAME", or "clientSecretConfig": { "secretId": "…", "jsonKey": "…" } for AWS Secrets Manager.'
        : 'Write "apiKeyEnv": "NAME", or "apiKeySecretConfig": { "secretId": "…", "jsonKey": "…" } for AWS Secrets Manager.',
    })
  if (!isClient) {
    const { apiKey: _literal, ...rest } = given
    return rest
  }
  const { clientSecret: _literal, ...rest } = given
  for (const name of ['tokenEndpoint', 'discoveryUrl'] as const)
    if (rest[name] !== undefined && isLocal(rest[name]))
      throw new FairleadError('GATEWAY_BINDING', `The ${name} of ${arn} is on this machine: ${rest[name]}`, {
        fix: 'Write its public address.',
      })
  return rest
}

function localServer(target: string, url: string): FairleadError {
  return new FairleadError('GATEWAY_BINDING', `The bindings have the server of ${target} on this machine: ${url}`, {
    fix: `Write its public address in "servers", and where that is here in "endpoints": { "https://…": "${url}" }`,
  })
}

/** Whether an address is on this machine. */
export function isLocal(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
}

/** The environment variables that the bindings of a deployed gateway name. */
export function variablesOf({ credentialProviders = {} }: BindingsFile): string[] {
  return [...new Set(Object.values(credentialProviders).flatMap((given) => waysOf(given).env ?? []))].toSorted()
}
