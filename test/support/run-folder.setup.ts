import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A run has a folder of its own for everything temporary, which goes with it: CDK leaves folders behind. What V8 compiled is
 * kept there too, since a fifth of the time would else be compiling the same packages in each process.
 * @see https://nodejs.org/api/module.html#module-compile-cache
 */
export default function setup(): () => void {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-run-'))
  process.env.TMPDIR = dir
  process.env.NODE_COMPILE_CACHE ??= join(dir, 'compiled')
  return () => rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
}
