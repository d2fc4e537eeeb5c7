import { sigv4Fetch } from '../auth/sigv4/fetch.ts'
import { ownCredentials } from './own-credentials.ts'

/** One operation of an AWS service that speaks JSON 1.1. */
export interface AwsOperation {
  /** As it is signed, and as its host begins. */
  service: 'secretsmanager' | 'ssm' | 'cognito-idp'
  region: string
  /** `aws` when absent. */
  partition?: string
  operation: string
  body: unknown
}

/** What differs between the services: the header that names the operation, and the SDKs' variable for another endpoint. */
const services = {
  secretsmanager: { target: 'secretsmanager', endpoint: 'AWS_ENDPOINT_URL_SECRETS_MANAGER' },
  ssm: { target: 'AmazonSSM', endpoint: 'AWS_ENDPOINT_URL_SSM' },
  'cognito-idp': {
    target: 'AWSCognitoIdentityProviderService',
    endpoint: 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
  },
} as const satisfies Record<AwsOperation['service'], object>

/** Of one attempt. A function has 10 s to start. */
const timeoutMs = 3000

/** The service's own no, with the name that it gives: asking again would not change it. */
export class AwsRefusal extends Error {
  readonly type: string

  constructor(message: string, type: string) {
    super(message)
    this.type = type
  }
}

/**
 * Asks an AWS service with the credentials of this process, signed, and once more when it was the network, the service, or
 * too much at once. Small enough to be read on start, where an SDK client would be most of the artifact.
 */
export async function awsJson(asked: AwsOperation, env: NodeJS.ProcessEnv): Promise<unknown> {
  try {
    return await attempt(asked, env)
  } catch (error) {
    if (error instanceof AwsRefusal) throw error
    return attempt(asked, env)
  }
}

async function attempt(asked: AwsOperation, env: NodeJS.ProcessEnv): Promise<unknown> {
  const { service, region, operation } = asked
  const signed = sigv4Fetch({ service, region, credentials: () => ownCredentials(env) })
  const response = await signed(endpointOf(asked, env), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${services[service].target}.${operation}`,
    },
    body: JSON.stringify(asked.body),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>
  if (response.ok) return answer
  // `com.amazonaws.ssm#ParameterNotFound`: the name says it, and the message might quote what was sent.
  const type = /([A-Za-z]+)$/.exec(typeof answer.__type === 'string' ? answer.__type : '')?.[1] ?? 'no error name'
  const said = `${operation} answered ${response.status}, ${type}`
  throw response.status >= 500 || response.status === 429 || /Throttl|TooManyRequests/.test(type)
    ? new Error(said)
    : new AwsRefusal(said, type)
}

/** As the AWS SDKs read it: the service's own variable, then the one for all, then AWS. */
function endpointOf({ service, region, partition }: AwsOperation, env: NodeJS.ProcessEnv): string {
  const given = env[services[service].endpoint] ?? env.AWS_ENDPOINT_URL
  if (given === undefined) return `https://${service}.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}/`
  const url = new URL(given)
  if (url.protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname))
    throw new AwsRefusal('its endpoint is neither https nor this machine', 'Endpoint')
  return url.href
}
