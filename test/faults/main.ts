// `npm run faults`: injects every fault, prints what was named, and writes the table of docs/faults.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { explanationText } from '../../src/cli/explanation-text.ts'
import { runMatrix } from './matrix.ts'
import { fortyPage, fortyText } from './forty.ts'
import { faultTable, faultsPage } from './table.ts'

const { rows, falseAlarms } = await runMatrix()
for (const { faults, on, verdict, right } of rows)
  console.log(`${right ? '✓' : '✗'} ${faults.join(' + ').padEnd(44)} ${on.padEnd(18)} ${verdict}`)
const wrong = rows.filter(({ right }) => !right).length
console.log(
  `\n${rows.length - wrong} of ${rows.length} faults named; false alarms on the healthy stack: ${falseAlarms.join(', ') || 'none'}`,
)
if (wrong + falseAlarms.length > 0) process.exitCode = 6
else {
  const page = readFileSync(faultsPage, 'utf8')
  writeFileSync(faultsPage, `${page.slice(0, page.indexOf('| fault |'))}${faultTable(rows)}\n`)
  writeFileSync(fortyPage, fortyText())
  keepExamples()
}

/** The first fault of each code is the example on its page: npm run docs reads it. */
function keepExamples(): void {
  const folder = new URL('./examples/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const said = rows.flatMap((row) => (row.said?.code ? [[row.said.code, row.said] as const] : []))
  // Its first lines say it; the steps are long.
  for (const [code, explanation] of new Map(said.toReversed()))
    writeFileSync(new URL(`${code}.txt`, folder), `${explanationText({ ...explanation, steps: [] }).trimEnd()}\n`)
}
