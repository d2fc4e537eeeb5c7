import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { FairleadError } from '../errors.ts'
import type { Overrides } from './price-book.ts'
import { prices } from './prices.ts'

/** Where the user's own prices are: FAIRLEAD_PRICES, else fairlead/prices.json in the user's configuration folder. */
export function ownPricesFile(env: NodeJS.ProcessEnv = process.env): string {
  return env['FAIRLEAD_PRICES'] ?? join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'fairlead', 'prices.json')
}

/** Reads the user's own prices; none when there is no file. Throws PRICES_INVALID. */
export function readOwnPrices(file: string): Overrides {
  const text = textOf(file)
  if (text === undefined) return {}
  try {
    const regions = (JSON.parse(text) as { regions?: unknown }).regions
    if (typeof regions !== 'object' || regions === null) throw new Error('it has no "regions"')
    for (const [region, rows] of Object.entries(regions as Record<string, unknown>)) checkRows(region, rows)
    return regions as Overrides
  } catch (error) {
    throw new FairleadError('PRICES_INVALID', `${file} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FairleadError('PRICES_INVALID', `${file} cannot be read`, { cause: error })
  }
}

function checkRows(region: string, rows: unknown): void {
  for (const [key, row] of Object.entries(rows as Record<string, unknown>)) {
    const { usd, source, date } = (row ?? {}) as Record<string, unknown>
    if (!Object.hasOwn(prices, key)) throw new Error(`${region} has a price "${key}", which fairlead does not know`)
    if (typeof usd !== 'number' || !Number.isFinite(usd) || usd < 0)
      throw new Error(`${region} "${key}" has no usd of 0 or more`)
    if (typeof source !== 'string' || typeof date !== 'string' || Number.isNaN(Date.parse(date)))
      throw new Error(`${region} "${key}" needs a source and a date`)
  }
}

/** Writes the user's own prices, whole or not at all. */
export function writeOwnPrices(file: string, regions: Overrides): void {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify({ regions }, null, 2)}\n`)
  renameSync(temporary, file)
}
