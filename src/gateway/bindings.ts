import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import * as z from 'zod'
import { FairleadError } from '../errors.ts'
import type { OauthClient } from './outbound/oauth.ts'

/** Where something really is: an address on this machine, or a module that is started and says where it listens. */
const place = z.union([
  z.url({ protocol: /^https?$/ }),
  z.strictObject({ run: z.string().min(1).describe('a module that prints {"url": "http://127.0.0.1:…"}') }),
])

const fn = z.strictObject({
  /** A module with an export `handler`, as Lambda runs it. */
  handler: z.string().min(1),
  memoryMb: z.int().min(128).max(10_240).optional(),
  timeoutS: z.int().min(1).max(900).optional(),
  env: z.record(z.string(), z.string()).optional(),
})

const provider = z.union([
  z.strictObject({ apiKeyEnv: z.string().min(1) }),
  z.strictObject({ apiKey: z.string().min(1) }),
  z.strictObject({
    clientId: z.string().min(1),
    clientSecret: z.string().min(1).optional(),
    clientSecretEnv: z.string().min(1).optional(),
    clientAuthenticationMethod: z.enum(['CLIENT_SECRET_BASIC', 'CLIENT_SECRET_POST']).optional(),
    tokenEndpoint: z.url().optional(),
    discoveryUrl: z.url().optional(),
  }),
])

const schema = z.strictObject({
  /** By the `lambdaArn` of a target; one that is not here is invoked on AWS. */
  functions: z.record(z.string(), fn).optional(),
  /** By the origin of an endpoint or of a document's server: `https://api.example.com`. */
  endpoints: z.record(z.string(), place).optional(),
  /** By `providerArn`. */
  credentialProviders: z.record(z.string(), provider).optional(),
  /** By the whole `s3://` address: a file beside the bindings. */
  s3: z.record(z.string().startsWith('s3://'), z.string().min(1)).optional(),
  /** By target: where an API is whose document does not say it. */
  servers: z.record(z.string(), z.url()).optional(),
  /** By `discoveryUrl`: where that document really is; `authorization-service` is that of the local stack. */
  discoveryUrls: z.record(z.string(), z.union([z.literal('authorization-service'), z.url()])).optional(),
  /** Which of `allowedAudience` is this gateway: here its own URL stands for it. */
  audience: z.string().min(1).optional(),
})

export type BindingsFile = z.infer<typeof schema>

/** The facts that are local only, beside the folder that their paths are relative to. */
export interface Bindings extends BindingsFile {
  dir: string
}

export const noBindings: Bindings = { dir: '.' }

/** Reads a bindings file. Throws GATEWAY_BINDING. */
export function readBindings(file: string): Bindings {
  const result = schema.safeParse(readJsonFile(file))
  if (result.success) return { ...result.data, dir: dirname(file) }
  const issue = result.error.issues[0]!
  const where = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path
  throw new FairleadError('GATEWAY_BINDING', `${file}: \`${where.map(String).join('.')}\` is wrong: ${issue.message}`)
}

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
