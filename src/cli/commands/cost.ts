import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { projectDir } from '../../build/project-dir.ts'
import { amount, spoken } from '../../choose/amounts.ts'
import { chartOf, drawChart } from '../../choose/chart.ts'
import { cents, costOf, type Cost, type LineItem } from '../../choose/cost.ts'
import { svgOf } from '../../choose/svg.ts'
import { readTraffic, type Traffic } from '../../choose/traffic.ts'
import { workload, type Workload } from '../../choose/workload.ts'
import { FairleadError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { platformNames, type Platform } from '../../platforms.ts'
import { newCommand, run } from '../output.ts'
import { wrapped } from '../wrap.ts'
import {
  callersWords,
  dollars,
  givenWorkload,
  openBook,
  priceNotes,
  withWorkload,
  type WorkloadOptions,
} from '../workload-options.ts'

export function costCommand(): Command {
  const command = withWorkload(newCommand('cost', 'what a workload costs in a month, line by line'), true)
    .option('--callers <who>', 'aws, public or both (aws)')
    .option('--no-waf', 'no web ACL in front of fargate')
    .option('--no-free-tier', 'without the perpetual free tier')
    .option('--on <platform>', 'one platform (all four)')
    .option('--from-traffic [file]', 'what fairlead dev recorded, scaled to a month')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
    .option('--chart', 'draw cost against calls')
    .option('--svg <file>', 'write the chart as SVG')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<WorkloadOptions>()
      const traffic = trafficOf(options)
      const whole = workloadOf(options, traffic)
      const { book, file } = openBook(whole.region)
      const platforms = options['on'] === undefined ? platformNames : [platformOf(String(options['on']))]
      const costs = platforms.map((platform) => costOf(platform, whole, book))
      if (costs.every(({ usd }) => usd === undefined)) throw priceMissing(costs, whole.region)
      const notes = priceNotes(
        costs.flatMap(({ items }) => items.map(({ price }) => price)),
        file,
      )
      for (const note of notes) io.note(note)
      const chart = options['chart'] || options['svg'] !== undefined ? chartOf(whole, book, platforms) : undefined
      if (typeof options['svg'] === 'string') writeChart(options['svg'], svgOf(chart!, chartTitle(whole)))
      return {
        data: {
          workload: whole,
          ...(traffic ? { traffic } : {}),
          platforms: costs.map(asData),
          ...(chart ? { crossings: chart.crossings } : {}),
          ...(typeof options['svg'] === 'string' ? { svg: options['svg'] } : {}),
          notes,
        },
        text: [
          ...(traffic ? [trafficText(traffic), ''] : []),
          title(whole),
          ...costs.flatMap((cost) => ['', ...costText(cost, whole.region)]),
          ...(options['chart'] ? ['', drawChart(chart!)] : []),
          ...(chart && chart.lines.length > 1 ? ['', ...crossingsText(chart.crossings)] : []),
          ...(typeof options['svg'] === 'string' ? ['', `wrote ${options['svg']}`] : []),
        ].join('\n'),
      }
    }),
  )
}

function workloadOf(options: WorkloadOptions, traffic: Traffic | undefined): Workload {
  const given = givenWorkload(options)
  if (options['callers'] !== undefined)
    given.callers = callersWords(String(options['callers']), '--callers') as Workload['callers']
  if (options['waf'] === false) given.waf = false
  if (options['freeTier'] === false) given.freeTier = false
  const calls = typeof options['calls'] === 'string' ? amount(options['calls'], '--calls') : traffic?.workload.calls
  if (calls === undefined)
    throw new FairleadError('USAGE', '--calls is missing: how many tool calls a month?', {
      why: 'A cost is of a number of calls.',
      fix: 'fairlead cost --calls 100k, or --from-traffic for what fairlead dev recorded',
    })
  if (!traffic) return workload({ ...given, calls })
  const sessions = (traffic.workload.sessions / traffic.workload.calls) * calls
  const cpuMs = Math.min(traffic.workload.cpuMs, given.durationMs ?? traffic.workload.durationMs)
  return workload({ ...traffic.workload, sessions, cpuMs, ...given, calls })
}

