import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { faults } from '../../src/local/faults.ts'
import { runMatrix } from './matrix.ts'
import type { Row } from './row.ts'
import { faultTable, faultsPage } from './table.ts'

let rows: Row[]
let falseAlarms: string[]

beforeAll(async () => {
  ;({ rows, falseAlarms } = await runMatrix())
}, 400_000)

describe('the matrix of faults', () => {
  it('has each fault named, and nothing else', () => {
    expect(
      rows.filter(({ right }) => !right).map(({ faults, verdict }) => `${faults.join(' + ')}: ${verdict}`),
    ).toEqual([])
    const injected = new Set(rows.flatMap((row) => row.faults))
    expect(Object.keys(faults).filter((name) => !injected.has(name))).toEqual([])
    expect(rows.filter(({ faults }) => faults.length === 2).length).toBeGreaterThanOrEqual(10)
  })

  it('has no false alarm on the healthy stack: explain and doctor are green on its four platforms', () => {
    expect(falseAlarms).toEqual([])
  })

  it('is the table in docs/faults.md', () => {
    expect(readFileSync(faultsPage, 'utf8')).toContain(faultTable(rows))
  })
})
