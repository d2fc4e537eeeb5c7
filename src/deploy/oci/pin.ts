import type { FairleadConfig } from '../../config.ts'
import { FairleadError, type ErrorCode } from '../../errors.ts'
import { ecrBaseCredentials } from '../ecr-base.ts'
import type { CredentialSource } from '../toolkit-clients.ts'
import { defaultBase, type PinnedBase } from './base.ts'
import { lockFile, pinBase, pinnedBase } from './lock.ts'
import type { RegistryOptions } from './registry.ts'
import { resolveBase } from './resolve-base.ts'

/** How a base image is asked for that is not pinned yet. */
export interface Pinning extends Pick<RegistryOptions, 'fetch' | 'wait'> {
  /** Told in one line what was pinned. */
  note(line: string): void
  env?: NodeJS.ProcessEnv
  /** Whose credentials a base in Amazon ECR is read with; those of the standard chain when absent. */
  aws?: CredentialSource
}

/** What the images of a project stand on: one base for all of them. */
export function baseReference({ platforms }: FairleadConfig): string {
  return (
    platforms.fargate?.baseImage ??
    platforms['agentcore-runtime']?.baseImage ??
    platforms['agentcore-gateway']?.fargate?.baseImage ??
    defaultBase
  )
}

/**
 * Gives the base image that a project pins, and asks no network for it. Where the project pins none, or another than is asked
 * for, the registry is asked once and the answer is pinned, as npm does with its own lock file; on CI, and without `pinning`,
 * that is refused. Throws IMAGE_BASE_UNPINNED and what `askAndPin` throws.
 */
export async function baseOrAsk(
  projectDir: string,
  reference: string,
  pinning: Pinning | undefined,
): Promise<PinnedBase> {
  let unpinned: FairleadError
  try {
    return pinnedBase(projectDir, { reference })
  } catch (error) {
    if (!(error instanceof FairleadError) || error.code !== 'IMAGE_BASE_UNPINNED' || !pinning) throw error
    unpinned = error
  }
  const { CI } = pinning.env ?? process.env
  if (CI && !/^(false|0)$/i.test(CI))
    throw new FairleadError('IMAGE_BASE_UNPINNED', unpinned.message, {
      why: 'CI is set, and there nothing is pinned by itself: what a build stands on comes with the source.',
      fix: `On your own machine: fairlead build --image, then commit ${lockFile}. Here all the same: fairlead build --image --update-base`,
    })
  return askAndPin(projectDir, reference, pinning, unpinned.message)
}

/**
 * Asks the registry what a base image is now, pins it, and says so. Throws UNREACHABLE, REGISTRY_DENIED, REGISTRY_FAILED,
 * IMAGE_BASE_INVALID, IMAGE_DIGEST, and IMAGE_BASE_UNPINNED where the lock file cannot be written.
 */
export async function askAndPin(
  projectDir: string,
  reference: string,
  { note, fetch, wait, aws }: Pinning,
  why?: string,
): Promise<PinnedBase> {
  const credentials = ecrBaseCredentials(reference, aws)
  const network = {
    ...(fetch ? { fetch } : {}),
    ...(wait ? { wait } : {}),
    ...(credentials ? { credentials } : {}),
  }
  const base = await resolveBase({ reference, ...network }).catch((error: unknown) => {
    throw withFix(error, why)
  })
  const before = pinBase(projectDir, base)
  if (before?.digest === base.digest && before.reference === reference) {
    note(`${lockFile} pins ${reference} for ${base.platform} at ${base.digest}, as before`)
    return base
  }
  const replaced = before
    ? `, in the place of ${before.reference === reference ? before.digest : before.reference}`
    : ''
  note(
    `${lockFile} now pins ${reference} for ${base.platform} at ${base.digest}${replaced}: commit it, so that everybody builds on the same`,
  )
  return base
}

const another = 'name another: baseImage of fargate, of agentcore-runtime or of the gateway'

/** What helps when a registry cannot be asked. */
const fixes: Partial<Record<ErrorCode, string>> = {
  UNREACHABLE: `Where there is network: fairlead build --image --update-base, then commit ${lockFile}. Or name a base in a registry that can be reached from here: baseImage of fargate, of agentcore-runtime or of the gateway. Behind a proxy: NODE_USE_ENV_PROXY=1`,
  REGISTRY_DENIED: `A base is read without credentials, in Amazon ECR with yours. Correct its name, or ${another}`,
  REGISTRY_FAILED: `Correct its name, or ${another}`,
  IMAGE_BASE_INVALID: `Choose a base for linux/arm64 with Node 22.19 or later, or ${another}`,
}

function withFix(error: unknown, why: string | undefined): unknown {
  if (!(error instanceof FairleadError)) return error
  const { code, message } = error
  const busy = code === 'REGISTRY_FAILED' && /answered (429|5\d\d)/.test(message)
  const fix = busy ? 'Run the same command again in a minute.' : fixes[code]
  return new FairleadError(code, message, {
    ...(fix ? { fix } : {}),
    ...(why ? { why: `${why}, so its registry was asked.` } : {}),
    cause: error,
  })
}
