import type { Platform } from '../platforms.ts'
import { taskCount } from './cost.ts'
import type { PriceBook } from './price-book.ts'
import type { Asked, Auth } from './rules.ts'
import { isFlat } from './standing.ts'
import { hoursAMonth } from './workload.ts'

/** Says what to mind about a choice: what costs more than it looks, and what it does not bring. */
export function cautions(asked: Asked, first: { platform: Platform; auth: Auth }, book: PriceBook): string[] {
  const { workload } = asked
  const said: string[] = []
  const oauth = first.auth !== 'IAM'
  if (oauth && workload.machineTokens > 10_000)
    said.push(
      'Machine tokens cost $2.25 a thousand, often more than the compute: cache them, or let machines sign with IAM.',
    )
  if (first.platform === 'fargate' && asked.callsKnown && load(asked) < 0.1)
    said.push('The tasks are idle for more than 90 % of the time that is paid for.')
  if (first.platform === 'fargate' && workload.waf && !isFlat(workload))
    said.push(
      'A flat CloudFront plan (from $0) has the web ACL in its price: compare with --cloudfront free, pro or business.',
    )
  if (first.platform === 'agentcore-runtime')
    said.push('The idle time is the main lever on its price: 15 minutes by default, --idle 60s is the least.')
  if (first.platform === 'agentcore-runtime' && workload.era === 'modern')
    said.push('A client of 2026-07-28 sends no session id, so each call may open a session: see modernSessions.')
  if (first.auth === 'JWT')
    said.push(
      'Cognito alone has no client registration: clients that need it are refused without an authorization service.',
    )
  if (asked.state === 'managed') said.push(memoryCaution(book))
  return said
}

function memoryCaution(book: PriceBook): string {
  const [event, record, retrieval] = (
    ['agentcore-memory-event', 'agentcore-memory-record', 'agentcore-memory-retrieval'] as const
  ).map((key) => book.get(key)?.usd)
  const prices =
    event === undefined
      ? `with a price that is not known for ${book.region}`
      : `$${event} a thousand events, $${record} a thousand records a month, $${retrieval} a thousand retrievals`
  return `Managed memory is AgentCore Memory, a service of its own that any platform may call: ${prices}. Count it with --memory-events, --memory-records and --memory-retrievals.`
}

function load(asked: Asked): number {
  const { calls, cpuMs, taskVcpu } = asked.workload
  return (calls * cpuMs) / 1000 / (hoursAMonth * 3600) / (taskCount(asked.workload) * taskVcpu)
}
