import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What V8 compiled is kept for as long as a run lasts: a fifth of its time would else be compiling the same packages, in each
 * file's process and in each command's.
 * @see https://nodejs.org/api/module.html#module-compile-cache
 */
export default function setup(): (() => void) | undefined {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-compiled-'))
  process.env.NODE_COMPILE_CACHE = dir
  return () => rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
}
