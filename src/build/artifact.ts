import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
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
  beside: Record<string, string | Uint8Array> = {},
): Artifact {
  const contents: Record<string, string | Uint8Array> = {
    'index.js': code,
    'package.json': `${JSON.stringify({ type: 'module' })}\n`,
    ...beside,
  }
  const sum = createHash('sha256')
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(outDir, name)), { recursive: true })
    writeFileSync(join(outDir, name), content)
    opened(outDir, name)
    sum.update(name).update('\0').update(content).update('\0')
  }
  const files = Object.entries(contents).map(([name, content]) => ({ name, bytes: Buffer.byteLength(content) }))
  return { dir: outDir, files, digest: `sha256-${sum.digest('hex')}`, warnings }
}

/** Sums up an artifact again with files that were put beside it: names, bytes, and which of them may be run. */
export function addToArtifact(artifact: Artifact, names: readonly string[], warnings: readonly string[]): Artifact {
  const sum = createHash('sha256').update(artifact.digest)
  const files = names.map((name) => {
    const path = join(artifact.dir, name)
    const bytes = readFileSync(path)
    sum.update(`\0${name}\0${opened(artifact.dir, name) ? 'x' : '-'}\0`).update(bytes)
    return { name, bytes: bytes.length }
  })
  return {
    ...artifact,
    files: [...artifact.files, ...files],
    digest: `sha256-${sum.digest('hex')}`,
    warnings: [...artifact.warnings, ...warnings],
  }
}

/**
 * Lets everybody read a file of an artifact and the folders that it is in, and run what its owner may: a function runs as
 * another user than the one who made its zip, and the umask of the machine is no input. Says whether it may be run.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html (file permissions, read 2026-11-25)
 */
function opened(dir: string, name: string): boolean {
  for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) chmodSync(join(dir, folder), 0o755)
  const runs = (statSync(join(dir, name)).mode & 0o100) !== 0
  chmodSync(join(dir, name), runs ? 0o755 : 0o644)
  return runs
}
