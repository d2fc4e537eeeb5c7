import type { Command } from 'commander'
import { ownPricesFile, readOwnPrices, writeOwnPrices } from '../../choose/own-prices.ts'
import { priceBook, type PriceInRegion } from '../../choose/price-book.ts'
import { publicPriceList, readPriceList } from '../../choose/price-list.ts'
import type { PriceKey } from '../../choose/prices.ts'
import { checkRegion } from '../../choose/regions.ts'
import { newCommand, run, type Io, type Result } from '../output.ts'
import { wrapped } from '../wrap.ts'
import { priceNotes } from '../workload-options.ts'

interface PricesOptions {
  region?: string
  from?: string
}

export function pricesCommand(): Command {
  const command = newCommand('prices', 'the prices that choose and cost count with')
    .option('--region <region>', '(us-east-1)')
    .enablePositionalOptions()
    .action(() => run(command, async (io) => list(command.opts<PricesOptions>(), io)))
  const refresh = newCommand('refresh', 'read the public AWS price list into your own file')
    .option('--region <region>', '(us-east-1)')
    .option('--from <url>', `where the list is (${publicPriceList})`)
  refresh.action(() => {
    // What is said before the word refresh counts too.
    if (command.opts<{ json?: boolean }>().json) refresh.setOptionValue('json', true)
    return run(refresh, async (io) => read({ ...command.opts<PricesOptions>(), ...refresh.opts<PricesOptions>() }, io))
  })
  return command.addCommand(refresh)
}

function list({ region = 'us-east-1' }: PricesOptions, io: Io): Result {
  const file = ownPricesFile()
  const book = priceBook(checkRegion(region), readOwnPrices(file))
  const notes = priceNotes(book.list(), file)
  for (const note of notes) io.note(note)
  return {
    data: { region, file, prices: book.list(), missing: book.missing(), notes },
    text: [
      `US dollars, list price, ${region}. Your own prices: ${book.list().some(({ own }) => own) ? '' : 'none yet, '}in`,
      `  ${file}`,
      '',
      ...book.list().flatMap(row),
      ...(book.missing().length > 0 ? ['', `No price for ${region}: fairlead prices refresh --region ${region}`] : []),
      ...book.missing().map((key) => `  ${key}`),
    ].join('\n'),
  }
}

function row({ key, usd, per, unit, free, source, date, own }: PriceInRegion): string[] {
  const price = `$${usd}`.padStart(14)
  const off = free > 0 ? `, ${free.toLocaleString('en-US')} free` : ''
  return [
    `  ${key.padEnd(26)}${price}  per ${per === 1 ? unit.replace(/s$/, '') : `${per.toLocaleString('en-US')} ${unit}`}`,
    ...(off === '' ? [] : [`      ${off.slice(2)} a month`]),
    ...wrapped(`${date}  ${own ? 'your own: ' : ''}${source}`, '      ', '                  '),
  ]
}

async function read({ region = 'us-east-1', from }: PricesOptions, io: Io): Promise<Result> {
  checkRegion(region)
  const file = ownPricesFile()
  const own = readOwnPrices(file)
  const before = priceBook(region, own)
  io.note(`Reading ${from ?? publicPriceList}`)
  const { found, notFound } = await readPriceList({
    region,
    ...(from ? { url: from } : {}),
    note: (text) => io.note(text),
  })
  const after = { ...own, [region]: { ...own[region], ...found } }
  writeOwnPrices(file, after)
  const changed = (Object.keys(found) as PriceKey[])
    .map((key) => ({ key, before: before.get(key)?.usd ?? null, after: found[key]!.usd }))
    .filter((each) => each.before !== each.after)
  const same = Object.keys(found).length - changed.length
  return {
    data: { region, file, found, changed, notFound },
    text: [
      `Wrote ${Object.keys(found).length} prices of ${region} to ${file}`,
      `${changed.length} differ from what was used before, ${same} are the same`,
      ...changed.map(
        ({ key, before: old, after: now }) => `  ${key.padEnd(28)}${old === null ? 'missing' : `$${old}`} → $${now}`,
      ),
      ...(notFound.length > 0 ? ['', 'Not taken from the list:'] : []),
      ...notFound.map(({ key, why }) => `  ${key.padEnd(28)}${why}`),
    ].join('\n'),
  }
}
