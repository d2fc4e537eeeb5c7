// `npm run faults`: injects every fault, prints what was named, and writes the table of docs/faults.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { runMatrix } from './matrix.ts'
import { faultTable, faultsPage } from './table.ts'

const { rows, falseAlarms } = await runMatrix()
for (const { faults, verdict, right } of rows)
  console.log(`${right ? '✓' : '✗'} ${faults.join(' + ').padEnd(44)} ${verdict}`)
const wrong = rows.filter(({ right }) => !right).length
console.log(
  `\n${rows.length - wrong} of ${rows.length} faults named; false alarms on the healthy stack: ${falseAlarms.join(', ') || 'none'}`,
)
if (wrong + falseAlarms.length > 0) process.exitCode = 6
else {
  const page = readFileSync(faultsPage, 'utf8')
  writeFileSync(faultsPage, `${page.slice(0, page.indexOf('| fault |'))}${faultTable(rows)}\n`)
}
