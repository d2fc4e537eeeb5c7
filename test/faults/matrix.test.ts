import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { runMatrix, type Row } from './matrix.ts'
import { faultTable, faultsPage } from './table.ts'

let rows: Row[]
let falseAlarms: string[]

beforeAll(async () => {
  ;({ rows, falseAlarms } = await runMatrix())
}, 240_000)

describe('the matrix of faults', () => {
  it('has each fault named, and nothing else', () => {
    expect(
      rows.filter(({ right }) => !right).map(({ faults, verdict }) => `${faults.join(' + ')}: ${verdict}`),
    ).toEqual([])
    expect(rows.length).toBeGreaterThanOrEqual(50)
    expect(rows.filter(({ faults }) => faults.length === 2).length).toBeGreaterThanOrEqual(10)
  })

  it('has no false alarm on the healthy stack', () => {
    expect(falseAlarms).toEqual([])
  })

  it('is the table in docs/faults.md', () => {
    expect(readFileSync(faultsPage, 'utf8')).toContain(faultTable(rows))
  })
})