function trafficOf(options: WorkloadOptions): Traffic | undefined {
  const from = options['fromTraffic']
  if (from === undefined) return undefined
  const project = typeof options['project'] === 'string' ? options['project'] : undefined
  return readTraffic(typeof from === 'string' ? from : join(projectDir(project), '.fairlead', 'traffic.jsonl'))
}

function trafficText({ records, toolCalls, windowS, from, to, skipped }: Traffic): string {
  const window = windowS < 7200 ? `${(windowS / 60).toFixed(1)} minutes` : `${(windowS / 3600).toFixed(1)} hours`
  return [
    `From ${records} requests (${toolCalls} tool calls) in ${window}, ${from} to ${to}.`,
    'Scaled as if every hour of the month were like them.',
    ...(skipped > 0 ? [`Lines that could not be read and were left out: ${skipped}.`] : []),
  ].join('\n')
}

function title({ calls, durationMs, memoryMb, sessions, region, freeTier }: Workload): string {
  return `${spoken(calls)} calls a month of ${spokenMs(durationMs)}, ${memoryMb} MB, ${spoken(sessions)} sessions, ${region}, ${freeTier ? '' : 'no '}free tier`
}

/** The calls are the axis, so the title leaves them out. */
function chartTitle({ durationMs, memoryMb, region, freeTier }: Workload): string {
  return `Cost a month against calls of ${spokenMs(durationMs)}, ${memoryMb} MB, ${region}, ${freeTier ? '' : 'no '}free tier`
}

function spokenMs(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`
}

function costText({ platform, usd, items, missing }: Cost, region: string): string[] {
  return [
    `${platform.padEnd(62)}${dollars(usd).padStart(14)}`,
    ...items.map(
      (line) => `  ${line.item.padEnd(25)}${counted(line)}`.padEnd(64) + dollars(cents(line.usd)).padStart(12),
    ),
    ...(missing.length > 0
      ? [
          ...wrapped(`no price for ${region}: ${missing.join(', ')}`, '  ', '    '),
          `  fairlead prices refresh --region ${region}`,
        ]
      : []),
  ]
}

function counted({ quantity, free, price: { unit, usd, per } }: LineItem): string {
  if (free === quantity) return `${short(quantity)} ${unit}, free`
  const some = free > 0 ? `${short(quantity - free)} of ${short(quantity)}` : short(quantity)
  return `${some} ${unit} × $${usd}${per === 1 ? '' : ` per ${short(per)}`}`
}

function short(value: number): string {
  return spoken(value).replace(' ', '')
}

function crossingsText(found: { calls: number; overtaken: Platform; by: Platform }[]): string[] {
  if (found.length === 0) return ['No platform overtakes another as the calls grow.']
  return found.map(
    ({ calls, overtaken, by }) => `from ${spoken(calls)} calls a month ${by} costs less than ${overtaken}`,
  )
}

function asData({ platform, usd, items, missing }: Cost): unknown {
  return {
    platform,
    usd: usd ?? null,
    items: items.map(({ item, quantity, free, usd: each, price }) => {
      const { key, unit, per, usd: rate, source, date, own } = price
      return {
        item,
        usd: Number(each.toFixed(6)),
        quantity,
        free,
        unit,
        price: { key, usd: rate, per, source, date, own },
      }
    }),
    missing,
  }
}

function platformOf(name: string): Platform {
  if ((platformNames as string[]).includes(name)) return name as Platform
  const meant = nearest(name, platformNames)
  throw new FairleadError('USAGE', `There is no platform ${name}${meant ? `; did you mean ${meant}?` : ''}`, {
    fix: `--on takes ${platformNames.join(', ')}`,
  })
}

function priceMissing(costs: Cost[], region: string): FairleadError {
  const keys = [...new Set(costs.flatMap(({ missing }) => missing))]
  return new FairleadError('PRICE_MISSING', `There is no price for ${region} of ${keys.join(', ')}`, {
    fix: `fairlead prices refresh --region ${region}`,
  })
}

function writeChart(file: string, svg: string): void {
  try {
    writeFileSync(file, svg)
  } catch (error) {
    throw new FairleadError('USAGE', `${file} cannot be written: ${(error as NodeJS.ErrnoException).code}`, {
      why: 'The file that --svg names could not be made.',
      fix: 'Name a file in a folder that is there.',
      cause: error,
    })
  }
}
