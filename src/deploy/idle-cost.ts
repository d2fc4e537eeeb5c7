import type { PriceBook } from '../choose/price-book.ts'
import type { PriceKey } from '../choose/prices.ts'

export interface IdleItem {
  id: string
  type: string
  /** What it costs in a month in which nobody calls; undefined where no price was read for the region. */
  usd: number | undefined
}

export interface IdleCost {
  /** US dollars a month; undefined where a price is missing. */
  usd: number | undefined
  items: IdleItem[]
  /** Types that this table does not know, so that nothing is said of them. */
  unknown: string[]
}

export interface Resource {
  Type: string
  Properties?: Record<string, unknown>
}

type Resources = Record<string, Resource>
type Count = (resource: Resource, all: Resources) => Partial<Record<PriceKey, number>>

const hours = 730

/** What is paid for being there. Prices and their sources stand in choose/prices.ts. */
const paid: Record<string, Count> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ({ Properties: { Subnets: subnets, Scheme: scheme } = {} }) => ({
    'alb-hour': hours,
    // A public address for each subnet.
    ...(scheme === 'internet-facing' ? { 'ipv4-hour': hours * lengthOf(subnets) } : {}),
  }),
  'AWS::EC2::NatGateway': () => ({ 'nat-hour': hours }),
  'AWS::EC2::EIP': () => ({ 'ipv4-hour': hours }),
  'AWS::ECS::Service': ecsService,
  'AWS::WAFv2::WebACL': ({ Properties: { Rules: rules } = {} }) => ({ 'waf-acl': 1, 'waf-rule': lengthOf(rules) }),
  'AWS::SecretsManager::Secret': () => ({ 'secret-month': 1 }),
  'AWS::KMS::Key': () => ({ 'kms-key-month': 1 }),
  // By the metrics that it reads: one of an expression has several.
  'AWS::CloudWatch::Alarm': ({ Properties: { Metrics: metrics } = {} }) => ({ 'alarm-month': metricsIn(metrics) }),
  'AWS::CloudWatch::Dashboard': () => ({ 'dashboard-month': 1 }),
  // Target tracking makes two alarms, one for each way. @see https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html (read 2026-11-25)
  'AWS::ApplicationAutoScaling::ScalingPolicy': () => ({ 'alarm-month': 2 }),
}

/** What is paid for what it does or keeps, and not for being there. Prefixes end with `::`. */
const free = [
  'AWS::Lambda::',
  'AWS::IAM::',
  'AWS::Logs::',
  'AWS::CloudFront::',
  'AWS::Cognito::',
  'AWS::DynamoDB::Table',
  'AWS::DynamoDB::GlobalTable',
  'AWS::SSM::Parameter',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::BedrockAgentCore::',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::ECS::Cluster',
  'AWS::ECS::ClusterCapacityProviderAssociations',
  'AWS::ECS::TaskDefinition',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::ListenerRule',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::WAFv2::WebACLAssociation',
  'AWS::Events::Rule',
  'AWS::Scheduler::Schedule',
  'AWS::SecretsManager::RotationSchedule',
  'AWS::SecretsManager::ResourcePolicy',
  'AWS::SecretsManager::SecretTargetAttachment',
  'AWS::KMS::Alias',
  'AWS::CDK::Metadata',
  'AWS::CloudFormation::',
  'Custom::',
]

/** What the resources of a template cost in a month in which nobody calls. */
export function idleCost(resources: Resources, book: PriceBook): IdleCost {
  const items: IdleItem[] = []
  const unknown = new Set<string>()
  for (const [id, resource] of Object.entries(resources)) {
    const { Type: type } = resource
    const count = paid[type]
    if (count) items.push({ id, type, usd: priced(count(resource, resources), book) })
    else if (
      !isFreeEndpoint(resource) &&
      !free.some((each) => (each.endsWith('::') ? type.startsWith(each) : type === each))
    )
      unknown.add(type)
  }
  const missing = items.some(({ usd }) => usd === undefined)
  return {
    usd: missing ? undefined : round(items.reduce((sum, { usd }) => sum + usd!, 0)),
    items,
    unknown: [...unknown].sort(),
  }
}

