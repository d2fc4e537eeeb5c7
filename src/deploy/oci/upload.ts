import { FairleadError } from '../../errors.ts'
import { provenBytes, type BlobSource } from './blob-source.ts'
import { backoff, tries, type Registry } from './registry.ts'

export interface UploadOptions {
  /** A repository of the same registry that has the blob: it may be mounted instead of sent. */
  mountFrom?: string
  /**
   * Sends in pieces of so many bytes. Otherwise whole, which is what ECR asks for: it answers pieces with 201 and a `Range` that
   * stands still, and knows no status of an upload. A registry that names a smallest piece gets pieces.
   * @see https://github.com/aws/containers-roadmap/issues/2831
   */
  chunkBytes?: number
  /** Told how much of the blob was handed over, as it goes; after a lost connection again from where it goes on. */
  onSent?: (sent: number) => void
}

const defaultChunkBytes = 8 * 1024 * 1024

/** Puts a blob into a repository unless it is there: mounted where the registry can, else sent. Throws what `send` throws. */
export async function putBlob(
  registry: Registry,
  repository: string,
  source: BlobSource,
  options: UploadOptions = {},
): Promise<'present' | 'mounted' | 'sent'> {
  const { digest } = source
  const { onSent = () => {} } = options
  const head = await registry.send(`/v2/${repository}/blobs/${digest}`, repository, {
    method: 'HEAD',
    expect: [200, 404],
  })
  if (head.status === 200) return 'present'
  for (let attempt = 1; ; attempt++) {
    const upload = await begin(registry, repository, digest, options.mountFrom)
    if (!upload) return 'mounted'
    try {
      await ((upload.chunkBytes === undefined && options.chunkBytes === undefined) || source.size === 0
        ? sendWhole(registry, repository, upload.location, source, onSent)
        : sendPieces(registry, repository, upload.location, source, {
            chunkBytes: Math.max(upload.chunkBytes ?? 0, options.chunkBytes ?? 0),
            onSent,
          }))
      return 'sent'
    } catch (error) {
      if (attempt >= tries || !isBroken(error)) throw error
      await registry.wait(backoff(attempt))
    }
  }
}

/** Whether another upload may do better: a lost connection, a registry that stumbled; not a refusal or a false digest. */
function isBroken(error: unknown): boolean {
  return error instanceof FairleadError && (error.code === 'UNREACHABLE' || error instanceof Interrupted)
}

/** The registry answered in the middle of an upload as one that may work the next time. */
class Interrupted extends FairleadError {}

async function begin(
  registry: Registry,
  repository: string,
  digest: string,
  mountFrom: string | undefined,
): Promise<{ location: URL; chunkBytes?: number } | undefined> {
  const query = mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: digest, from: mountFrom }).toString()}`
  const response = await registry.send(`/v2/${repository}/blobs/uploads/${query}`, repository, {
    method: 'POST',
    headers: { 'content-length': '0' },
    expect: [201, 202],
  })
  await response.body?.cancel()
  if (response.status === 201) return undefined
  const smallest = Number(response.headers.get('oci-chunk-min-length') ?? 0)
  return {
    location: locationOf(response, new URL(response.url)),
    ...(smallest > 0 ? { chunkBytes: Math.max(smallest, defaultChunkBytes) } : {}),
  }
}

function locationOf(response: Response, from: URL): URL {
  return new URL(response.headers.get('location') ?? from, from)
}

function withDigest(location: URL, digest: string): URL {
  const url = new URL(location)
  url.searchParams.set('digest', digest)
  return url
}

async function sendWhole(
  registry: Registry,
  repository: string,
  location: URL,
  source: BlobSource,
  onSent: (sent: number) => void,
): Promise<void> {
  await faithful(registry, repository, withDigest(location, source.digest), {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(source.size) },
    body: () => counted(provenBytes(source, registry), onSent),
  })
}

async function* counted(bytes: AsyncIterable<Uint8Array>, onSent: (sent: number) => void): AsyncGenerator<Uint8Array> {
  let sent = 0
  for await (const piece of bytes) {
    sent += piece.byteLength
    yield piece
    onSent(sent)
  }
}

async function sendPieces(
  registry: Registry,
  repository: string,
  begun: URL,
  source: BlobSource,
  { chunkBytes, onSent }: { chunkBytes: number; onSent: (sent: number) => void },
): Promise<void> {
  let location = begun
  let at = 0
  for await (const piece of pieces(provenBytes(source, registry), chunkBytes)) {
    const end = at + piece.byteLength
    const last = end === source.size
    for (let sent = at, attempt = 1; sent < end; attempt++) {
      const rest = piece.subarray(sent - at)
      try {
        const response = await faithful(registry, repository, last ? withDigest(location, source.digest) : location, {
          method: last ? 'PUT' : 'PATCH',
          headers: {
            'content-type': 'application/octet-stream',
            'content-length': String(rest.byteLength),
            'content-range': `${sent}-${end - 1}`,
          },
          body: () => rest,
        })
        // What it has is what was sent: the `Range` of ECR stands still.
        if (!last) location = locationOf(response, location)
        sent = end
        onSent(sent)
        if (last) return
      } catch (error) {
        if (!isBroken(error) || attempt >= tries) throw error
        await registry.wait(backoff(attempt))
        const status = await statusOf(registry, repository, location)
        // It has other bytes than those at hand: begin anew.
        if (!status || status.has < at || status.has > end || (last && status.has === end)) throw error
        location = status.location
        sent = status.has
      }
    }
    at = end
  }
}

/** How much of an upload has arrived. */
async function statusOf(
  registry: Registry,
  repository: string,
  location: URL,
): Promise<{ has: number; location: URL } | undefined> {
  const response = await registry.send(location, repository, { expect: [200, 202, 204, 404] })
  await response.body?.cancel()
  if (response.status === 404) return undefined
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '') ?? []
  return { has: last === undefined || last === '0' ? 0 : Number(last) + 1, location: locationOf(response, location) }
}

/** Sends once, and says whether beginning again may help: after a lost connection, 429 and 5xx, and when the upload is gone. */
async function faithful(
  registry: Registry,
  repository: string,
  url: URL,
  sending: {
    method: 'PUT' | 'PATCH'
    headers: Record<string, string>
    body: () => Uint8Array | AsyncIterable<Uint8Array>
  },
): Promise<Response> {
  let fault: unknown
  const body = () => {
    const bytes = sending.body()
    return bytes instanceof Uint8Array ? bytes : noting(bytes, (error) => (fault = error))
  }
  const response = await registry
    .send(url, repository, { ...sending, body, tries: 1, expect: [201, 202, 204, 404, 416, 429, 500, 502, 503, 504] })
    .catch((error: unknown) => {
      // What broke may be the source, and fetch says only that it failed.
      throw fault instanceof FairleadError ? fault : error
    })
  await response.body?.cancel()
  if (response.status < 300) return response
  throw new Interrupted('REGISTRY_FAILED', `${registry.host} answered ${response.status} in the middle of an upload`)
}

async function* noting(bytes: AsyncIterable<Uint8Array>, note: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    note(error)
    throw error
  }
}

/** Pieces of one size, and a last one. */
async function* pieces(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = []
  let length = 0
  for await (let piece of bytes) {
    while (length + piece.byteLength > size) {
      const part = piece.subarray(0, size - length)
      yield Buffer.concat([...held, part])
      piece = piece.subarray(part.byteLength)
      held = []
      length = 0
    }
    held.push(piece)
    length += piece.byteLength
  }
  yield Buffer.concat(held)
}
