import type { Credentials } from '../auth/sigv4/credentials.ts'
import { createCustomJwtAuthorizer } from '../auth/bearer/custom-jwt.ts'
import { FairleadError } from '../errors.ts'
import { noBindings, type Bindings } from '../gateway/bindings.ts'
import type { Changes } from '../gateway/changes.ts'
import { readGateway, readTarget } from '../gateway/definitions/read.ts'
import type { GatewayDefinition } from '../gateway/definitions/types.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { jwtInbound, noInbound, platformIam, withOwnAudience, type Inbound } from '../gateway/inbound.ts'
import type { Policy } from '../gateway/policies/policy.ts'
import { openGateway } from '../gateway/open.ts'
import { invokeOnAws } from '../gateway/targets/invoke-on-aws.ts'
import { readSecrets } from './gateway-secrets.ts'

export interface AwsGatewayOptions {
  /** The body of CreateGateway, and those of CreateGatewayTarget. */
  gateway: unknown
  targets: readonly unknown[]
  /** Cedar's: who may call which tool. */
  policies?: readonly Policy[]
  bindings?: Bindings
  /** The URL of the gateway, as clients have it. A gateway that takes tokens needs it. */
  resource?: string
  region: string
  /** Of the role that it runs as. */
  credentials: () => Promise<Credentials>
  /** Where Lambda's API is; that of AWS_ENDPOINT_URL_LAMBDA, or AWS's own address, when absent. */
  lambdaEndpoint?: string
  /** Who listens for changes of lists: where a process lives on between calls. */
  changes?: Changes
  /** Has the secrets that the bindings name, and AWS_ENDPOINT_URL_… of services that are elsewhere. */
  env?: NodeJS.ProcessEnv
  log?: (line: string) => void
}

/**
 * Opens a gateway where AWS runs it: Lambdas are invoked through Lambda's API, and IAM callers are those that the platform has
 * verified. Its `fetch` goes behind a function URL with `fetchLambdaHandler`, or into a task with `serveProcess`.
 *
 *     const { fetch } = await openGatewayOnAws({ gateway, targets, resource, region, credentials })
 *     export const handler = fetchLambdaHandler(fetch)
 */
export async function openGatewayOnAws(options: AwsGatewayOptions): Promise<Gateway> {
  const { credentials, region, env = process.env, bindings = noBindings, log = console.error } = options
  const gateway = readGateway(options.gateway)
  const inbound = inboundOf(gateway, bindings, options.resource)
  const secrets = await readSecrets(bindings, region, env)
  const lambdaEndpoint = options.lambdaEndpoint ?? env.AWS_ENDPOINT_URL_LAMBDA
  const lambda = invokeOnAws({ credentials, ...(lambdaEndpoint ? { endpoint: lambdaEndpoint } : {}) })
  const opened = await openGateway({
    gateway,
    targets: options.targets.map((target, at) => readTarget(target, `targets[${at}]`)),
    bindings,
    secrets,
    env,
    ...(options.policies ? { policies: options.policies } : {}),
    onAws: true,
    invoke: lambda.invoke,
    roleCredentials: credentials,
    region,
    inbound,
    ...(options.changes ? { changes: options.changes } : {}),
    allowedHosts: 'any',
    log,
  })
  return {
    ...opened,
    close: async () => {
      await opened.close()
      await lambda.close()
    },
  }
}

function inboundOf(
  { authorizerType, authorizerConfiguration }: GatewayDefinition,
  { discoveryUrls = {}, audience }: Bindings,
  resource: string | undefined,
): Inbound {
  if (authorizerType === 'AWS_IAM') return platformIam
  if (!authorizerConfiguration) return noInbound
  if (resource === undefined)
    throw new FairleadError('SETTING_INVALID', 'The gateway takes tokens, and nobody says what its URL is', {
      fix: 'Set FAIRLEAD_GATEWAY={"resource":"https://…/mcp"}',
    })
  const locate = (url: string) => (Object.hasOwn(discoveryUrls, url) ? discoveryUrls[url]! : url)
  const given = authorizerConfiguration.customJWTAuthorizer
  const authorizer = createCustomJwtAuthorizer(withOwnAudience(given, audience, resource), { locate })
  return jwtInbound({ authorizer, resource: () => resource })
}
