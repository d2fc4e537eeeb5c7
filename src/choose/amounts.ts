import { invalid, hoursAMonth } from './workload.ts'

const factors: Record<string, number> = { '': 1, k: 1e3, m: 1e6, b: 1e9 }
const hours: Record<string, number> = { month: hoursAMonth, day: 24, hour: 1, minute: 1 / 60, second: 1 / 3600 }

/** Reads a month's amount: `100k`, `1.5M`, `100k/month`, `20/second`. Throws WORKLOAD_INVALID. */
export function amount(text: string, flag: string): number {
  const parts = /^(\d[\d_,]*(?:\.\d+)?)([kmb]?)(?:\/(month|day|hour|minute|second))?$/i.exec(text.trim())
  if (!parts)
    throw invalid(`${flag} is ${text}, which is not an amount`, `Write it as in ${flag} 100k, 1.5M or 20/second.`)
  const [, digits, letter = '', period = 'month'] = parts
  const each = Number(digits!.replaceAll(/[_,]/g, '')) * factors[letter.toLowerCase()]!
  return Math.round(each * (hoursAMonth / hours[period.toLowerCase()]!) * 1e6) / 1e6
}

const seconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86_400 }

/** Reads a length of time in seconds: `200ms`, `10m`, `2h`. A number alone is refused, since its unit is not known. */
export function duration(text: string, flag: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$/i.exec(text.trim())
  if (!parts)
    throw invalid(
      `${flag} is ${text}, which is not a length of time`,
      `Write it with its unit, as in ${flag} 200ms, 20s, 10m or 2h.`,
    )
  return Number(parts[1]) * seconds[parts[2]!.toLowerCase()]!
}

/** Reads a plain number that is not negative. */
export function number(text: string, flag: string): number {
  if (!/^\d+(\.\d+)?$/.test(text.trim()))
    throw invalid(`${flag} is ${text}, which is not a number`, `Write it as in ${flag} 512.`)
  return Number(text)
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
