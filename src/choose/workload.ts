import { FairleadError } from '../errors.ts'
import { checkRegion } from './regions.ts'

export const hoursAMonth = 730

/** What a server is asked to do in a month. All amounts are a month's; sizes in KB are 1,000 bytes. */
export interface Workload {
  region: string
  calls: number
  durationMs: number
  cpuMs: number
  memoryMb: number
  requestKb: number
  responseKb: number
  /** Written to the log for each request. */
  logKb: number
  architecture: 'arm64' | 'x86_64'
  era: 'legacy' | 'modern'
  sessions: number
  /** How long a session lasts from its first call to its last; 0: its calls follow each other. */
  sessionS: number
  callers: 'aws' | 'public' | 'both'
  lambdaAuth: 'iam' | 'oauth'
  users: number
  machineTokens: number
  cognitoPlan: 'lite' | 'essentials' | 'plus'
  /** The busiest moment over the average; sizes the Fargate tasks. */
  peak: number
  tasks: number
  taskVcpu: number
  taskMemoryMb: number
  /** Of the container image that Fargate pulls. */
  imageMb: number
  nat: number
  waf: boolean
  cloudfront: 'none' | 'payg' | 'free' | 'pro' | 'business'
  /** Connections that stay open, on average. */
  streams: number
  idleS: number
  runtimeMemoryMb: number
  searches: number
  tools: number
  memoryEvents: number
  memoryRecords: number
  memoryRetrievals: number
  freeTier: boolean
}

/** What a workload is when nothing else is said; `calls` has no default. */
const defaults = {
  region: 'us-east-1',
  durationMs: 200,
  memoryMb: 512,
  requestKb: 1,
  responseKb: 4,
  logKb: 1.5,
  architecture: 'arm64',
  era: 'legacy',
  sessionS: 0,
  callers: 'aws',
  users: 0,
  machineTokens: 0,
  cognitoPlan: 'essentials',
  peak: 1,
  tasks: 2,
  // What `deploy` makes where the configuration says nothing.
  taskVcpu: 0.5,
  taskMemoryMb: 1024,
  imageMb: 500,
  nat: 0,
  waf: true,
  cloudfront: 'payg',
  streams: 0,
  idleS: 900,
  runtimeMemoryMb: 150,
  searches: 0,
  tools: 0,
  memoryEvents: 0,
  memoryRecords: 0,
  memoryRetrievals: 0,
  freeTier: true,
} as const satisfies Partial<Workload>

/** Calls in a session, when their number is not given. */
const callsPerSession = 20

/** Fills in what was not said, and checks that it can be. Throws WORKLOAD_INVALID. */
export function workload(given: Partial<Workload> & { calls: number }): Workload {
  const callers = given.callers ?? defaults.callers
  const durationMs = given.durationMs ?? defaults.durationMs
  const perSession = given.era === 'modern' ? 1 : callsPerSession
  const whole: Workload = {
    ...defaults,
    cpuMs: Math.min(30, durationMs),
    sessions: Math.ceil(given.calls / perSession),
    lambdaAuth: callers === 'aws' ? 'iam' : 'oauth',
    ...given,
  }
  check(whole)
  return whole
}

/** What makes a number absurd: under `min`, or over `max`, which is more than any account may have. */
const ranges: Partial<Record<keyof Workload, { flag: string; min: number; max: number }>> = {
  calls: { flag: '--calls', min: 0, max: 1e11 },
  durationMs: { flag: '--duration', min: 1, max: 30 * 86_400_000 },
  cpuMs: { flag: '--cpu', min: 0, max: 30 * 86_400_000 },
  memoryMb: { flag: '--memory', min: 128, max: 122_880 },
  requestKb: { flag: '--request-kb', min: 0, max: 6_144 },
  responseKb: { flag: '--response-kb', min: 0, max: 6_144 },
  logKb: { flag: '--log-kb', min: 0, max: 1_000 },
  sessions: { flag: '--sessions', min: 0, max: 1e11 },
  sessionS: { flag: '--session', min: 0, max: 30 * 86_400 },
  users: { flag: '--users', min: 0, max: 1e9 },
  machineTokens: { flag: '--machine-tokens', min: 0, max: 1e11 },
  peak: { flag: '--peak', min: 1, max: 1_000 },
  tasks: { flag: '--tasks', min: 1, max: 1_000 },
  taskVcpu: { flag: '--task-vcpu', min: 0.25, max: 16 },
  taskMemoryMb: { flag: '--task-memory', min: 512, max: 122_880 },
  imageMb: { flag: '--image-mb', min: 1, max: 10_240 },
  nat: { flag: '--nat', min: 0, max: 6 },
  streams: { flag: '--streams', min: 0, max: 1e7 },
  idleS: { flag: '--idle', min: 60, max: 28_800 },
  runtimeMemoryMb: { flag: '--runtime-memory', min: 1, max: 8_192 },
  searches: { flag: '--searches', min: 0, max: 1e11 },
  tools: { flag: '--tools', min: 0, max: 1e6 },
  memoryEvents: { flag: '--memory-events', min: 0, max: 1e11 },
  memoryRecords: { flag: '--memory-records', min: 0, max: 1e11 },
  memoryRetrievals: { flag: '--memory-retrievals', min: 0, max: 1e11 },
}

