import { platformNames, type Platform } from '../platforms.ts'
import { cautions } from './cautions.ts'
import { costOf } from './cost.ts'
import { verdicts, withCrossover } from './decide.ts'
import { hardLimits, type HardLimit } from './limits.ts'
import type { PriceBook } from './price-book.ts'
import type { PriceKey } from './prices.ts'
import type { Question } from './question.ts'
import type { Asked, Auth, RuleId, Verdict } from './rules.ts'
import { changes, type Change } from './would-change.ts'

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
  wouldChange: Change[]
  cautions: string[]
  /** What goes into fairlead.config.ts, the command to go on with, and the one that puts it on AWS. */
  next: { config: string; command: string; deploy: string }
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
    next: {
      config: `platforms: { ${configOf(first)} }`,
      command: 'fairlead dev',
      deploy: `fairlead deploy --platform ${first.platform}`,
    },
  }
}

const whatIsLeft = 'the hard limits leave it, and no rule speaks for another platform'

/** A gateway with nothing to put behind it comes after whatever else is left. */
function suited(ranked: Ranked[]): Ranked[] {
  const empty = ranked.filter(({ platform, rule }) => platform === 'agentcore-gateway' && rule === '-')
  return [...ranked.filter((each) => !empty.includes(each)), ...empty]
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
