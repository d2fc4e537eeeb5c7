import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { FairleadError } from '../errors.ts'
import type { OauthClient } from './outbound/oauth.ts'

/** Where something really is: an address, or a module of this machine that is started and says where it listens. */
type Place = string | { run: string }

/** A Lambda function that runs on this machine. */
interface LocalFunctionBinding {
  /** A module with an export `handler`, as Lambda runs it. */
  handler: string
  memoryMb?: number
  timeoutS?: number
  env?: Record<string, string>
}

/** A secret that AWS Secrets Manager keeps: a member of its JSON. Names are those of CreateApiKeyCredentialProvider. */
export interface SecretReference {
  secretId: string
  jsonKey: string
}

/**
 * Several may be said: where the gateway is deployed a literal is not taken along, and here the environment comes first.
 * `existing`: the managed gateway's stack does not make the provider, although it could.
 */
interface ApiKeyBinding {
  apiKey?: string
  apiKeyEnv?: string
  apiKeySecretConfig?: SecretReference
  existing?: boolean
}

export interface OauthClientBinding {
  clientId: string
  clientSecret?: string
  clientSecretEnv?: string
  clientSecretConfig?: SecretReference
  clientAuthenticationMethod?: 'CLIENT_SECRET_BASIC' | 'CLIENT_SECRET_POST'
  tokenEndpoint?: string
  discoveryUrl?: string
  /** With the token endpoint, of a server that has no document: AWS asks for both, though a client of its own needs neither. */
  issuer?: string
  authorizationEndpoint?: string
  existing?: boolean
}

export type CredentialProviderBinding = ApiKeyBinding | OauthClientBinding

/** A model of Amazon Bedrock that finds tools by meaning. */
export interface EmbeddingsBinding {
  provider: 'bedrock'
  /** `amazon.titan-embed-text-v2:0` by default. */
  modelId?: string
  /** The gateway's own by default. */
  region?: string
  /** 512 by default. */
  dimensions?: 256 | 512 | 1024
}

/** The bindings file, as it is written. */
export interface BindingsFile {
  /** By the `lambdaArn` of a target; one that is not here is invoked on AWS. */
  functions?: Record<string, LocalFunctionBinding>
  /** By the origin of an endpoint or of a document's server: `https://api.example.com`. */
  endpoints?: Record<string, Place>
  /** By `providerArn`. */
  credentialProviders?: Record<string, CredentialProviderBinding>
  /** By the whole `s3://` address: a file beside the bindings. */
  s3?: Record<string, string>
  /** By target: where an API is whose document does not say it. */
  servers?: Record<string, string>
  /** By `discoveryUrl`: where that document really is; `authorization-service` is that of the local stack. */
  discoveryUrls?: Record<string, string>
  /** Which of `allowedAudience` is this gateway: here its own URL stands for it. */
  audience?: string
  /** How tools are found beside by their words. */
  embeddings?: EmbeddingsBinding
}
/** The facts that are local only, beside the folder that their paths are relative to. */
export interface Bindings extends BindingsFile {
  dir: string
}

export const noBindings: Bindings = { dir: '.' }

/** Reads JSON that a user wrote. Throws GATEWAY_DEFINITION_INVALID. */
export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]! : 'it cannot be read'
    throw new FairleadError('GATEWAY_DEFINITION_INVALID', `${file} cannot be read: ${said}`, { cause: error })
  }
}

/** The file that an `s3://` address stands for here. Throws GATEWAY_BINDING. */
export function s3File({ s3 = {}, dir }: Bindings, uri: string): string {
  const file = Object.hasOwn(s3, uri) ? s3[uri] : undefined
  if (file !== undefined) return isAbsolute(file) ? file : join(dir, file)
  throw new FairleadError('GATEWAY_BINDING', `The bindings do not say what ${uri} is here`, {
    fix: `Add to the bindings: "s3": { "${uri}": "./file" }`,
  })
}

/** Secrets of credential providers: from Secrets Manager, where they were read, the environment, and the bindings themselves. */
export function secretsOf(
  { credentialProviders = {} }: Bindings,
  env: NodeJS.ProcessEnv,
  kept: ReadonlyMap<string, string> = new Map(),
): { apiKey(arn: string): string | undefined; oauthClient(arn: string): OauthClient | undefined } {
  const found = (arn: string) => (Object.hasOwn(credentialProviders, arn) ? credentialProviders[arn] : undefined)
  const secret = (arn: string, ways: SecretWays) => {
    const value = (ways.config && kept.get(secretKey(ways.config))) ?? (ways.env && env[ways.env]) ?? ways.literal
    if (value !== undefined && value !== '') return value
    if (ways.env !== undefined)
      throw new FairleadError(
        'GATEWAY_BINDING',
        `The environment variable ${ways.env} is not set; the bindings name it for ${arn}`,
        { fix: `export ${ways.env}=…` },
      )
    return undefined
  }
  return {
    apiKey: (arn) => {
      const given = found(arn)
      if (!given || 'clientId' in given) return undefined
      return secret(arn, waysOf(given))
    },
    oauthClient: (arn) => {
      const given = found(arn)
      if (!given || !('clientId' in given)) return undefined
      const clientSecret = secret(arn, waysOf(given))
      if (clientSecret === undefined || (given.tokenEndpoint ?? given.discoveryUrl) === undefined) return undefined
      return {
        clientId: given.clientId,
        clientSecret,
        ...(given.clientAuthenticationMethod ? { authMethod: given.clientAuthenticationMethod } : {}),
        ...(given.tokenEndpoint ? { tokenEndpoint: given.tokenEndpoint } : {}),
        ...(given.discoveryUrl ? { discoveryUrl: given.discoveryUrl } : {}),
      }
    },
  }
}

interface SecretWays {
  config: SecretReference | undefined
  env: string | undefined
  literal: string | undefined
}

/** How a provider's secret is said, whichever kind it is. */
export function waysOf(given: CredentialProviderBinding): SecretWays {
  return 'clientId' in given
    ? { config: given.clientSecretConfig, env: given.clientSecretEnv, literal: given.clientSecret }
    : { config: given.apiKeySecretConfig, env: given.apiKeyEnv, literal: given.apiKey }
}

export function secretKey({ secretId, jsonKey }: SecretReference): string {
  return JSON.stringify([secretId, jsonKey])
}