function check(whole: Workload): void {
  checkRegion(whole.region)
  for (const [key, range] of Object.entries(ranges)) {
    const value = whole[key as keyof Workload] as number
    if (!Number.isFinite(value) || value < range.min || value > range.max)
      throw invalid(`${range.flag} is ${value}, and it must be from ${range.min} to ${range.max}`)
  }
  if (whole.cpuMs > whole.durationMs)
    throw invalid(
      `A call of ${whole.durationMs} ms cannot use ${whole.cpuMs} ms of CPU`,
      'Lower --cpu, or raise --duration.',
    )
  if (whole.sessions > whole.calls)
    throw invalid(
      `There are more sessions (${whole.sessions}) than calls (${whole.calls})`,
      'Lower --sessions, or raise --calls.',
    )
  if (whole.calls > 0 && whole.sessions === 0 && whole.era === 'legacy')
    throw invalid('Legacy clients open sessions, and --sessions is 0', 'Give --sessions, or --era modern.')
  if (whole.callers === 'aws' && whole.users > 0)
    throw invalid(
      'Users sign in, and all callers are in AWS',
      'Say --callers both or --callers public, or leave --users out.',
    )
  const most = planRequests[whole.cloudfront]
  if (most !== undefined && requests(whole) > most)
    throw invalid(
      `CloudFront's ${whole.cloudfront} plan has ${most / 1e6} M requests a month, and these are ${Math.ceil(requests(whole)).toLocaleString('en-US')}`,
      'Take a larger plan, or --cloudfront payg.',
    )
  const taskLimit = taskMemory[whole.taskVcpu]
  if (!taskLimit)
    throw invalid(`--task-vcpu is ${whole.taskVcpu}, and Fargate has ${Object.keys(taskMemory).join(', ')}`)
  if (whole.taskMemoryMb < taskLimit[0] || whole.taskMemoryMb > taskLimit[1])
    throw invalid(
      `A Fargate task of ${whole.taskVcpu} vCPU has ${taskLimit[0]} to ${taskLimit[1]} MB, and --task-memory is ${whole.taskMemoryMb}`,
    )
}

/** What a flat plan has in its price. @see https://aws.amazon.com/cloudfront/pricing/, transcription of 2026-09-05 */
const planRequests: Partial<Record<Workload['cloudfront'], number>> = { free: 1e6, pro: 1e7, business: 1.25e8 }

/** Requests that are not tool calls, for each session: initialize, initialized, tools/list; or server/discover alone. */
export const overhead = { legacy: 3, modern: 1 } as const

/** All requests of a month, tool calls and others. */
export function requests({ calls, sessions, era }: Workload): number {
  return calls + sessions * overhead[era]
}

/** Task sizes. @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html, read 2026-11-24 */
const taskMemory: Record<number, [number, number]> = {
  0.25: [512, 2_048],
  0.5: [1_024, 4_096],
  1: [2_048, 8_192],
  2: [4_096, 16_384],
  4: [8_192, 30_720],
  8: [16_384, 61_440],
  16: [32_768, 122_880],
}

/** The same workload with another number of calls; sessions, machine tokens and searches grow with them. */
export function scaled(whole: Workload, calls: number): Workload {
  const by = whole.calls === 0 ? 0 : calls / whole.calls
  const { sessions, machineTokens, searches } = whole
  return { ...whole, calls, sessions: sessions * by, machineTokens: machineTokens * by, searches: searches * by }
}

export function invalid(message: string, fix?: string): FairleadError {
  return new FairleadError('WORKLOAD_INVALID', message, fix ? { fix } : {})
}
