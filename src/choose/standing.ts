import type { Platform } from '../platforms.ts'
import type { PriceKey } from './prices.ts'
import { hoursAMonth, type Workload } from './workload.ts'

/** How many of each `fairlead deploy` makes that are paid for being there, whoever calls. */
interface Standing {
  /** By the metrics that they read. */
  alarms: number
  dashboards: number
  secrets: number
  loadBalancers?: number
  webAcls?: number
}

/** Rules of the web ACL: the rate limit, and four of AWS's groups. */
export const webAclRules = 5

/** The stack that comes with OAuth. What seals its table, the secret header, the client's secret; alarms on five metrics. */
const authorization = { secrets: 3, alarms: 5 }

/**
 * What the stacks have by default, whose templates test/deploy/standing.test.ts counts it in. With OAuth there are two
 * distributions; their alarms are made in us-east-1 alone, where their metrics are.
 */
const made = {
  lambda: { alarms: 6, dashboards: 1, secrets: 0 },
  'lambda with OAuth': { alarms: 6 + authorization.alarms, dashboards: 1, secrets: 1 + authorization.secrets },
  // Nine alarms of its own, and two for each of the two ways to scale.
  fargate: {
    alarms: 9 + 4 + authorization.alarms,
    dashboards: 1,
    secrets: 1 + authorization.secrets,
    loadBalancers: 1,
    webAcls: 1,
  },
  'agentcore-runtime': { alarms: 6, dashboards: 1, secrets: 0 },
  'agentcore-gateway': { alarms: 2, dashboards: 1, secrets: 0 },
} as const satisfies Record<string, Standing>

/** Whether CloudFront stands in front: of fargate always, of lambda where clients sign in. */
export function isFronted(platform: Platform, { lambdaAuth }: Workload): boolean {
  return platform === 'fargate' || (platform === 'lambda' && lambdaAuth === 'oauth')
}

/** Lists what a platform costs for being there, beside its tasks, which grow with the load. */
export function standing(platform: Platform, workload: Workload): [item: string, key: PriceKey, quantity: number][] {
  const fronted = isFronted(platform, workload)
  const counts: Standing = made[platform === 'lambda' && fronted ? 'lambda with OAuth' : platform]
  const { alarms, dashboards, secrets, loadBalancers = 0, webAcls = 0 } = counts
  const acls = workload.waf && !isFlat(workload) ? webAcls : 0
  return [
    ['load balancer', 'alb-hour', loadBalancers * hoursAMonth],
    ['web ACL', 'waf-acl', acls],
    ['web ACL rules', 'waf-rule', acls * webAclRules],
    ['secrets', 'secret-month', secrets],
    ['alarms', 'alarm-month', alarms + (fronted && workload.region === 'us-east-1' ? 2 : 0)],
    ['dashboard', 'dashboard-month', dashboards],
  ]
}

/** A flat plan of CloudFront has the web ACL in its price. @see https://aws.amazon.com/cloudfront/pricing/, transcription of 2026-09-05 */
export function isFlat({ cloudfront }: Workload): boolean {
  return cloudfront === 'free' || cloudfront === 'pro' || cloudfront === 'business'
}
