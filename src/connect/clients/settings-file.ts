import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { editJsonc } from './jsonc.ts'
import type { ClientFacts } from './table.ts'
import { editToml } from './toml.ts'

export interface Edit {
  file: string
  /** Undefined when the file is not there yet. */
  before: string | undefined
  after: string
}

/** Works out what a client's file becomes with an entry, or without it. Throws CLIENT_SETTINGS_UNREADABLE. */
export function planEdit(
  facts: ClientFacts,
  file: string,
  name: string,
  entry: Record<string, unknown> | undefined,
): Edit {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  try {
    const edit = facts.format === 'toml' ? editToml : editJsonc
    return { file, before, after: edit(before ?? '', [facts.key, name], entry) }
  } catch (error) {
    throw new FairleadError('CLIENT_SETTINGS_UNREADABLE', `${file} cannot be edited: ${(error as Error).message}`, { cause: error }) // prettier-ignore
  }
}

/** Writes the file whole or not at all, and gives back where the old one is kept. A link stays a link. */
export function writeEdit({ file, before, after }: Edit, now: Date = new Date()): string | undefined {
  mkdirSync(dirname(file), { recursive: true })
  const real = before === undefined ? file : realpathSync(file)
  const mode = before === undefined ? 0o600 : statSync(real).mode & 0o777
  const backup = before === undefined ? undefined : `${real}.${now.toISOString().replaceAll(/[:.]/g, '-')}.bak`
  if (backup !== undefined) copyFileSync(real, backup)
  writeFileSync(`${real}.${process.pid}`, after, { mode })
  renameSync(`${real}.${process.pid}`, real)
  return backup
}

/** Shows what changes, with two lines around. */
export function difference({ before = '', after }: Edit): string {
  const [old, fresh] = [before, after].map((text) => text.split(/\r?\n/)) as [string[], string[]]
  let start = 0
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++
  let end = 0
  while (end < old.length - start && end < fresh.length - start && old.at(-1 - end) === fresh.at(-1 - end)) end++
  const around = (lines: string[], from: number, to: number) => lines.slice(Math.max(0, from), to).map((line) => `  ${line}`) // prettier-ignore
  return [
    ...around(fresh, start - 2, start),
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...fresh.slice(start, fresh.length - end).map((line) => `+ ${line}`),
    ...around(fresh, fresh.length - end, fresh.length - end + 2),
  ].join('\n')
}
