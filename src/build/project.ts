import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkConfig } from '../config-check.ts'
import type { FairleadConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'

const names = ['fairlead.config.ts', 'fairlead.config.mts', 'fairlead.config.js', 'fairlead.config.mjs']

export interface Project {
  /** The folder with the configuration. */
  dir: string
  configFile: string
  config: FairleadConfig
}

/**
 * Finds and reads the project that a command works on: the folder given, else the nearest one upwards with a
 * fairlead.config.ts, else the one that a package.json on the way names as `fairlead.project`.
 * Throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_INVALID, PLATFORM_NOT_BUILT.
 */
export async function readProject(given?: string): Promise<Project> {
  const configFile = findConfig(given)
  const config = checkConfig(await importFresh(configFile), 'fairlead.config.ts')
  return { dir: dirname(configFile), configFile, config }
}

/** The folder of the project, without reading its configuration. Throws CONFIG_NOT_FOUND. */
export function projectDir(given?: string): string {
  return dirname(findConfig(given))
}

function findConfig(given?: string): string {
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

let reads = 0

/** Imports a module as it is now: Node keeps what it imported once, so each read has a query of its own. */
async function importFresh(file: string): Promise<unknown> {
  try {
    const module = (await import(`${pathToFileURL(file).href}?read=${reads++}`)) as { default?: unknown }
    return module.default
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]! : String(error)
    throw new FairleadError('CONFIG_UNREADABLE', `${file} cannot be read: ${said}`, { cause: error })
  }
}
