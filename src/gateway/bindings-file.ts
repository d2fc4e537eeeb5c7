import { dirname } from 'node:path'
import * as z from 'zod'
import { FairleadError } from '../errors.ts'
import { readJsonFile, type Bindings, type BindingsFile } from './bindings.ts'

const place = z.union([
  z.url({ protocol: /^https?$/ }),
  z.strictObject({ run: z.string().min(1).describe('a module that prints {"url": "http://127.0.0.1:…"}') }),
])

const fn = z.strictObject({
  handler: z.string().min(1),
  memoryMb: z.int().min(128).max(10_240).optional(),
  timeoutS: z.int().min(1).max(900).optional(),
  env: z.record(z.string(), z.string()).optional(),
})

const secretReference = z.strictObject({ secretId: z.string().min(1).max(2048), jsonKey: z.string().min(1).max(128) })

const provider = z.union([
  z
    .strictObject({
      apiKey: z.string().min(1).optional(),
      apiKeyEnv: z.string().min(1).optional(),
      apiKeySecretConfig: secretReference.optional(),
      existing: z.boolean().optional(),
    })
    .refine(
      ({ existing: _existing, ...given }) => Object.keys(given).length > 0,
      'has one of apiKey, apiKeyEnv and apiKeySecretConfig',
    ),
  z.strictObject({
    clientId: z.string().min(1),
    clientSecret: z.string().min(1).optional(),
    clientSecretEnv: z.string().min(1).optional(),
    clientSecretConfig: secretReference.optional(),
    clientAuthenticationMethod: z.enum(['CLIENT_SECRET_BASIC', 'CLIENT_SECRET_POST']).optional(),
    tokenEndpoint: z.url().optional(),
    discoveryUrl: z.url().optional(),
    issuer: z.url().optional(),
    authorizationEndpoint: z.url().optional(),
    existing: z.boolean().optional(),
  }),
])

const schema = z.strictObject({
  functions: z.record(z.string(), fn).optional(),
  endpoints: z.record(z.string(), place).optional(),
  credentialProviders: z.record(z.string(), provider).optional(),
  s3: z.record(z.string().startsWith('s3://'), z.string().min(1)).optional(),
  servers: z.record(z.string(), z.url()).optional(),
  discoveryUrls: z.record(z.string(), z.union([z.literal('authorization-service'), z.url()])).optional(),
  audience: z.string().min(1).optional(),
  embeddings: z
    .strictObject({
      provider: z.literal('bedrock'),
      modelId: z.string().min(1).max(2048).optional(),
      region: z
        .string()
        .regex(/^[a-z0-9-]{1,32}$/)
        .optional(),
      dimensions: z.union([z.literal(256), z.literal(512), z.literal(1024)]).optional(),
    })
    .optional(),
})

/** Reads a bindings file. Throws GATEWAY_BINDING. */
export function readBindings(file: string): Bindings {
  const result = schema.safeParse(readJsonFile(file))
  if (result.success) return { ...(result.data as BindingsFile), dir: dirname(file) }
  const issue = result.error.issues[0]!
  const where = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path
  throw new FairleadError('GATEWAY_BINDING', `${file}: \`${where.map(String).join('.')}\` is wrong: ${issue.message}`)
}
