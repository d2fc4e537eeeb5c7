import type { Platform } from '../platforms.ts'
import type { PriceBook, PriceInRegion } from './price-book.ts'
import type { PriceKey } from './prices.ts'
import { isFlat, isFronted, standing } from './standing.ts'
import { hoursAMonth, overhead, requests, type Workload } from './workload.ts'

export interface LineItem {
  item: string
  quantity: number
  /** What the free tier took off. */
  free: number
  usd: number
  price: PriceInRegion
}

export interface Cost {
  platform: Platform
  /** Dollars a month, rounded once; undefined when a price is missing. */
  usd: number | undefined
  items: LineItem[]
  missing: PriceKey[]
}

/** Computes what a workload costs in a month on one platform, line by line. */
export function costOf(platform: Platform, workload: Workload, book: PriceBook): Cost {
  const items: LineItem[] = []
  const missing = new Set<PriceKey>()
  for (const [item, key, quantity] of [...amounts(platform, workload), ...standing(platform, workload)]) {
    if (quantity === 0) continue
    const price = book.get(key)
    if (!price) {
      missing.add(key)
      continue
    }
    const free = workload.freeTier ? Math.min(price.free, quantity) : 0
    items.push({ item, quantity, free, usd: ((quantity - free) / price.per) * price.usd, price })
  }
  const usd = missing.size > 0 ? undefined : cents(exact(items))
  return { platform, usd, items, missing: [...missing] }
}

/** The sum before rounding, for what compares two of them. */
export function exact(items: readonly LineItem[]): number {
  return items.reduce((sum, { usd }) => sum + usd, 0)
}

/** Rounds to the cent, half up. The nudge is far under any price and over what binary fractions lose. */
export function cents(usd: number): number {
  return Math.round(usd * 100 + 1e-7) / 100
}

type Amount = [item: string, key: PriceKey, quantity: number]

function amounts(platform: Platform, workload: Workload): Amount[] {
  switch (platform) {
    case 'lambda':
      return [
        ...lambda(workload),
        ...(isFronted(platform, workload) ? traffic(workload) : [...egress(workload), ...logs(workload)]),
        ...tokens(workload, workload.lambdaAuth),
        ...memory(workload),
      ]
    case 'fargate':
      return [...fargate(workload), ...traffic(workload), ...tokens(workload, 'oauth'), ...memory(workload)]
    case 'agentcore-runtime':
      return [...runtime(workload), ...egress(workload), ...logs(workload), ...users(workload), ...memory(workload)]
    case 'agentcore-gateway':
      return [...gateway(workload), ...lambda(workload), ...logs(workload), ...users(workload), ...memory(workload)]
  }
}

/** How long a request takes that is not a tool call. */
const overheadMs = 20

function lambda(workload: Workload): Amount[] {
  const { calls, sessions, era, durationMs, memoryMb, architecture } = workload
  const busyMs = calls * durationMs + sessions * overhead[era] * overheadMs
  return [
    ['requests', 'lambda-request', requests(workload)],
    ['compute', `lambda-gb-second-${architecture}`, (busyMs / 1000) * (memoryMb / 1024)],
  ]
}

/** A task is full at this share of its CPU. */
const fullAt = 0.7

/** How many tasks the busiest moment needs: the given number, or more. */
export function taskCount({ calls, cpuMs, peak, tasks, taskVcpu, streams }: Workload): number {
  const vcpu = (calls * cpuMs * peak) / 1000 / (hoursAMonth * 3600)
  return Math.max(tasks, Math.ceil(vcpu / fullAt / taskVcpu), Math.ceil(streams / streamsPerTask))
}

/** Open connections that one small task is trusted with. */
const streamsPerTask = 2_000

