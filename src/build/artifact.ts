import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Artifact {
  dir: string
  files: { name: string; bytes: number }[]
  /** Of the files' names and bytes, `sha256-…`. */
  digest: string
  warnings: string[]
}

/** Writes an artifact, one index.js and a package.json that says it is a module, and sums up its bytes. */
export function writeArtifact(outDir: string, code: string, warnings: string[]): Artifact {
  const contents: Record<string, string> = {
    'index.js': code,
    'package.json': `${JSON.stringify({ type: 'module' })}\n`,
  }
  mkdirSync(outDir, { recursive: true })
  const sum = createHash('sha256')
  for (const [name, text] of Object.entries(contents)) {
    writeFileSync(join(outDir, name), text)
    sum.update(name).update('\0').update(text).update('\0')
  }
  const files = Object.entries(contents).map(([name, text]) => ({ name, bytes: Buffer.byteLength(text) }))
  return { dir: outDir, files, digest: `sha256-${sum.digest('hex')}`, warnings }
}
