/** A price of one region that was read elsewhere than the rest of its row. */
export interface Regional {
  usd: number
  source: string
  date: string
}

/** One price as AWS lists it. Every number that fairlead prints about money comes from here or from the user's own file. */
export interface Price {
  /** What is counted, in words. */
  unit: string
  /** So many units cost so much, in us-east-1. */
  per: number
  usd: number
  /** Units a month that the perpetual free tier takes off. */
  free?: number
  /** Where the price was read, and when. */
  source: string
  date: string
  /** Regions with a price that was read; `all`: AWS lists one price for all of them. Where neither says, it is missing. */
  regions?: Record<string, number | Regional> | 'all'
  /** Where the public price list has it: the offer, and the usage type without its region prefix. */
  offer?: { code: string; usageType: string }
}

const lambda = {
  source: 'aws.amazon.com/lambda/pricing, transcription of 2026-09-20; price list, copy of 2026-09-06',
  date: '2026-09-20',
}
const sameLambda = (usd: number) =>
  sameIn(usd, ['us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-northeast-1'])
const fargate = {
  source: 'price list, us-east-1, read 2026-08-28; eu-west-1 and Tokyo from price list rows',
  date: '2026-08-28',
}
const likeVirginia = ['us-east-2', 'us-west-2', 'eu-west-1']
const alb = { source: 'aws.amazon.com/elasticloadbalancing/pricing, transcription of 2026-09-20', date: '2026-09-20' }
const nat = { source: 'aws.amazon.com/vpc/pricing, price list copy of 2026-09-06', date: '2026-09-06' }
const waf = { source: 'aws.amazon.com/waf/pricing by c3x.dev and awsnegotiations, 2026', date: '2026-11-22' }
const cloudfront = { source: 'aws.amazon.com/cloudfront/pricing, transcription of 2026-09-05', date: '2026-09-05' }
const cognito = { source: 'aws.amazon.com/cognito/pricing, transcription of 2026-09-20', date: '2026-09-20' }
const dynamodb = { source: 'price list, us-east-1, copy of 2026-09-06', date: '2026-09-06' }
const agentcore = {
  source: 'aws.amazon.com/bedrock/agentcore/pricing by aws/agent-toolkit-for-aws cost.md',
  date: '2026-08-01',
}
const cloudwatch = { source: 'known list price of aws.amazon.com/cloudwatch/pricing', date: '2026-11-22' }
const secrets = { source: 'known list price of aws.amazon.com/secrets-manager/pricing', date: '2026-11-22' }
const kms = { source: 'known list price of aws.amazon.com/kms/pricing', date: '2026-11-22' }

/**
 * The prices, US dollars, list, without tax and volume discounts.
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-an-offer.html for the usage types
 */
