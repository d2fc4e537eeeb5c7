import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { FairleadError } from '../../errors.ts'

export interface PolicyFile {
  /** As the configuration leads to it. */
  name: string
  text: string
}

/** What the service takes of one gateway in all, so that no file can have more. */
export const maxPoliciesBytes = 200 * 1024

/** The files that `policies` of the configuration names, with `*` in the last part of a path, in the order of their names. */
export function policyPaths(patterns: readonly string[], dir: string): string[] {
  return [...new Set(patterns.flatMap((pattern) => expanded(pattern, dir)))]
}

/** Reads them. Throws GATEWAY_POLICY. */
export function readPolicyFiles(patterns: readonly string[], dir: string): PolicyFile[] {
  const found = patterns.map((pattern) => ({ pattern, names: expanded(pattern, dir) }))
  const empty = found.find(({ names }) => names.length === 0)
  if (empty)
    throw new FairleadError('GATEWAY_POLICY', `\`policies\` names ${empty.pattern}, and there is no such file`, {
      why: 'Without its policies the gateway would refuse every call.',
      fix: 'Write the files, or correct the path: it is relative to the project.',
    })
  const names = [...new Set(found.flatMap((each) => each.names))]
  return names.map((name) => ({ name, text: textOf(resolve(dir, name), name) }))
}

function expanded(pattern: string, dir: string): string[] {
  const last = basename(pattern)
  if (!last.includes('*')) return [pattern]
  const matches = new RegExp(`^${last.split('*').map(escaped).join('[^/]*')}$`)
  return entries(resolve(dir, dirname(pattern)))
    .filter((name) => !name.startsWith('.') && matches.test(name))
    .toSorted()
    .map((name) => join(dirname(pattern), name))
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function textOf(file: string, name: string): string {
  try {
    if (statSync(file).size > maxPoliciesBytes) throw new Error(`it has more than ${maxPoliciesBytes} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0]! : 'it cannot be read'
    throw new FairleadError('GATEWAY_POLICY', `${name} cannot be read: ${said}`, { cause: error })
  }
}
