import { FairleadError } from '../errors.ts'
import { anonymous, type FetchHandler } from '../http/fetch-handler.ts'
import { listen } from '../http/node-server.ts'
import {
  createAuthorizationService,
  maxBodyBytes,
  type AuthorizationServiceLog,
  type AuthorizationServiceOptions,
} from '../oauth/service.ts'
import { openDynamoTable } from '../state/dynamodb.ts'
import { cognitoPerson } from './cognito-person.ts'
import { fetchLambdaHandler, type LambdaHandler } from './fetch-lambda.ts'
import { graceMs } from './http.ts'
import { onlyThroughOrigin } from './origin-secret.ts'
import { protectedResources, resourcesVariable } from './resources.ts'
import { resolveSettings } from './settings.ts'

type Client = NonNullable<AuthorizationServiceOptions['clients']>[number]

/** The value of FAIRLEAD_AUTHORIZATION_SERVICE, as JSON: secrets stand in variables of their own, and are named here. */
export interface AuthorizationServiceSettings extends Omit<
  AuthorizationServiceOptions,
  'table' | 'secret' | 'log' | 'now' | 'clients' | 'upstream' | 'resources' | 'lookUpResources'
> {
  /** Or under the path that FAIRLEAD_RESOURCES_FROM names. */
  resources?: AuthorizationServiceOptions['resources']
  clients?: (Omit<Client, 'secret'> & { secretEnv?: string })[]
  /** With `userPoolId`, the pool is asked whether a person may still come in. */
  upstream: { issuer: string; clientId: string; clientSecretEnv?: string; userPoolId?: string }
}

/**
 * The value of FAIRLEAD_AUTHORIZATION_PLACE, as JSON: what is known only when everything in front of a function is there.
 * It says these parts in place of FAIRLEAD_AUTHORIZATION_SERVICE.
 */
export interface AuthorizationServicePlace {
  issuer: string
  /** Of the upstream client. */
  clientId: string
  /** Where the secret of the upstream client is: an ARN, as a variable that ends in `_FROM` has it. */
  clientSecretArn?: string
}

/**
 * Runs the authorization service wherever its artifact finds itself: under Lambda's runtime it gives the handler, anywhere
 * else it listens on HOST and PORT, and on SIGTERM finishes what is in flight and ends.
 */
export async function runAuthorizationService(
  env: NodeJS.ProcessEnv = process.env,
): Promise<LambdaHandler | undefined> {
  const options = readOptions(env, await readSettings(env))
  const table = await openDynamoTable({ tableName: required(env, 'FAIRLEAD_TABLE') })
  const service = await createAuthorizationService({ ...options, table, log: writeLine })
  const secret = env.FAIRLEAD_ORIGIN_SECRET
  const fetch = secret === undefined ? service.fetch : onlyThroughOrigin(service.fetch, secret)
  // Not `awslambda` in the global scope: the AWS SDK puts one there too.
  if (env.AWS_LAMBDA_RUNTIME_API) return fetchLambdaHandler(fetch)
  const close = async () => {
    await service.close()
    await table.close()
  }
  await serve(fetch, close, env)
  return undefined
}

/** What the service itself could not do: what a client did wrong is none of it. */
const own = new Set(['service.error', 'server_error', 'keys.error', 'resources.error'])

/** Not by console: Lambda's puts the time and the request id in front, and then the line is no JSON any more. */
function writeLine(entry: AuthorizationServiceLog): void {
  const level = own.has(entry.event) ? 'error' : /error|limited/.test(entry.event) ? 'warn' : 'info'
  process.stderr.write(`${JSON.stringify({ level, ...entry })}\n`)
}

async function serve(fetch: FetchHandler, close: () => Promise<void>, env: NodeJS.ProcessEnv): Promise<void> {
  const server = await listen(fetch, {
    host: env.HOST ?? '0.0.0.0',
    port: Number(env.PORT ?? 8000),
    maxBodyBytes,
    tooLarge: { error: 'invalid_request', error_description: 'the body is too large' },
    requestTimeoutMs: 10_000,
    context: (_request, { remoteAddress }) => ({ requestId: crypto.randomUUID(), principal: anonymous, remoteAddress }),
  })
  process.once('SIGTERM', () => void server.close(graceMs).then(close))
  console.log(JSON.stringify({ listening: server.url }))
}

function readOptions(
  env: NodeJS.ProcessEnv,
  { clients = [], upstream, resources = [], ...rest }: AuthorizationServiceSettings,
): Omit<AuthorizationServiceOptions, 'table'> {
  const { clientSecretEnv, userPoolId, ...provider } = upstream
  return {
    ...rest,
    resources,
    ...(env[resourcesVariable] === undefined ? {} : { lookUpResources: () => protectedResources(env) }),
    secret: required(env, 'FAIRLEAD_SECRET'),
    clients: clients.map(({ secretEnv, ...client }) => ({
      ...client,
      ...(secretEnv === undefined ? {} : { secret: required(env, secretEnv) }),
    })),
    upstream: {
      ...provider,
      ...(clientSecretEnv === undefined ? {} : { clientSecret: required(env, clientSecretEnv) }),
      ...(userPoolId === undefined ? {} : { check: cognitoPerson(userPoolId, env) }),
    },
  }
}

async function readSettings(env: NodeJS.ProcessEnv): Promise<AuthorizationServiceSettings> {
  await resolveSettings(env)
  const settings = parse(env, 'FAIRLEAD_AUTHORIZATION_SERVICE') as AuthorizationServiceSettings
  if (env.FAIRLEAD_AUTHORIZATION_PLACE === undefined) return settings
  const place = parse(env, 'FAIRLEAD_AUTHORIZATION_PLACE') as AuthorizationServicePlace
  const { issuer, clientId, clientSecretArn } = place
  if (clientSecretArn === undefined) return { ...settings, issuer, upstream: { ...settings.upstream, clientId } }
  const clientSecretEnv = 'FAIRLEAD_UPSTREAM_SECRET'
  env[`${clientSecretEnv}_FROM`] = clientSecretArn
  await resolveSettings(env)
  return { ...settings, issuer, upstream: { ...settings.upstream, clientId, clientSecretEnv } }
}

function parse(env: NodeJS.ProcessEnv, name: string): unknown {
  const text = required(env, name)
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new FairleadError('SETTING_INVALID', `${name} is not JSON`)
  }
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name]
  if (value) return value
  throw new FairleadError('SETTING_INVALID', `The variable ${name} is not set`)
}