export const prices = {
  'lambda-request': {
    unit: 'requests',
    per: 1_000_000,
    usd: 0.2,
    free: 1_000_000,
    regions: sameLambda(0.2),
    ...lambda,
    offer: { code: 'AWSLambda', usageType: 'Request' },
  },
  'lambda-gb-second-arm64': {
    unit: 'GB-seconds',
    per: 1,
    usd: 0.0000133334,
    free: 400_000,
    regions: sameLambda(0.0000133334),
    ...lambda,
    offer: { code: 'AWSLambda', usageType: 'Lambda-GB-Second-ARM' },
  },
  'lambda-gb-second-x86_64': {
    unit: 'GB-seconds',
    per: 1,
    usd: 0.0000166667,
    free: 400_000,
    regions: sameLambda(0.0000166667),
    ...lambda,
    offer: { code: 'AWSLambda', usageType: 'Lambda-GB-Second' },
  },
  'fargate-vcpu-hour-arm64': {
    unit: 'vCPU-hours',
    per: 1,
    usd: 0.03238,
    ...fargate,
    regions: { ...sameIn(0.03238, likeVirginia), 'ap-northeast-1': 0.04045 },
    offer: { code: 'AmazonECS', usageType: 'Fargate-ARM-vCPU-Hours:perCPU' },
  },
  'fargate-gb-hour-arm64': {
    unit: 'GB-hours',
    per: 1,
    usd: 0.00356,
    ...fargate,
    regions: { ...sameIn(0.00356, likeVirginia), 'ap-northeast-1': 0.00442 },
    offer: { code: 'AmazonECS', usageType: 'Fargate-ARM-GB-Hours' },
  },
  'fargate-vcpu-hour-x86_64': {
    unit: 'vCPU-hours',
    per: 1,
    usd: 0.04048,
    regions: sameIn(0.04048, likeVirginia),
    ...fargate,
    offer: { code: 'AmazonECS', usageType: 'Fargate-vCPU-Hours:perCPU' },
  },
  'fargate-gb-hour-x86_64': {
    unit: 'GB-hours',
    per: 1,
    usd: 0.004445,
    regions: sameIn(0.004445, likeVirginia),
    ...fargate,
    offer: { code: 'AmazonECS', usageType: 'Fargate-GB-Hours' },
  },
  'alb-hour': {
    unit: 'hours',
    per: 1,
    usd: 0.0225,
    ...alb,
    regions: {
      ...sameIn(0.0225, ['us-east-2', 'us-west-2']),
      'eu-west-1': { usd: 0.0252, source: 'a table of load balancer prices by region', date: '2017-12-18' },
      'eu-central-1': {
        usd: 0.027,
        source: 'a bill: 19.44 for 720 hours of EUC1-LoadBalancerUsage',
        date: '2026-04-30',
      },
      'ap-northeast-1': { usd: 0.0243, source: 'a page on the cost of load balancers in Tokyo', date: '2017-12-18' },
    },
    offer: { code: 'AWSELB', usageType: 'LoadBalancerUsage' },
  },
  'alb-lcu-hour': {
    unit: 'LCU-hours',
    per: 1,
    usd: 0.008,
    ...alb,
    regions: sameIn(0.008, ['us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-northeast-1']),
    offer: { code: 'AWSELB', usageType: 'LCUUsage' },
  },
  'ipv4-hour': {
    unit: 'hours',
    per: 1,
    usd: 0.005,
    regions: 'all',
    source: 'known list price of aws.amazon.com/vpc/pricing',
    date: '2026-11-22',
    offer: { code: 'AmazonVPC', usageType: 'PublicIPv4:InUseAddress' },
  },
  'ecr-gb-month': {
    unit: 'GB-months',
    per: 1,
    usd: 0.1,
    date: '2026-11-22',
    source: 'known list price of aws.amazon.com/ecr/pricing; eu-west-1 from a price list row',
    regions: sameIn(0.1, ['us-east-2', 'us-west-2', 'eu-west-1']),
  },
  'nat-hour': { unit: 'hours', per: 1, usd: 0.045, regions: sameIn(0.045, ['us-east-2', 'us-west-2']), ...nat },
  'nat-gb': { unit: 'GB', per: 1, usd: 0.045, regions: sameIn(0.045, ['us-east-2', 'us-west-2']), ...nat },
  'cloudfront-gb': { unit: 'GB', per: 1, usd: 0.085, free: 1_000, regions: 'all', ...cloudfront },
  'cloudfront-request': {
    unit: 'HTTPS requests',
    per: 1_000_000,
    usd: 1,
    free: 10_000_000,
    regions: 'all',
    ...cloudfront,
  },
  'cloudfront-plan-free': { unit: 'months', per: 1, usd: 0, regions: 'all', ...cloudfront },
  'cloudfront-plan-pro': { unit: 'months', per: 1, usd: 15, regions: 'all', ...cloudfront },
  'cloudfront-plan-business': { unit: 'months', per: 1, usd: 200, regions: 'all', ...cloudfront },
  'waf-acl': { unit: 'web ACLs', per: 1, usd: 5, regions: 'all', ...waf },
  'waf-rule': { unit: 'rules', per: 1, usd: 1, regions: 'all', ...waf },
  'waf-request': { unit: 'requests', per: 1_000_000, usd: 0.6, regions: 'all', ...waf },
  'cognito-user-lite': { unit: 'monthly users', per: 1, usd: 0.0055, free: 10_000, regions: 'all', ...cognito },
  'cognito-user-essentials': { unit: 'monthly users', per: 1, usd: 0.015, free: 10_000, regions: 'all', ...cognito },
  'cognito-user-plus': { unit: 'monthly users', per: 1, usd: 0.02, regions: 'all', ...cognito },
  'cognito-machine-token': {
    unit: 'token requests',
    per: 1_000,
    usd: 2.25,
    regions: 'all',
    date: '2026-09-20',
    source: 'Cognito docs, tracking cost; Vantage billing code CognitoUserPoolsM2MTokenOp',
  },
  'dynamodb-write': {
    unit: 'write units',
    per: 1_000_000,
    usd: 0.625,
    ...dynamodb,
    regions: sameIn(0.625, ['us-east-2', 'us-west-2']),
    offer: { code: 'AmazonDynamoDB', usageType: 'WriteRequestUnits' },
  },
  'dynamodb-read': {
    unit: 'read units',
    per: 1_000_000,
    usd: 0.125,
    ...dynamodb,
    regions: sameIn(0.125, ['us-east-2', 'us-west-2']),
    offer: { code: 'AmazonDynamoDB', usageType: 'ReadRequestUnits' },
  },
  'agentcore-vcpu-hour': {
    unit: 'vCPU-hours',
    per: 1,
    usd: 0.0895,
    regions: { 'us-west-2': 0.0895 },
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Runtime:Consumption-based:vCPU' },
  },
  'agentcore-gb-hour': {
    unit: 'GB-hours',
    per: 1,
    usd: 0.00945,
    regions: { 'us-west-2': 0.00945 },
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Runtime:Consumption-based:Memory' },
  },
  'agentcore-gateway-call': {
    unit: 'calls',
    per: 1_000,
    usd: 0.005,
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Gateway:Consumption-based:API-Invocations' },
  },
  'agentcore-gateway-search': {
    unit: 'searches',
    per: 1_000,
    usd: 0.025,
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Gateway:Consumption-based:Search-API' },
  },
  'agentcore-gateway-tool': {
    unit: 'indexed tools',
    per: 100,
    usd: 0.02,
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Gateway:Consumption-based:Tool-Indexing' },
  },
  'agentcore-memory-event': {
    unit: 'events',
    per: 1_000,
    usd: 0.25,
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Memory:Consumption-based:Short-Term-Memory' },
  },
  'agentcore-memory-record': {
    unit: 'stored records',
    per: 1_000,
    usd: 0.75,
    ...agentcore,
    offer: {
      code: 'AmazonBedrockAgentCore',
      usageType: 'Memory:Consumption-based:Long-Term-Memory-Storage:Built-in-memory',
    },
  },
  'agentcore-memory-retrieval': {
    unit: 'retrievals',
    per: 1_000,
    usd: 0.5,
    ...agentcore,
    offer: { code: 'AmazonBedrockAgentCore', usageType: 'Memory:Consumption-based:Long-Term-Memory-Retrieval' },
  },
  'logs-gb': {
    unit: 'GB',
    per: 1,
    usd: 0.5,
    ...cloudwatch,
    regions: {
      ...sameIn(0.5, ['us-east-2', 'us-west-2']),
      'eu-central-1': { usd: 0.63, source: 'a billing rule for EUC1-DataProcessing-Bytes', date: '2025-01-01' },
    },
    offer: { code: 'AmazonCloudWatch', usageType: 'DataProcessing-Bytes' },
  },
  'secret-month': { unit: 'secrets', per: 1, usd: 0.4, regions: 'all', ...secrets },
  'kms-key-month': { unit: 'keys', per: 1, usd: 1, regions: 'all', ...kms },
  'alarm-month': { unit: 'alarms', per: 1, usd: 0.1, free: 10, regions: 'all', ...cloudwatch },
  'dashboard-month': { unit: 'dashboards', per: 1, usd: 3, free: 3, regions: 'all', ...cloudwatch },
  'egress-gb': {
    unit: 'GB',
    per: 1,
    usd: 0.09,
    free: 100,
    source: 'price list AWSDataTransfer, copy of 2026-09-06',
    date: '2026-09-06',
    regions: sameIn(0.09, ['us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1']),
    offer: { code: 'AWSDataTransfer', usageType: 'DataTransfer-Out-Bytes' },
  },
} as const satisfies Record<string, Price>

export type PriceKey = keyof typeof prices

export const priceKeys = Object.keys(prices) as PriceKey[]

function sameIn(usd: number, regions: readonly string[]): Record<string, number> {
  return Object.fromEntries(regions.map((region) => [region, usd]))
}
