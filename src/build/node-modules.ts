import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { FairleadError } from '../errors.ts'

interface Manifest {
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

export interface PackageFile {
  /** From the folder: `node_modules/…`. */
  name: string
  path: string
}

/**
 * Lists the files of the packages that a folder's package.json needs to run, and of those that they need; none without a
 * package.json or `dependencies`. Packages that npm put into a node_modules further up are placed into the folder's own.
 * Throws COMMAND_FILES when a package is not installed, or when two versions claim one place.
 */
export function nodeModules(folder: string): PackageFile[] {
  const manifest = read(folder)
  if (!manifest) return []
  const placed = new Map<string, string>()
  const add = (from: string, needs: Manifest) => {
    for (const { name, optional } of wanted(needs)) {
      const dir = find(from, name)
      if (!dir && optional) continue
      if (!dir)
        throw new FairleadError('COMMAND_FILES', `The package ${name} is not installed`, {
          why: 'The command’s package.json needs it to run, so it must go along.',
          fix: `npm install, in ${folder}`,
        })
      const at = placeOf(dir, folder)
      const before = placed.get(at)
      if (before !== undefined && before !== dir)
        throw new FairleadError('COMMAND_FILES', `Two versions of ${name} claim ${at}`, {
          fix: 'Install in the folder of the command itself, or bundle it into one file with esbuild.',
        })
      if (before !== undefined) continue
      placed.set(at, dir)
      add(dir, read(dir) ?? {})
    }
  }
  add(folder, { ...manifest, peerDependencies: {} })
  return [...placed].flatMap(([at, dir]) =>
    [...walk(dir)].map((file) => ({ name: `${at}/${file}`, path: join(dir, file) })),
  )
}

function wanted({
  dependencies = {},
  optionalDependencies = {},
  peerDependencies = {},
  peerDependenciesMeta = {},
}: Manifest) {
  const optional = { ...optionalDependencies }
  for (const name of Object.keys(peerDependencies)) if (peerDependenciesMeta[name]?.optional) optional[name] = '*'
  const names = new Set([
    ...Object.keys(dependencies),
    ...Object.keys(optionalDependencies),
    ...Object.keys(peerDependencies),
  ])
  return [...names].toSorted().map((name) => ({ name, optional: name in optional }))
}

/** As Node looks for a package: in node_modules beside, then further up. */
function find(from: string, name: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const found = join(dir, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return found
    if (dirname(dir) === dir) return undefined
  }
}

/** `node_modules/a/node_modules/b`: the same below the folder, and below a node_modules further up. */
function placeOf(dir: string, folder: string): string {
  const path = dir.startsWith(folder + sep) ? dir.slice(folder.length) : dir
  const parts = path.split(sep)
  return parts.slice(parts.indexOf('node_modules')).join('/')
}

/** Files of one package; those of the packages within it are listed by themselves. */
function* walk(dir: string, below = ''): Generator<string> {
  for (const name of readdirSync(join(dir, below)).toSorted()) {
    if (name === 'node_modules' || name === '.bin' || name === '.git') continue
    const path = below === '' ? name : `${below}/${name}`
    const stat = lstatSync(join(dir, path))
    if (stat.isDirectory()) yield* walk(dir, path)
    else if (stat.isFile()) yield path
  }
}

function read(dir: string): Manifest | undefined {
  const file = join(dir, 'package.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined
}
