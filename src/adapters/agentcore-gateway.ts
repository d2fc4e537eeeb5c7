import type { Credentials } from '../auth/sigv4/credentials.ts'
import { createCustomJwtAuthorizer } from '../auth/bearer/custom-jwt.ts'
import { noBindings, type Bindings } from '../gateway/bindings.ts'
import { readGateway, readTarget } from '../gateway/definitions/read.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { jwtInbound, noInbound, platformIam, type Inbound } from '../gateway/inbound.ts'
import { openGateway } from '../gateway/open.ts'
import { invokeOnAws } from '../gateway/targets/invoke-on-aws.ts'

export interface AwsGatewayOptions {
  /** The body of CreateGateway, and those of CreateGatewayTarget. */
  gateway: unknown
  targets: readonly unknown[]
  bindings?: Bindings
  /** The URL of the gateway, as clients have it. */
  resource: string
  region: string
  /** Of the role that it runs as. */
  credentials: () => Promise<Credentials>
  /** Where Lambda's API is; AWS's own address when absent. */
  lambdaEndpoint?: string
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
  const { credentials, region, lambdaEndpoint, log = console.error } = options
  const gateway = readGateway(options.gateway)
  const lambda = invokeOnAws({ credentials, ...(lambdaEndpoint === undefined ? {} : { endpoint: lambdaEndpoint }) })
  const opened = await openGateway({
    gateway,
    targets: options.targets.map((target, at) => readTarget(target, `targets[${at}]`)),
    bindings: options.bindings ?? noBindings,
    invoke: lambda.invoke,
    roleCredentials: credentials,
    region,
    inbound: inboundOf(gateway.authorizerType, gateway.authorizerConfiguration?.customJWTAuthorizer, options.resource),
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

function inboundOf(type: string, jwt: Record<string, unknown> | undefined, resource: string): Inbound {
  if (type === 'AWS_IAM') return platformIam
  return jwt ? jwtInbound({ authorizer: createCustomJwtAuthorizer(jwt), resource: () => resource }) : noInbound
}
