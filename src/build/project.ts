import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkConfig } from '../config-check.ts'
import type { FairleadConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { findConfig } from './project-dir.ts'

export interface Project {
  /** The folder with the configuration. */
  dir: string
  configFile: string
  config: FairleadConfig
}

/**
 * Finds and reads the project that a command works on: the folder given, else the nearest one upwards with a
 * fairlead.config.ts, else the one that a package.json on the way names as `fairlead.project`.
 * Throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_INVALID.
 */
export async function readProject(given?: string): Promise<Project> {
  const configFile = findConfig(given)
  const config = checkConfig(await importFresh(configFile), 'fairlead.config.ts')
  return { dir: dirname(configFile), configFile, config }
}

/** What `npm init` writes, `"type": "commonjs"`, makes a file with `import` or `export` one that cannot be read. */
function hint(error: unknown, file: string): { why?: string; fix?: string } {
  if (!(error instanceof SyntaxError) || !/outside a module|Unexpected token 'export'/.test(error.message)) return {}
  const manifest = findPackageJSON(pathToFileURL(file))
  const { type } = JSON.parse(manifest === undefined ? '{}' : readFileSync(manifest, 'utf8')) as { type?: unknown }
  if (type !== 'commonjs') return {}
  return { why: `${manifest} says "type": "commonjs", and it is an ES module.`, fix: 'npm pkg set type=module' }
}

let reads = 0

/** Imports a module as it is now: Node keeps what it imported once, so each read has a query of its own. */
async function importFresh(file: string): Promise<unknown> {
  try {
    const module = (await import(`${pathToFileURL(file).href}?read=${reads++}`)) as { default?: unknown }
    return module.default
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]! : String(error)
    throw new FairleadError('CONFIG_UNREADABLE', `${file} cannot be read: ${said}`, {
      cause: error,
      ...hint(error, file),
    })
  }
}
