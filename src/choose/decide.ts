import { crossover } from './crossover.ts'
import { hardLimits } from './limits.ts'
import type { PriceBook } from './price-book.ts'
import type { Question } from './question.ts'
import { rules, type Asked, type Verdict } from './rules.ts'

/** Where lambda is ruled out, nothing is compared with it. */
export function withCrossover(question: Question, book: PriceBook): Asked {
  const out = hardLimits(question).some(({ platform }) => platform === 'lambda')
  return { ...question, crossover: out ? undefined : crossover(question.workload, book, 'lambda', 'fargate') }
}

/** What each rule says, in order, each platform once. */
export function verdicts(asked: Asked): Verdict[] {
  const all = rules.flatMap((rule) => rule(asked) ?? [])
  return all.filter((each, at) => all.findIndex(({ platform }) => platform === each.platform) === at)
}

/** What decides: the first rule that is true and whose platform no hard limit removes. */
export function decided(question: Question, book: PriceBook): Verdict | undefined {
  const out = new Set(hardLimits(question).map(({ platform }) => platform))
  return verdicts(withCrossover(question, book)).find(({ platform }) => !out.has(platform))
}
