import { createHash } from 'node:crypto'
import { FairleadError } from '../../errors.ts'
import type { Blob } from './plan.ts'
import { backoff, tries, type Registry } from './registry.ts'

/** Where the bytes of a blob come from, from any offset on. */
export interface BlobSource {
  digest: string
  size: number
  open(offset: number): Promise<AsyncIterable<Uint8Array>>
}

/** What is at hand goes in pieces too, so that one can see how far it is. */
const pieceBytes = 1024 * 1024

export function sourceOf({ digest, size, bytes }: Pick<Blob, 'digest' | 'size' | 'bytes'>): BlobSource {
  return {
    digest,
    size,
    open: async function (offset) {
      return (async function* () {
        for (let at = offset; at < size; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
      })()
    },
  }
}

/** A blob of another repository, read as it is sent on. */
export function remoteSource(
  registry: Registry,
  repository: string,
  { digest, size }: { digest: string; size: number },
): BlobSource {
  return {
    digest,
    size,
    open: async (offset) => {
      const response = await registry.send(`/v2/${repository}/blobs/${digest}`, repository, {
        headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
        expect: [200, 206],
      })
      const body = response.body as AsyncIterable<Uint8Array> | null
      if (!body) return (async function* () {})()
      // A registry may not know ranges: then it begins at the beginning.
      return offset > 0 && response.status === 200 ? skipping(body, offset) : body
    },
  }
}

async function* skipping(body: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let left = offset
  for await (const piece of body) {
    const rest = piece.subarray(Math.min(left, piece.byteLength))
    left -= piece.byteLength - rest.byteLength
    if (rest.byteLength > 0) yield rest
  }
}

/**
 * Reads a blob, goes on where a lost connection left it, and proves its digest: the last piece is held back until then, so
 * that nobody ever gets the whole of something false. Throws IMAGE_DIGEST.
 */
export async function* provenBytes(source: BlobSource, registry: Pick<Registry, 'wait'>): AsyncGenerator<Uint8Array> {
  const sum = createHash('sha256')
  let read = 0
  let held: Uint8Array | undefined
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const piece of await source.open(read)) {
        read += piece.byteLength
        if (read > source.size) throw wrong(source, `it has more than ${source.size} bytes`)
        sum.update(piece)
        if (held) yield held
        held = piece
      }
      if (read < source.size) throw new Error(`it ended after ${read} of ${source.size} bytes`)
      break
    } catch (error) {
      if (error instanceof FairleadError || attempt >= tries) throw error
      await registry.wait(backoff(attempt))
    }
  }
  if (`sha256:${sum.digest('hex')}` !== source.digest) throw wrong(source, 'its bytes have another digest')
  if (held) yield held
}

function wrong({ digest }: BlobSource, message: string): FairleadError {
  return new FairleadError('IMAGE_DIGEST', `The blob ${digest} is not what it says: ${message}`)
}
