import { prices, priceKeys, type Price, type PriceKey, type Regional } from './prices.ts'

/** The user's own prices of one region, as `fairlead prices refresh` writes them. */
export type Overrides = Record<string, Partial<Record<PriceKey, { usd: number; source: string; date: string }>>>

/** One price in one region, with where it comes from. */
export interface PriceInRegion {
  key: PriceKey
  unit: string
  per: number
  usd: number
  free: number
  source: string
  date: string
  /** Whether the user's own file says so. */
  own: boolean
}

/** The prices of one region: those of the table, under those of the user's own file. */
export interface PriceBook {
  region: string
  get(key: PriceKey): PriceInRegion | undefined
  list(): PriceInRegion[]
  missing(): PriceKey[]
}

/** Opens the price book of a region. A price that was read for another region is never taken for this one. */
export function priceBook(region: string, overrides: Overrides = {}): PriceBook {
  const found = new Map<PriceKey, PriceInRegion>()
  for (const key of priceKeys) {
    const { unit, per, free = 0 }: Price = prices[key]
    const own = overrides[region]?.[key]
    const from = own ?? listed(key, region)
    if (from) found.set(key, { key, unit, per, free, usd: from.usd, source: from.source, date: from.date, own: !!own })
  }
  return {
    region,
    get: (key) => found.get(key),
    list: () => [...found.values()],
    missing: () => priceKeys.filter((key) => !found.has(key)),
  }
}

function listed(key: PriceKey, region: string): Regional | undefined {
  const { usd, source, date, regions }: Price = prices[key]
  if (region === 'us-east-1' || regions === 'all') return { usd, source, date }
  const there = regions?.[region]
  return typeof there === 'number' ? { usd: there, source, date } : there
}

const staleAfterDays = 180

/** Tells which of the given prices were read more than 180 days before `now`. */
export function stalePrices(used: Iterable<PriceInRegion>, now: Date): PriceInRegion[] {
  return [...used].filter(({ date }) => now.getTime() - Date.parse(date) > staleAfterDays * 86_400_000)
}

/** Says it in one line for a reader, or undefined when every price is fresh. */
export function staleWarning(used: Iterable<PriceInRegion>, now: Date): string | undefined {
  const stale = stalePrices(used, now)
  if (stale.length === 0) return undefined
  const oldest = stale.map(({ date }) => date).sort()[0]
  const what = stale.length === 1 ? 'One price is' : `${stale.length} prices are`
  return `${what} older than ${staleAfterDays} days (the oldest of ${oldest}): fairlead prices refresh`
}
