import { platformNames, type Platform } from '../platforms.ts'
import { costOf, taskCount } from './cost.ts'
import { crossover } from './crossover.ts'
import { hardLimits, type HardLimit } from './limits.ts'
import type { PriceBook } from './price-book.ts'
import type { PriceKey } from './prices.ts'
import type { Question } from './question.ts'
import { rules, type Asked, type Auth, type RuleId, type Verdict } from './rules.ts'
import { hoursAMonth } from './workload.ts'

export interface Ranked {
  platform: Platform
  /** The rule that speaks for it; R0 rules it out; `-` when no rule speaks for it. */
  rule: RuleId | '-'
  auth: Auth
  reason: string
  /** Dollars a month; undefined when the calls are not known, it is ruled out, or a price is missing. */
  usd: number | undefined
  missing: PriceKey[]
  /** A hard limit removes it. */
  ruledOut: boolean
}

export interface Choice extends Ranked {
  ranking: Ranked[]
  hardLimits: HardLimit[]
  /** Calls a month from which fargate costs less than lambda. */
  crossover: number | undefined
  wouldChange: { when: string; platform: Platform; rule: RuleId }[]
  cautions: string[]
  /** What goes into fairlead.config.ts, and the command to go on with. */
  next: { config: string; command: string }
}

/** Chooses a platform for a workload: R0 removes, the first rule whose platform is left decides, the rest are ranked. */
export function choose(question: Question, book: PriceBook): Choice {
  const asked = withCrossover(question, book)
  const out = hardLimits(question)
  const left = platformNames.filter((platform) => !out.some((limit) => limit.platform === platform))
  const spoken = verdicts(asked).filter(({ platform }) => left.includes(platform))
  const ranked = [
    ...spoken.map((verdict) => costed(verdict, asked, book)),
    ...left
      .filter((platform) => !spoken.some((each) => each.platform === platform))
      .map((platform) => costed(fallback(platform, asked), asked, book))
      .sort((a, b) => (a.usd ?? Infinity) - (b.usd ?? Infinity)),
  ]
  const ruledOut = platformNames
    .filter((platform) => !left.includes(platform))
    .map((platform) => removed(platform, out, asked))
  const [most, ...rest] = suited(ranked)
  const first = most!.rule === '-' ? { ...most!, rule: 'R0' as const, reason: whatIsLeft } : most!
  return {
    ...first,
    ranking: [...rest, ...ruledOut],
    hardLimits: out,
    crossover: asked.crossover,
    wouldChange: changes(question, book, first.platform),
    cautions: cautions(asked, first, book),
    next: { config: `platforms: { ${configOf(first)} }`, command: 'fairlead dev' },
  }
}

const whatIsLeft = 'the hard limits leave it, and no rule speaks for another platform'

/** A gateway with nothing to put behind it comes after whatever else is left. */
function suited(ranked: Ranked[]): Ranked[] {
  const empty = ranked.filter(({ platform, rule }) => platform === 'agentcore-gateway' && rule === '-')
  return [...ranked.filter((each) => !empty.includes(each)), ...empty]
}

/** Where lambda is ruled out, nothing is compared with it. */
function withCrossover(question: Question, book: PriceBook): Asked {
  const out = hardLimits(question).some(({ platform }) => platform === 'lambda')
  return { ...question, crossover: out ? undefined : crossover(question.workload, book, 'lambda', 'fargate') }
}

/** What each rule says, in order, each platform once. */
function verdicts(asked: Asked): Verdict[] {
  const all = rules.flatMap((rule) => rule(asked) ?? [])
  return all.filter((each, at) => all.findIndex(({ platform }) => platform === each.platform) === at)
}

function costed(
  verdict: Verdict | Omit<Ranked, 'usd' | 'missing' | 'ruledOut'>,
  asked: Asked,
  book: PriceBook,
): Ranked {
  const { platform, rule, auth, reason } = verdict
  if (!asked.callsKnown) return { platform, rule, auth, reason, usd: undefined, missing: [], ruledOut: false }
  const workload = { ...asked.workload, lambdaAuth: auth === 'IAM' ? ('iam' as const) : ('oauth' as const) }
  const { usd, missing } = costOf(platform, platform === 'lambda' ? workload : asked.workload, book)
  return { platform, rule, auth, reason, usd, missing, ruledOut: false }
}

const fallbackReasons: Record<Platform, string> = {
  lambda: 'no rule speaks for it: what lives between calls has to be kept elsewhere',
  fargate: 'no rule speaks for it: tasks are paid for while nobody calls',
  'agentcore-runtime': 'no rule speaks for it: a session of its own is paid for until its idle time is over',
  'agentcore-gateway': 'no rule speaks for it: there is nothing yet to put behind it',
}

