import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import type { Command } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { nodeModules } from './node-modules.ts'

export interface CommandFile {
  /** From the project's folder, with slashes. */
  name: string
  path: string
}

export interface CommandFiles {
  files: CommandFile[]
  warnings: string[]
}

/** What Lambda and AgentCore Runtime take, unpacked. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25) */
const mostBytes = 250 * 1024 * 1024
const mostFiles = 20_000

/** What a command never needs where it is deployed. Names that begin with a dot hold settings and secrets of this machine. */
const leftOut = (name: string) =>
  name.startsWith('.') || ['node_modules', '__pycache__', 'venv', 'cdk.out'].includes(name)

/**
 * Lists the files that a command needs where it is deployed: its folder (`cwd`, else the project's), without what begins
 * with a dot, Python's caches and virtual environments; and of node_modules the packages that its package.json needs to run.
 * Throws COMMAND_FILES when something is outside of that folder or when it is too much.
 */
export function commandFiles(projectDir: string, command: Command): CommandFiles {
  const root = realpathSync(projectDir)
  const folder = resolve(root, command.cwd ?? '.')
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new FairleadError('COMMAND_FILES', `There is no folder ${command.cwd}, where the command runs`)
  if (!isWithin(folder, root)) throw refusal(`\`server.cwd\` is ${command.cwd}, which is outside of the project`)
  for (const word of [command.command, ...(command.args ?? [])]) refuseOutside(word, folder)
  const files = [...walk(folder)].map((path) => ({ name: nameOf(path, root), path }))
  const packages = nodeModules(folder)
  files.push(...packages.map(({ name, path }) => ({ name: nameOf(join(folder, name), root), path })))
  files.sort((a, b) => (a.name < b.name ? -1 : 1))
  bound(files)
  const native = packages.filter(({ name }) => name.endsWith('.node'))
  return {
    files,
    warnings: native
      .slice(0, 3)
      .map(({ name }) => `${name} is native code: it must be for Linux on arm64, where AWS runs it`),
  }
}

/** A word of the command that is a file must go along. */
function refuseOutside(word: string, folder: string): void {
  if (!word.includes('/') && !word.includes(sep)) return
  const path = resolve(folder, word)
  if (existsSync(path) && !isWithin(realpathSync(path), folder))
    throw refusal(`The command names ${word}, which is outside of the folder that it runs in`)
}

function* walk(folder: string): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    if (leftOut(name)) continue
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) refuseOutside(path, folder)
    const kind = stat.isSymbolicLink() ? statSync(path) : stat
    if (kind.isDirectory()) {
      if (stat.isSymbolicLink()) throw refusal(`${name} is a link to a folder`)
      yield* walk(path)
    } else if (kind.isFile()) yield path
  }
}

function bound(files: readonly CommandFile[]): void {
  const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0)
  if (files.length <= mostFiles && bytes <= mostBytes) return
  const [largest] = biggestFolders(files)
  throw new FairleadError(
    'COMMAND_FILES',
    `The command’s folder has ${files.length} files and ${Math.ceil(bytes / 1e6)} MB; AWS takes 250 MB, and fairlead ${mostFiles} files`,
    { why: `Most of it is ${largest}.`, fix: 'Give the command a folder of its own, and name it: server: { cwd: … }' },
  )
}

function biggestFolders(files: readonly CommandFile[]): string[] {
  const sums = new Map<string, number>()
  for (const { name, path } of files) {
    const top = name.split('/').slice(0, 2).join('/')
    sums.set(top, (sums.get(top) ?? 0) + statSync(path).size)
  }
  return [...sums].toSorted(([, a], [, b]) => b - a).map(([name]) => name)
}

function refusal(message: string): FairleadError {
  return new FairleadError('COMMAND_FILES', message)
}

function nameOf(path: string, root: string): string {
  return relative(root, path).split(sep).join('/')
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

/** The distributions of a requirements.txt that are not in the folder: AWS installs nothing. */
export function missingRequirements(projectDir: string, { cwd = '.' }: Command): string[] {
  const folder = resolve(projectDir, cwd)
  const file = join(folder, 'requirements.txt')
  if (!existsSync(file)) return []
  const there = new Set([folder, join(folder, packagesFolder)].flatMap(distributions))
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(line)?.[1] ?? [])
    .filter((name) => !there.has(canonical(name)))
}

/** Where packages of Python are looked for beside the folder itself. */
export const packagesFolder = 'package'

function distributions(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => {
    const [, distribution] = /^(.+?)-[^-]+\.dist-info$/.exec(name) ?? []
    return distribution === undefined ? [] : [canonical(distribution)]
  })
}

/** @see https://packaging.python.org/en/latest/specifications/name-normalization/ */
function canonical(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-')
}
