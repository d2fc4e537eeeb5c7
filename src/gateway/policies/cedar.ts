import { createRequire } from 'node:module'
import { FairleadError } from '../../errors.ts'

/** The engine itself. Its package is an optional peer: who has no policies need not install 4 MB of WebAssembly. */
export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

export const cedarPackage = '@cedar-policy/cedar-wasm'

let loaded: Cedar | undefined

/** Loads Cedar, once for a process. Throws CEDAR_MISSING. @see https://www.npmjs.com/package/@cedar-policy/cedar-wasm */
export function loadCedar(): Cedar {
  return (loaded ??= requireCedar(createRequire(import.meta.url)))
}

/** Not by `import`, so that a bundle leaves it where it is: the code reads the WebAssembly beside itself. */
export function requireCedar(require: (name: string) => unknown): Cedar {
  try {
    return require(`${cedarPackage}/nodejs`) as Cedar
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    throw new FairleadError('CEDAR_MISSING', `${cedarPackage} is not installed`, { cause: error })
  }
}
