import { FairleadError } from '../errors.ts'
import { edgeRegion } from './deployment.ts'
import { look } from './look.ts'
import { tasksOf, type Resource } from './idle-cost.ts'
import { serviceQuota } from './service-quota.ts'
import type { AwsClients, OpenAws } from './toolkit-clients.ts'

interface Template {
  Resources: Record<string, Resource>
}

interface Quota {
  name: string
  service: string
  code: string
  /** Where it is kept, when that is not the region of the stack. */
  region?: string
  /** How much a resource takes of it; 1 when absent. */
  takes?: (resource: Resource, all: Template['Resources']) => number
  /** Absent: what there is already can be listed. */
  unlisted?: true
  /** What to know when it is reached. */
  why: string
  source: string
  date: string
}

/** The quotas that a deployment meets in a new account, or in a full one, and that can be asked for. By what takes of them. */
export const quotas: Record<string, Quota> = {
  'AWS::EC2::VPC': {
    name: 'VPCs per Region',
    service: 'vpc',
    code: 'L-F678F1CE',
    why: 'fargate makes a VPC of its own. It can go into one that is there: platforms.fargate.vpcId and subnetIds.',
    source: 'docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html; the code from transcripts of the AWS CLI',
    date: '2026-11-25',
  },
  'AWS::CloudFront::Distribution': {
    name: 'Web distributions per AWS account',
    service: 'cloudfront',
    code: 'L-24B04930',
    region: edgeRegion,
    why: 'Each platform with OAuth has a distribution, and the authorization service one.',
    source: 'docs.aws.amazon.com/general/latest/gr/cf_region.html; the code from transcripts of the AWS CLI',
    date: '2026-11-25',
  },
  'AWS::BedrockAgentCore::Runtime': {
    name: 'Total Agents per Account',
    service: 'bedrock-agentcore',
    code: 'L-F4575653',
    why: 'A new account may have 0 of them, which Service Quotas does not raise: AWS Support does (Account and billing, at no cost).',
    source:
      'docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html; code and the 0 from reports of 2026-07 to 2026-10',
    date: '2026-11-25',
  },
  'AWS::ECS::Service': {
    name: 'Fargate On-Demand vCPU resource count',
    service: 'fargate',
    code: 'L-3032A538',
    takes: (service, all) => {
      const { tasks, vcpu } = tasksOf(service, all)
      return tasks * vcpu
    },
    unlisted: true,
    why: 'A new account may have few. What runs already counts too, and twice as many tasks run while they are replaced.',
    source:
      'docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html; the code from transcripts of the AWS CLI',
    date: '2026-11-25',
  },
}

/** A template, and what of it is new. */
export interface NewIn {
  region: string
  template: Template
  /** Logical ids. */
  added: readonly string[]
  /** What is deployed now: what is there already takes only what it grows by. */
  before?: Template
}

/** How much the resources of a type take more than they do now. */
function growth(
  { added, template: { Resources: all }, before: { Resources: old } = { Resources: {} } }: NewIn,
  type: string,
  takes: NonNullable<Quota['takes']>,
): number {
  return Object.entries(all)
    .filter(([, { Type }]) => Type === type)
    .reduce((sum, [id, resource]) => {
      const now = old[id]
      if (added.includes(id)) return sum + takes(resource, all)
      return now ? sum + takes(resource, all) - takes(now, old) : sum
    }, 0)
}

/**
 * Holds what is new against the quotas of the account. Gives what is exceeded; nothing where the caller may not look, since
 * CloudFormation tells it then.
 */
export async function exceededQuotas(aws: OpenAws, stacks: readonly NewIn[]): Promise<FairleadError[]> {
  const found: FairleadError[] = []
  for (const [type, quota] of Object.entries(quotas)) {
    const region = quota.region ?? stacks[0]?.region ?? aws.region
    const { takes = () => 1 } = quota
    const sum = stacks.reduce((total, each) => total + growth(each, type, takes), 0)
    if (sum <= 0) continue
    const limit = await serviceQuota(aws, quota, region)
    if (limit === undefined) continue
    const used = quota.unlisted ? 0 : await countOf(aws.clients, type, region, limit)
    if (used === undefined || used + sum <= limit) continue
    found.push(exceeded(quota, { sum, used, limit, region }))
  }
  return found
}

function exceeded(
  { name, service, code, why, unlisted }: Quota,
  { sum, used, limit, region }: { sum: number; used: number; limit: number; region: string },
): FairleadError {
  return new FairleadError(
    'QUOTA_EXCEEDED',
    `${sum} more are needed of “${name}”: ${unlisted ? '' : `${used} are there, and `}the quota is ${limit} in ${region}`,
    {
      why,
      fix: `aws service-quotas request-service-quota-increase --region ${region} --service-code ${service} --quota-code ${code} --desired-value ${used + sum}`,
    },
  )
}

/** How many there are; it stops counting above the limit. Undefined where the caller may not look. */
async function countOf(clients: AwsClients, type: string, region: string, limit: number): Promise<number | undefined> {
  const cloudControl = clients('cloudcontrol', region)
  let count = 0
  try {
    for (let next: string | undefined; ;) {
      const page = await cloudControl.listResources({ TypeName: type, MaxResults: 100, ...(next ? { NextToken: next } : {}) }) // prettier-ignore
      count += page.ResourceDescriptions?.length ?? 0
      next = page.NextToken
      if (!next || count > limit) return count
    }
  } catch {
    return undefined
  }
}

/** What an account has to leave to functions that reserve nothing. */
const leftOver = 100

/**
 * Checks that functions may reserve what they ask for: a new account has a concurrency of 10, and of that nothing can be
 * reserved. Gives what is exceeded.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html (read 2026-11-25)
 */
export async function exceededConcurrency(
  { clients, region }: Pick<OpenAws, 'clients' | 'region'>,
  stacks: readonly NewIn[],
): Promise<FairleadError[]> {
  const reserved = ({ Properties: properties = {} }: Resource) =>
    Number(properties['ReservedConcurrentExecutions'] ?? 0)
  const asked = stacks.reduce((sum, each) => sum + growth(each, 'AWS::Lambda::Function', reserved), 0)
  if (asked <= 0) return []
  const free = await unreserved(clients)
  if (free === undefined || free - asked >= leftOver) return []
  return [
    new FairleadError(
      'QUOTA_EXCEEDED',
      `${asked} concurrent executions cannot be reserved: ${free} are not reserved, and ${leftOver} have to stay so`,
      {
        why: 'platforms.lambda.concurrency reserves a part of what all functions of the account share in a region.',
        fix: `Leave platforms.lambda.concurrency out, or ask for more: aws service-quotas request-service-quota-increase --region ${region} --service-code lambda --quota-code L-B99A9384 --desired-value 1000`,
      },
    ),
  ]
}

/** Undefined where the caller may not look: then CloudFormation says it. */
async function unreserved(clients: AwsClients): Promise<number | undefined> {
  const found = await look('Reading the limits of Lambda', () => clients('lambda').getAccountSettings({}))
  return found?.AccountLimit?.UnreservedConcurrentExecutions
}
