import type { Platform } from '../platforms.ts'
import { costOf, exact } from './cost.ts'
import type { PriceBook } from './price-book.ts'
import { scaled, type Workload } from './workload.ts'

const fewest = 1e3
const most = 1e10

/** A workload that can be scaled, also where no calls were given. */
function seed(workload: Workload): Workload {
  return workload.calls > 0 ? workload : { ...workload, calls: 20, sessions: 1 }
}

/**
 * Finds the fewest calls a month at which one platform is overtaken by another, by bisection to one call.
 * Undefined when it is dearer from the start, or is never overtaken up to ten thousand million calls, or a price is missing.
 */
export function crossover(workload: Workload, book: PriceBook, overtaken: Platform, by: Platform): number | undefined {
  const base = seed(workload)
  const ahead = (calls: number): boolean | undefined => {
    const [first, second] = [overtaken, by].map((platform) => costOf(platform, scaled(base, calls), book))
    if (first!.usd === undefined || second!.usd === undefined) return undefined
    return exact(first!.items) < exact(second!.items)
  }
  if (ahead(fewest) !== true) return undefined
  let low = fewest
  let high = low
  while (ahead(high)) {
    if (high >= most) return undefined
    low = high
    high *= 1.05
  }
  while (high - low > 1) {
    const middle = (low + high) / 2
    if (ahead(middle)) low = middle
    else high = middle
  }
  return Math.round(high)
}

/** Where two lines meet: the platform that is cheaper until then, and the one that is cheaper after. */
export interface Crossing {
  calls: number
  overtaken: Platform
  by: Platform
}

/** Finds every pair of platforms of which one overtakes the other as the calls grow, fewest calls first. */
export function crossings(workload: Workload, book: PriceBook, platforms: readonly Platform[]): Crossing[] {
  const found: Crossing[] = []
  for (const overtaken of platforms)
    for (const by of platforms) {
      const calls = overtaken === by ? undefined : crossover(workload, book, overtaken, by)
      if (calls !== undefined) found.push({ calls, overtaken, by })
    }
  return found.sort((a, b) => a.calls - b.calls)
}
