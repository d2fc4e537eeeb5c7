import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A file of ours: compiled beside this one, or a source when this one runs from sources. */
export function ownFile(path: string): string {
  const compiled = fileURLToPath(new URL(`../${path}.js`, import.meta.url))
  return existsSync(compiled) ? compiled : compiled.replace(/\.js$/, '.ts')
}