function fallback(platform: Platform, asked: Asked): Omit<Ranked, 'usd' | 'missing' | 'ruledOut'> {
  const inAws = asked.callers === 'aws' && !asked.multiTenant
  const auth = platform === 'fargate' ? 'OAuth' : inAws ? 'IAM' : platform === 'lambda' ? 'OAuth' : 'JWT'
  return { platform, rule: '-', auth, reason: fallbackReasons[platform] }
}

function removed(platform: Platform, out: HardLimit[], asked: Asked): Ranked {
  const reason = out
    .filter((each) => each.platform === platform)
    .map(({ limit }) => limit)
    .join('; ')
  return {
    ...fallback(platform, asked),
    rule: 'R0',
    reason: `ruled out: ${reason}`,
    usd: undefined,
    missing: [],
    ruledOut: true,
  }
}

/** Asks again with one answer changed, and keeps what then comes out differently. */
function changes(question: Question, book: PriceBook, now: Platform): Choice['wouldChange'] {
  const { workload } = question
  const { crossover: cross } = withCrossover(question, book)
  const tries: [when: string, other: Question][] = [
    ['existing Lambdas or APIs that are to become tools', { ...question, existing: ['lambdas'] }],
    ['no existing Lambdas or APIs', { ...question, existing: [] }],
    ['a session in memory', { ...question, state: 'session' }],
    ['nothing that outlives a call', { ...question, state: 'none', workload: { ...workload, sessionS: 0 } }],
    ['connections that stay open for hours', { ...question, workload: { ...workload, streams: 1 } }],
    ['no open connections', { ...question, workload: { ...workload, streams: 0 } }],
    ['a call longer than 15 minutes', { ...question, workload: { ...workload, durationMs: 1_000_000 } }],
    ['calls under 15 minutes', { ...question, workload: { ...workload, durationMs: 1_000, cpuMs: 30 } }],
    ['callers outside AWS', calledBy(question, 'public')],
    ['callers in AWS alone', { ...calledBy(question, 'aws'), multiTenant: false }],
  ]
  if (cross !== undefined && workload.calls < cross) {
    const many = { ...question, callsKnown: true, bursty: false, workload: { ...workload, calls: cross } }
    tries.push([`a steady ${spoken(cross)} calls a month or more`, many])
  }
  if (cross !== undefined && workload.calls >= cross)
    tries.push([
      `fewer than ${spoken(cross)} calls a month`,
      { ...question, workload: { ...workload, calls: cross - 1 } },
    ])
  return tries.flatMap(([when, other]) => {
    const verdict = decided(other, book)
    return verdict && verdict.platform !== now ? [{ when, platform: verdict.platform, rule: verdict.rule }] : []
  })
}

function decided(question: Question, book: PriceBook): Verdict | undefined {
  const out = new Set(hardLimits(question).map(({ platform }) => platform))
  return verdicts(withCrossover(question, book)).find(({ platform }) => !out.has(platform))
}

function calledBy(question: Question, callers: 'aws' | 'public'): Question {
  const inAws = callers === 'aws'
  const { users } = question.workload
  const auth = { lambdaAuth: inAws ? ('iam' as const) : ('oauth' as const), waf: !inAws, users: inAws ? 0 : users }
  return { ...question, callers, workload: { ...question.workload, callers, ...auth } }
}

/** `36.2 M`, `120 k`: as people say it. */
export function spoken(calls: number): string {
  if (calls >= 1e9) return `${trimmed(calls / 1e9)} G`
  if (calls >= 1e6) return `${trimmed(calls / 1e6)} M`
  if (calls >= 1e3) return `${trimmed(calls / 1e3)} k`
  return trimmed(calls)
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function cautions(asked: Asked, first: Ranked, book: PriceBook): string[] {
  const { workload } = asked
  const said: string[] = []
  const oauth = first.auth !== 'IAM'
  if (oauth && workload.machineTokens > 10_000)
    said.push(
      'Machine tokens cost $2.25 a thousand, often more than the compute: cache them, or let machines sign with IAM.',
    )
  if (first.platform === 'fargate' && asked.callsKnown && load(asked) < 0.1)
    said.push('The tasks are idle for more than 90 % of the time that is paid for.')
  if (first.platform === 'fargate' && workload.waf && workload.cloudfront === 'none')
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

function configOf({ platform, auth }: Ranked): string {
  switch (platform) {
    case 'lambda':
      return `lambda: { auth: '${auth === 'IAM' ? 'iam' : 'oauth'}' }`
    case 'fargate':
      return 'fargate: {}'
    case 'agentcore-runtime':
      return auth === 'IAM'
        ? "'agentcore-runtime': { auth: 'iam' }"
        : "'agentcore-runtime': { auth: { customJWTAuthorizer: {…} } }"
    case 'agentcore-gateway':
      return "'agentcore-gateway': { gateway: './gateway.json', targets: ['./targets.json'] }"
  }
}
