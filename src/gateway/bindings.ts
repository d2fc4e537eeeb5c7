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

type CredentialProviderBinding =
  | { apiKeyEnv: string }
  | { apiKey: string }
  | {
      clientId: string
      clientSecret?: string
      clientSecretEnv?: string
      clientAuthenticationMethod?: 'CLIENT_SECRET_BASIC' | 'CLIENT_SECRET_POST'
      tokenEndpoint?: string
      discoveryUrl?: string
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

/** Secrets of credential providers, from the bindings and the environment that they name. */
export function secretsOf(
  { credentialProviders = {} }: Bindings,
  env: NodeJS.ProcessEnv,
): { apiKey(arn: string): string | undefined; oauthClient(arn: string): OauthClient | undefined } {
  const found = (arn: string) => (Object.hasOwn(credentialProviders, arn) ? credentialProviders[arn] : undefined)
  const fromEnv = (name: string, arn: string) => {
    const value = env[name]
    if (value !== undefined && value !== '') return value
    throw new FairleadError(
      'GATEWAY_BINDING',
      `The environment variable ${name} is not set; the bindings name it for ${arn}`,
      {
        fix: `export ${name}=…`,
      },
    )
  }
  return {
    apiKey: (arn) => {
      const given = found(arn)
      if (!given || 'clientId' in given) return undefined
      return 'apiKey' in given ? given.apiKey : fromEnv(given.apiKeyEnv, arn)
    },
    oauthClient: (arn) => {
      const given = found(arn)
      if (!given || !('clientId' in given)) return undefined
      const clientSecret =
        given.clientSecret ?? (given.clientSecretEnv === undefined ? undefined : fromEnv(given.clientSecretEnv, arn))
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
