import type { Platform } from '../platforms.ts'

/** What a host of AWS says of itself: the two names that a signature's scope needs, and the platform where it is known. */
export interface AwsEndpoint {
  service: string
  region: string
  platform?: Platform
}

interface HostForm {
  /** Named groups: `region`, and `service` where the host carries it. */
  host: RegExp
  service?: string
  platform?: Platform
  source: string
}

const region = '(?<region>[a-z]{2,4}(?:-[a-z]+)+-\\d+)'
/** Partitions aws, aws-cn, aws-us-gov (the same suffix as aws) and aws-eusc, as the SDKs' endpoint rules have them. */
const suffix = '(?:amazonaws\\.com|amazonaws\\.com\\.cn|amazonaws\\.eu)'
const dualStack = '(?:api\\.aws|api\\.amazonwebservices\\.com\\.cn|api\\.amazonwebservices\\.eu)'
const form = (host: string, facts: Omit<HostForm, 'host'>): HostForm => ({ host: new RegExp(`^${host}$`), ...facts })

/** Every form of host whose signing scope is known, most special first. Read 2026-11-22. */
const hostForms: readonly HostForm[] = [
  form(`[a-z0-9]+\\.lambda-url\\.${region}\\.on\\.(?:aws|amazonwebservices\\.com\\.cn)`, {
    service: 'lambda',
    platform: 'lambda',
    source: 'https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html',
  }),
  form(`[a-z0-9-]+\\.gateway\\.bedrock-agentcore\\.${region}\\.${suffix}`, {
    service: 'bedrock-agentcore',
    platform: 'agentcore-gateway',
    source: 'https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-using.html',
  }),
  form(`bedrock-agentcore(?:-fips)?\\.${region}\\.(?:${suffix}|${dualStack})`, {
    service: 'bedrock-agentcore',
    platform: 'agentcore-runtime',
    source: 'https://docs.aws.amazon.com/general/latest/gr/bedrock_agentcore.html',
  }),
  form(`[a-z0-9-]+(?:\\.gateway)?\\.bedrock-agentcore\\.${region}\\.vpce\\.${suffix}`, {
    service: 'bedrock-agentcore',
    source: 'https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/vpc-interface-endpoints.html',
  }),
  form(`[a-z0-9-]+\\.execute-api(?:-fips)?\\.${region}\\.(?:vpce\\.)?${suffix}`, {
    service: 'execute-api',
    source: 'https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html',
  }),
  form(`(?<service>[a-z][a-z0-9-]*)\\.${region}\\.${dualStack}`, {
    source: 'https://github.com/aws/mcp-proxy-for-aws (service and region from the host of the AWS MCP servers)',
  }),
]

/**
 * Reads service, region and platform from a URL's host. Undefined for a host that does not say them, such as a domain of
 * one's own: then they must be asked for, never guessed.
 */
export function awsEndpoint(url: string | URL): AwsEndpoint | undefined {
  const { hostname } = new URL(url)
  for (const { host, service, platform } of hostForms) {
    const groups = host.exec(hostname)?.groups
    if (!groups) continue
    return { service: service ?? groups.service!, region: groups.region!, ...(platform ? { platform } : {}) }
  }
  return undefined
}
