import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { defaultBase, type Architecture, type PinnedBase } from './base.ts'

/** The file that is committed: what `synth` needs of the outside, by digest. */
export const lockFile = 'fairlead.lock.json'

interface Lock {
  version: 1
  /** By platform: `linux/arm64`. */
  baseImages: Record<string, Omit<PinnedBase, 'platform'>>
}

/** Reads the pinned base image of a project. Throws IMAGE_BASE_UNPINNED, and IMAGE_BASE_INVALID for a file that is no lock. */
export function pinnedBase(
  projectDir: string,
  { reference = defaultBase, arch = 'arm64' }: { reference?: string | undefined; arch?: Architecture } = {},
): PinnedBase {
  const platform = `linux/${arch}` as const
  const pinned = readLock(projectDir).baseImages[platform]
  if (!pinned) throw new FairleadError('IMAGE_BASE_UNPINNED', `${lockFile} pins no base image for ${platform}`)
  if (pinned.reference !== reference)
    throw new FairleadError(
      'IMAGE_BASE_UNPINNED',
      `${lockFile} pins ${pinned.reference}, and the configuration asks for ${reference}`,
    )
  return { ...pinned, platform }
}

/**
 * Writes a base image into the project's lock file, beside what else is pinned there. Gives what was pinned in its place.
 * Throws IMAGE_BASE_UNPINNED where the file cannot be written.
 */
export function pinBase(
  projectDir: string,
  { platform, ...pinned }: PinnedBase,
): Lock['baseImages'][string] | undefined {
  const { baseImages } = readLock(projectDir)
  const lock: Lock = { version: 1, baseImages: { ...baseImages, [platform]: pinned } }
  const file = join(projectDir, lockFile)
  const written = `${file}.${process.pid}.new`
  try {
    writeFileSync(written, `${JSON.stringify(lock, undefined, 2)}\n`)
    renameSync(written, file)
  } catch (cause) {
    throw new FairleadError('IMAGE_BASE_UNPINNED', `${lockFile} cannot be written: ${(cause as Error).message}`, {
      why: 'It lies beside fairlead.config.ts, and is committed with it.',
      fix: `Make the folder writable: ${projectDir}`,
      cause,
    })
  }
  return baseImages[platform]
}

function readLock(projectDir: string): Lock {
  const file = join(projectDir, lockFile)
  if (!existsSync(file)) return { version: 1, baseImages: {} }
  try {
    const lock = JSON.parse(readFileSync(file, 'utf8')) as Partial<Lock>
    if (lock.version === 1 && Object.values(lock.baseImages ?? {}).every(isPinned))
      return { version: 1, baseImages: lock.baseImages ?? {} }
  } catch (cause) {
    throw new FairleadError('IMAGE_BASE_INVALID', `${lockFile} is not JSON`, { cause })
  }
  throw new FairleadError('IMAGE_BASE_INVALID', `${lockFile} is not a lock file of this version`)
}

function isPinned(value: unknown): boolean {
  const pinned = value as Record<string, unknown> | null
  return ['reference', 'digest', 'manifest', 'config'].every((key) => typeof pinned?.[key] === 'string')
}
