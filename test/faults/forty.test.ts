import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checks } from '../../src/doctor/checks.ts'
import { templateRules } from '../../src/doctor/template.ts'
import { faults } from '../../src/local/faults.ts'
import { forty, fortyPage, fortyText } from './forty.ts'

const root = new URL('../../', import.meta.url)

describe('the forty faults', () => {
  it('are each found by something that exists, with a fixture', () => {
    expect(forty).toHaveLength(40)
    const broken = readFileSync(new URL('test/doctor/broken.test.ts', root), 'utf8')
    for (const row of forty) {
      for (const each of row.faults ?? []) expect(faults, row.fault).toHaveProperty(each)
      for (const each of row.rules ?? []) expect(templateRules, row.fault).toHaveProperty(each)
      for (const { id, example } of row.checks ?? []) {
        expect(checks, row.fault).toHaveProperty(id)
        expect(existsSync(new URL(`examples/broken/${example}.ts`, root)), example).toBe(true)
        // The server is run, and this check is asked for by its name.
        expect(broken).toContain(`'${example}'`)
        expect(broken).toContain(`'${id}'`)
      }
      for (const { file, says } of row.tests ?? [])
        expect(readFileSync(new URL(file, root), 'utf8'), row.fault).toContain(says)
      const finders = [row.faults, row.rules, row.checks, row.tests].map((each) => each?.length ?? 0)
      expect(Math.max(...finders), row.fault).toBeGreaterThan(0)
    }
  })

  it('are the table in docs/faults-of-aws.md', () => {
    expect(readFileSync(fortyPage, 'utf8')).toBe(fortyText())
  })
})
