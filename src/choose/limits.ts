import { platforms, type Platform } from '../platforms.ts'
import { hasAgentcore } from './regions.ts'
import type { Question } from './question.ts'

export interface HardLimit {
  platform: Platform
  limit: string
  source: string
}

interface Limit {
  platform: Platform
  breaks: (question: Question) => boolean
  limit: string
  source: string
}

const lambdaQuotas = 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html'
const agentcoreQuotas = 'https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html'
const hour = 3_600_000

/** What no design gets around (rule R0), read 2026-11-22. */
const limits: Limit[] = [
  {
    platform: 'lambda',
    breaks: ({ workload }) => workload.durationMs > hour / 4,
    limit: 'a call lasts longer than 15 minutes',
    source: lambdaQuotas,
  },
  {
    platform: 'lambda',
    breaks: ({ workload }) => workload.memoryMb > 10_240,
    limit: 'a function has at most 10,240 MB',
    source: lambdaQuotas,
  },
  {
    platform: 'lambda',
    breaks: ({ workload }) => workload.streams > 0,
    limit: 'open connections end after 15 minutes',
    source: lambdaQuotas,
  },
  {
    platform: 'agentcore-runtime',
    breaks: ({ workload }) => workload.durationMs > 8 * hour,
    limit: 'a session lasts at most 8 hours',
    source: agentcoreQuotas,
  },
  {
    platform: 'agentcore-runtime',
    breaks: ({ workload }) => workload.sessionS > 8 * 3600,
    limit: 'a session lasts at most 8 hours',
    source: agentcoreQuotas,
  },
  {
    platform: 'agentcore-runtime',
    breaks: ({ workload }) => workload.memoryMb > 8_192,
    limit: 'a session has at most 2 vCPU and 8 GB',
    source: agentcoreQuotas,
  },
  {
    platform: 'agentcore-runtime',
    breaks: ({ workload }) => workload.architecture === 'x86_64',
    limit: 'it runs arm64 only',
    source: 'https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp.html',
  },
  {
    platform: 'agentcore-runtime',
    breaks: ({ workload }) => workload.imageMb > 2_048,
    limit: 'an image has at most 2 GB',
    source: agentcoreQuotas,
  },
  {
    platform: 'agentcore-gateway',
    breaks: ({ workload }) => workload.durationMs > hour / 4,
    limit: 'a call lasts longer than 15 minutes',
    source: agentcoreQuotas,
  },
  ...(['agentcore-runtime', 'agentcore-gateway'] as const).map((platform) => ({
    platform,
    breaks: ({ workload }: Question) => !hasAgentcore(workload.region),
    limit: 'AgentCore is not offered in the region',
    source: 'https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-regions.html',
  })),
  {
    platform: 'fargate',
    breaks: ({ workload }) => workload.memoryMb > 122_880,
    limit: 'a task has at most 120 GB',
    source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html',
  },
]

/** Lists the hard limits that a workload meets (rule R0): what rules a platform out, whatever else speaks for it. */
export function hardLimits(question: Question): HardLimit[] {
  const met = limits.filter(({ breaks }) => breaks(question))
  return (Object.keys(platforms) as Platform[]).flatMap((platform) =>
    met.filter((each) => each.platform === platform).map(({ limit, source }) => ({ platform, limit, source })),
  )
}
