import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { gzipStored } from './gzip-stored.ts'
import { writeTar, type TarFile } from './tar.ts'

/** A layer: its bytes, and what a manifest and a configuration say of it. */
export interface Layer {
  bytes: Buffer
  mediaType: string
  /** Of the bytes. */
  digest: string
  size: number
  /** Of the archive inside. */
  diffId: string
}

const maxBytes = 512 * 1024 * 1024

/** Makes the layer that holds a folder at `/app`. Throws IMAGE_ARTIFACT_INVALID. */
export function layerOf(dir: string): Layer {
  const files: TarFile[] = []
  let size = 0
  const visit = (folder: string, prefix: string) => {
    for (const name of readdirSync(folder)) {
      const [path, inside] = [join(folder, name), `${prefix}/${name}`]
      const facts = lstatSync(path)
      if (facts.isDirectory()) {
        visit(path, inside)
        continue
      }
      if (!facts.isFile()) throw invalid(`${inside} is neither a file nor a folder`)
      size += facts.size
      if (size > maxBytes) throw invalid('It has more than 512 MB')
      files.push({ name: inside, bytes: readFileSync(path), executable: (facts.mode & 0o100) !== 0 })
    }
  }
  visit(dir, 'app')
  if (!files.some(({ name }) => name === 'app/index.js')) throw invalid('It has no index.js')
  const tar = writeTar(files)
  const bytes = gzipStored(tar)
  return {
    bytes,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: digestOf(bytes),
    size: bytes.length,
    diffId: digestOf(tar),
  }
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function invalid(message: string): FairleadError {
  return new FairleadError('IMAGE_ARTIFACT_INVALID', `The artifact cannot be a layer: ${message}`)
}
