import { fileURLToPath } from 'node:url'
import type { Row } from './row.ts'

export const faultsPage = fileURLToPath(new URL('../../docs/faults.md', import.meta.url))

/** The table of docs/faults.md. */
export function faultTable(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ faults, does, on, by, verdict }) =>
      `| ${faults.map((name) => `\`${name}\``).join(' + ')} | ${does.replaceAll('|', '\\|')} | ${on} | ${by} | ${verdict} |`,
  )
  return ['| fault | what it does | where | named by | verdict |', '|---|---|---|---|---|', ...lines].join('\n')
}