/** How many units of each price resources take in a month in which nobody calls. */
export function idleUnits(resources: Resources): Partial<Record<PriceKey, number>> {
  const sums: Partial<Record<PriceKey, number>> = {}
  for (const resource of Object.values(resources))
    for (const [key, units] of Object.entries(paid[resource.Type]?.(resource, resources) ?? {}) as [PriceKey, number][])
      sums[key] = (sums[key] ?? 0) + units
  return sums
}

/** An endpoint for S3 or DynamoDB is a route and costs nothing; an interface costs by the hour and zone. */
function isFreeEndpoint({ Type: type, Properties: { VpcEndpointType: kind } = {} }: Resource): boolean {
  return type === 'AWS::EC2::VPCEndpoint' && kind === 'Gateway'
}

function priced(units: Partial<Record<PriceKey, number>>, book: PriceBook): number | undefined {
  let usd = 0
  for (const [key, count] of Object.entries(units) as [PriceKey, number][]) {
    const price = book.get(key)
    if (!price && count > 0) return undefined
    usd += price ? (count / price.per) * price.usd : 0
  }
  return round(usd)
}

/** The tasks that run when nobody calls: vCPUs and memory of the task definition, and their public addresses. */
function ecsService(service: Resource, all: Resources): Partial<Record<PriceKey, number>> {
  const { Properties: properties = {} } = service
  const { tasks, vcpu, gb, arm } = tasksOf(service, all)
  const { AwsvpcConfiguration: network } = (properties['NetworkConfiguration'] ?? {}) as { AwsvpcConfiguration?: { AssignPublicIp?: string } } // prettier-ignore
  return {
    [arm ? 'fargate-vcpu-hour-arm64' : 'fargate-vcpu-hour-x86_64']: tasks * hours * vcpu,
    [arm ? 'fargate-gb-hour-arm64' : 'fargate-gb-hour-x86_64']: tasks * hours * gb,
    ...(network?.AssignPublicIp === 'ENABLED' ? { 'ipv4-hour': tasks * hours } : {}),
  }
}

/** How many tasks a service of ECS runs at least, and of what size each. */
export function tasksOf(service: Resource, all: Resources): { tasks: number; vcpu: number; gb: number; arm: boolean } {
  const { Properties: properties = {} } = service
  const { Ref: id } = (properties['TaskDefinition'] ?? {}) as { Ref?: string }
  const definition = (id && all[id]?.Properties) || {}
  const { CpuArchitecture: architecture } = (definition['RuntimePlatform'] ?? {}) as { CpuArchitecture?: string }
  return {
    tasks: Number(properties['DesiredCount'] ?? fewest(service, all) ?? 1),
    vcpu: Number(definition['Cpu'] ?? 256) / 1024,
    gb: Number(definition['Memory'] ?? 512) / 1024,
    arm: architecture === 'ARM64',
  }
}

/** Of a service whose count is left to scaling. */
function fewest(service: Resource, all: Resources): unknown {
  const [id] = Object.entries(all).find(([, each]) => each === service) ?? []
  const target = Object.values(all).find(
    ({ Type: type, Properties: { ResourceId: scaled } = {} }) =>
      type === 'AWS::ApplicationAutoScaling::ScalableTarget' && JSON.stringify(scaled ?? '').includes(`"${id}"`),
  )
  return target?.Properties?.['MinCapacity']
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

function round(usd: number): number {
  return Math.round(usd * 100) / 100
}

function metricsIn(metrics: unknown): number {
  return Array.isArray(metrics) ? metrics.filter((each: object) => 'MetricStat' in each).length : 1
}
