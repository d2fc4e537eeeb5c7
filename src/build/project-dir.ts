import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { FairleadError } from '../errors.ts'

const names = ['fairlead.config.ts', 'fairlead.config.mts', 'fairlead.config.js', 'fairlead.config.mjs']

/** The folder of the project, without reading its configuration. Throws CONFIG_NOT_FOUND. */
export function projectDir(given?: string): string {
  return dirname(findConfig(given))
}

/** The file that `readProject` reads. Throws CONFIG_NOT_FOUND. */
export function findConfig(given?: string): string {
  const start = resolve(given ?? '.')
  const own = configIn(start)
  if (own) return own
  if (given !== undefined) throw new FairleadError('CONFIG_NOT_FOUND', `There is no fairlead.config.ts in ${given}`)
  for (let dir = start; ; dir = dirname(dir)) {
    const found = configIn(dir) ?? configIn(namedProject(dir))
    if (found) return found
    if (dirname(dir) === dir)
      throw new FairleadError('CONFIG_NOT_FOUND', 'There is no fairlead.config.ts here or in a folder above')
  }
}

function configIn(dir: string | undefined): string | undefined {
  return dir === undefined ? undefined : names.map((name) => join(dir, name)).find((file) => existsSync(file))
}

function namedProject(dir: string): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { fairlead?: { project?: unknown } }
    return typeof manifest.fairlead?.project === 'string' ? join(dir, manifest.fairlead.project) : undefined
  } catch {
    return undefined
  }
}
