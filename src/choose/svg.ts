import type { Platform } from '../platforms.ts'
import { decades, money, type Chart } from './chart.ts'
import { spoken } from './amounts.ts'

const width = 860
const height = 520
const left = 84
const right = 660
const top = 56
const bottom = 452

/** Told apart without colour too: each line has a dash of its own, and its name stands at its end. */
const strokes: Record<Platform, { colour: string; dash: string }> = {
  lambda: { colour: '#c2410c', dash: '' },
  fargate: { colour: '#1d4ed8', dash: '10 4' },
  'agentcore-runtime': { colour: '#7e22ce', dash: '3 3' },
  'agentcore-gateway': { colour: '#15803d', dash: '12 3 3 3' },
}

/** Draws the chart as an SVG document of its own, on white, with no script, font or address in it. */
export function svgOf(chart: Chart, title: string): string {
  const { lowest, highest } = decades(chart)
  const x = (calls: number) => left + ((Math.log10(calls) - 3) / 6) * (right - left)
  const y = (usd: number) =>
    top + ((highest - Math.log10(Math.max(usd, 10 ** lowest))) / (highest - lowest)) * (bottom - top)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${left}" y="28" font-size="16" fill="#111827">${escaped(title)}</text>`,
  ]
  for (let power = lowest; power <= highest; power++) {
    const at = y(10 ** power).toFixed(1)
    parts.push(`<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="#e5e7eb"/>`)
    parts.push(`<text x="${left - 8}" y="${at}" dy="4" text-anchor="end" fill="#374151">${money(power)}</text>`)
  }
  for (let power = 3; power <= 9; power++) {
    const at = x(10 ** power).toFixed(1)
    parts.push(`<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}" stroke="#e5e7eb"/>`)
    parts.push(`<text x="${at}" y="${bottom + 20}" text-anchor="middle" fill="#374151">${spoken(10 ** power)}</text>`)
  }
  parts.push(
    `<text x="${(left + right) / 2}" y="${bottom + 44}" text-anchor="middle" fill="#111827">calls a month</text>`,
  )
  for (const { platform, usd } of chart.lines) {
    const { colour, dash } = strokes[platform]
    const points = usd.map((each, at) => `${x(chart.calls[at]!).toFixed(1)},${y(each).toFixed(1)}`).join(' ')
    const dashed = dash === '' ? '' : ` stroke-dasharray="${dash}"`
    parts.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2.5"${dashed}/>`)
  }
  for (const { platform, at } of spread(chart.lines.map(({ platform, usd }) => ({ platform, at: y(usd.at(-1)!) }))))
    parts.push(
      `<text x="${right + 12}" y="${at.toFixed(1)}" dy="4" fill="${strokes[platform].colour}">${platform}</text>`,
    )
  for (const { calls, overtaken, by } of chart.crossings.filter(({ calls }) => calls <= 1e9)) {
    const line = chart.lines.find(({ platform }) => platform === by)!
    const usd = between(chart.calls, line.usd, calls)
    parts.push(`<circle cx="${x(calls).toFixed(1)}" cy="${y(usd).toFixed(1)}" r="4" fill="#111827">`)
    parts.push(`<title>${by} costs less than ${overtaken} from ${spoken(calls)} calls</title></circle>`)
    parts.push(
      `<text x="${(x(calls) - 8).toFixed(1)}" y="${(y(usd) - 8).toFixed(1)}" text-anchor="end" font-size="11" fill="#111827">${spoken(calls)}</text>`,
    )
  }
  return `${parts.join('\n')}\n</svg>\n`
}

/** Moves names apart that would stand on each other. */
function spread(names: { platform: Platform; at: number }[]): { platform: Platform; at: number }[] {
  const sorted = [...names].sort((a, b) => a.at - b.at)
  for (let each = 1; each < sorted.length; each++)
    sorted[each]!.at = Math.max(sorted[each]!.at, sorted[each - 1]!.at + 16)
  return sorted
}

function between(calls: number[], usd: number[], at: number): number {
  const after = Math.max(
    1,
    calls.findIndex((each) => each >= at),
  )
  const share = Math.log(at / calls[after - 1]!) / Math.log(calls[after]! / calls[after - 1]!)
  return usd[after - 1]! * (usd[after]! / usd[after - 1]!) ** share
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
