import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { templateRules } from '../../src/doctor/template.ts'
import { fairlead } from '../cli/support.ts'
import type { Row } from './row.ts'
import { breakTemplate, goodTemplate } from './templates.ts'

/** Each rule for templates with a template that has its fault alone; and one that has none. */
export async function templateRows(dir: string): Promise<{ rows: Row[]; alarms: string[] }> {
  await mkdir(join(dir, 'templates'))
  const lint = async (name: string, template: unknown) => {
    const file = join(dir, 'templates', `${randomBytes(6).toString('hex')}.json`)
    await writeFile(file, JSON.stringify(template))
    const { stdout } = await fairlead(['doctor', '--json', '--template', file], { cwd: dir })
    return (JSON.parse(stdout) as { data: { findings: { id: string; says: string }[] } }).data.findings
  }
  const alarms = (await lint('good', goodTemplate())).map(({ id }) => `template: ${id}`)
  const names = Object.keys(templateRules) as (keyof typeof templateRules)[]
  const rows: Row[] = []
  // Two at a time: each is a process.
  for (let at = 0; at < names.length; at += 2)
    rows.push(
      ...(await Promise.all(
        names.slice(at, at + 2).map(async (name): Promise<Row> => {
          const template = goodTemplate()
          breakTemplate[name](template.Resources)
          const found = await lint(name, template)
          return {
            faults: [name],
            on: 'template',
            does: found[0]?.says ?? '',
            by: 'doctor --template',
            verdict: found.map(({ id }) => id).join(', '),
            right: found.length === 1 && found[0]!.id === name,
          }
        }),
      )),
    )
  return { rows, alarms }
}
