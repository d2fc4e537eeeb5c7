import { platformNames, type Platform } from '../platforms.ts'
import { costOf, exact } from './cost.ts'
import { crossings, type Crossing } from './crossover.ts'
import type { PriceBook } from './price-book.ts'
import { scaled, type Workload } from './workload.ts'

/** Cost against calls, for each platform that has all its prices. */
export interface Chart {
  calls: number[]
  lines: { platform: Platform; usd: number[] }[]
  crossings: Crossing[]
}

const first = 3
const last = 9
const perDecade = 8

/** Computes the chart from a thousand to a thousand million calls a month; what else a workload says stays in proportion. */
export function chartOf(workload: Workload, book: PriceBook, platforms: readonly Platform[] = platformNames): Chart {
  const base = workload.calls > 0 ? workload : { ...workload, calls: 20, sessions: 1 }
  const calls = Array.from({ length: (last - first) * perDecade + 1 }, (_, at) => 10 ** (first + at / perDecade))
  const priced = platforms.filter((platform) => costOf(platform, scaled(base, 1e9), book).usd !== undefined)
  const lines = priced.map((platform) => ({
    platform,
    usd: calls.map((each) => exact(costOf(platform, scaled(base, each), book).items)),
  }))
  return { calls, lines, crossings: crossings(base, book, priced) }
}

/** The letter of a platform in the terminal. */
export const letters: Record<Platform, string> = {
  lambda: 'L',
  fargate: 'F',
  'agentcore-runtime': 'R',
  'agentcore-gateway': 'G',
}

const rows = 16

/** The powers of ten between which the costs lie; what is under a cent is drawn as a cent. */
export function decades({ lines }: Chart): { lowest: number; highest: number } {
  const all = lines.flatMap(({ usd }) => usd)
  const lowest = Math.floor(Math.log10(Math.max(0.01, Math.min(...all))))
  return { lowest, highest: Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...all)))) }
}

/** Draws the chart in characters, at most 80 columns wide; both axes are logarithmic. */
export function drawChart(chart: Chart): string {
  const { lowest, highest } = decades(chart)
  const grid = Array.from({ length: rows + 1 }, () => chart.calls.map(() => ' '))
  const rowOf = (usd: number) =>
    Math.round(((highest - Math.log10(Math.max(usd, 10 ** lowest))) / (highest - lowest)) * rows)
  for (const { platform, usd } of chart.lines)
    for (const [column, each] of usd.entries()) {
      const at = rowOf(each)
      grid[at]![column] = grid[at]![column] === ' ' ? letters[platform] : '*'
    }
  const marks = new Map<number, string>()
  for (let power = lowest; power <= highest; power++) marks.set(rowOf(10 ** power), money(power))
  const body = grid.map((line, at) => `  ${(marks.get(at) ?? '').padStart(9)} │${line.join('').trimEnd()}`)
  const axis = `  ${''.padStart(9)} └${'─'.repeat(chart.calls.length)}`
  const labels = ['1 k', '10 k', '100 k', '1 M', '10 M', '100 M', '1 G']
  const under = labels
    .map((label) => label.padEnd(perDecade))
    .join('')
    .trimEnd()
  const key = chart.lines.map(({ platform }) => `${letters[platform]} ${platform}`).join('   ')
  return [
    ...body,
    axis,
    `  ${''.padStart(9)}  ${under}  calls a month`,
    '',
    `  ${key}${chart.lines.length > 1 ? '   * several' : ''}`,
  ].join('\n')
}

/** A power of ten as dollars. */
export function money(power: number): string {
  return power < 0 ? `$${(10 ** power).toFixed(2)}` : `$${(10 ** power).toLocaleString('en-US')}`
}