function fargate(workload: Workload): Amount[] {
  const { architecture, taskVcpu, taskMemoryMb, nat, waf } = workload
  const tasks = taskCount(workload)
  return [
    [`${tasks} tasks, vCPU`, `fargate-vcpu-hour-${architecture}`, tasks * taskVcpu * hoursAMonth],
    [`${tasks} tasks, memory`, `fargate-gb-hour-${architecture}`, tasks * (taskMemoryMb / 1024) * hoursAMonth],
    ['container image', 'ecr-gb-month', workload.imageMb / 1000],
    ['load balancer capacity', 'alb-lcu-hour', lcuHours(workload)],
    ['public addresses', 'ipv4-hour', (nat > 0 ? nat : tasks) * hoursAMonth],
    ['NAT gateways', 'nat-hour', nat * hoursAMonth],
    ['NAT gateway data', 'nat-gb', nat > 0 ? gigabytes(workload) : 0],
    ['web ACL requests', 'waf-request', waf && !isFlat(workload) ? requests(workload) : 0],
  ]
}

/**
 * LCU-hours by the dimension that is used most: bytes (1 GB an hour), new connections (25 a second, one a session),
 * open connections (3,000).
 * @see https://aws.amazon.com/elasticloadbalancing/pricing/
 */
function lcuHours(workload: Workload): number {
  const bytes = (requests(workload) * (workload.requestKb + workload.responseKb)) / 1e6
  return Math.max(bytes, workload.sessions / (25 * 3600), (workload.streams / 3000) * hoursAMonth)
}

function gigabytes(workload: Workload): number {
  return (requests(workload) * workload.responseKb) / 1e6
}

/** Bytes that leave: through CloudFront when it stands in front, else from the region. What CloudFront fetches is free. */
function traffic(workload: Workload): Amount[] {
  const { cloudfront } = workload
  if (cloudfront === 'none') return [...egress(workload), ...logs(workload)]
  if (cloudfront !== 'payg') return [['CloudFront plan', `cloudfront-plan-${cloudfront}`, 1], ...logs(workload)]
  return [
    ['CloudFront data', 'cloudfront-gb', gigabytes(workload)],
    ['CloudFront requests', 'cloudfront-request', requests(workload)],
    ...logs(workload),
  ]
}

function egress(workload: Workload): Amount[] {
  return [['data out', 'egress-gb', gigabytes(workload)]]
}

function logs(workload: Workload): Amount[] {
  return [['logs', 'logs-gb', (requests(workload) * workload.logKb) / 1e6]]
}

function users({ cognitoPlan, users, machineTokens }: Workload): Amount[] {
  return [
    ['Cognito users', `cognito-user-${cognitoPlan}`, users],
    ['Cognito machine tokens', 'cognito-machine-token', machineTokens],
  ]
}

/** OAuth with fairlead's authorization service: Cognito behind it, and for each session two writes and a read. */
function tokens(workload: Workload, auth: 'iam' | 'oauth'): Amount[] {
  if (auth === 'iam') return []
  return [
    ...users(workload),
    ['DynamoDB writes', 'dynamodb-write', workload.sessions * 2],
    ['DynamoDB reads', 'dynamodb-read', workload.sessions],
  ]
}

/** A microVM's start uses this much CPU. */
const startCpuS = 1.5

/** Memory is billed from a session's first call until its idle time is over; CPU only while it is used. 128 MB are the least. */
function runtime({ calls, sessions, cpuMs, durationMs, sessionS, idleS, runtimeMemoryMb }: Workload): Amount[] {
  const livedS = Math.max((calls * durationMs) / 1000, sessions * sessionS) + sessions * idleS
  return [
    ['CPU', 'agentcore-vcpu-hour', ((calls * cpuMs) / 1000 + sessions * startCpuS) / 3600],
    ['memory', 'agentcore-gb-hour', (livedS / 3600) * (Math.max(128, runtimeMemoryMb) / 1024)],
  ]
}

function gateway(workload: Workload): Amount[] {
  return [
    ['gateway calls', 'agentcore-gateway-call', requests(workload)],
    ['gateway searches', 'agentcore-gateway-search', workload.searches],
    ['indexed tools', 'agentcore-gateway-tool', workload.tools],
  ]
}

/** AgentCore Memory, a service of its own that any platform may call. */
function memory({ memoryEvents, memoryRecords, memoryRetrievals }: Workload): Amount[] {
  return [
    ['AgentCore Memory events', 'agentcore-memory-event', memoryEvents],
    ['AgentCore Memory records', 'agentcore-memory-record', memoryRecords],
    ['AgentCore Memory retrievals', 'agentcore-memory-retrieval', memoryRetrievals],
  ]
}
