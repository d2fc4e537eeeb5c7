import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Artifact {
  dir: string
  files: { name: string; bytes: number }[]
  /** Of the files' names and bytes, `sha256-…`. */
  digest: string
  warnings: string[]
}

/** Writes an artifact, one index.js, a package.json that says it is a module, and what goes beside them, and sums up its bytes. */
export function writeArtifact(
  outDir: string,
  code: string,
  warnings: string[],
  beside: Record<string, string> = {},
): Artifact {
  const contents: Record<string, string> = {
    'index.js': code,
    'package.json': `${JSON.stringify({ type: 'module' })}\n`,
    ...beside,
  }
  const sum = createHash('sha256')
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(outDir, name)), { recursive: true })
    writeFileSync(join(outDir, name), text)
    sum.update(name).update('\0').update(text).update('\0')
  }
  const files = Object.entries(contents).map(([name, text]) => ({ name, bytes: Buffer.byteLength(text) }))
  return { dir: outDir, files, digest: `sha256-${sum.digest('hex')}`, warnings }
}

/** Sums up an artifact again with files that were put beside it: names, bytes, and which of them may be run. */
export function addToArtifact(artifact: Artifact, names: readonly string[], warnings: readonly string[]): Artifact {
  const sum = createHash('sha256').update(artifact.digest)
  const files = names.map((name) => {
    const path = join(artifact.dir, name)
    const bytes = readFileSync(path)
    sum.update(`\0${name}\0${statSync(path).mode & 0o111 ? 'x' : '-'}\0`).update(bytes)
    return { name, bytes: bytes.length }
  })
  return {
    ...artifact,
    files: [...artifact.files, ...files],
    digest: `sha256-${sum.digest('hex')}`,
    warnings: [...artifact.warnings, ...warnings],
  }
}
