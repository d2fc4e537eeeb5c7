import { FairleadError } from '../../errors.ts'
import { readText } from '../../http/quoted.ts'
import { defaultBase, readBase, type Architecture, type PinnedBase } from './base.ts'
import { digestOf } from './layer.ts'
import { originOf, parseReference } from './reference.ts'
import { backoff, openRegistry, unreachable, type Registry, type RegistryOptions } from './registry.ts'

const indexes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const manifests = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']

/** A manifest may have 4 MiB. @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
const maxBytes = 4 * 1024 * 1024

/** How often it is tried: somebody sits and waits, and a push is not begun yet. */
const patience = 3

interface Index {
  mediaType?: string
  manifests?: { digest: string; platform?: { os?: string; architecture?: string } }[]
}

/**
 * Asks the registry once what a base image is now, for one processor: its manifest and its configuration, each proved by its
 * digest. What it answers belongs in the lock file. Throws IMAGE_BASE_INVALID, IMAGE_DIGEST and what `openRegistry` names.
 */
export async function resolveBase(
  options: { reference?: string; arch?: Architecture } & Omit<RegistryOptions, 'registry'> = {},
): Promise<PinnedBase> {
  const { reference = defaultBase, arch = 'arm64' } = options
  const { registry: host, repository, version } = parseReference(reference)
  const registry = openRegistry({ ...options, registry: host })
  const read = async (path: string, accept: readonly string[], digest: string | undefined) => {
    const text = await wholly(registry, async () => {
      const sending = { headers: { accept: accept.join(', ') }, expect: [200], tries: patience }
      return readText(await registry.send(`/v2/${repository}/${path}`, repository, sending), maxBytes)
    })
    if (text === undefined) throw new FairleadError('IMAGE_BASE_INVALID', `${path} of ${reference} is larger than 4 MB`)
    if (digest !== undefined && digestOf(text) !== digest)
      throw new FairleadError('IMAGE_DIGEST', `${host} answered with other bytes than those of ${digest}`)
    return text
  }
  const asked = version.startsWith('sha256:') ? version : undefined
  const first = await read(`manifests/${version}`, [...indexes, ...manifests], asked)
  const chosen = choose(parsed(first, reference) as Index, reference, arch)
  const manifest = chosen === undefined ? first : await read(`manifests/${chosen}`, manifests, chosen)
  const { config } = parsed(manifest, reference) as { config?: { digest: string } }
  const base: PinnedBase = {
    reference,
    platform: `linux/${arch}`,
    digest: digestOf(manifest),
    manifest,
    config: config ? await read(`blobs/${config.digest}`, ['*/*'], config.digest) : '',
  }
  readBase(base)
  return base
}

/** Reads to the end, again where the connection is lost before it. Throws UNREACHABLE. */
async function wholly<Read>(registry: Registry, read: () => Promise<Read>): Promise<Read> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (error instanceof FairleadError) throw error
      if (attempt >= patience) throw unreachable(new URL(originOf(registry.host)), error)
      await registry.wait(backoff(attempt))
    }
  }
}

/** The manifest of one processor in an index; undefined where what came is the manifest. */
function choose({ manifests }: Index, reference: string, arch: Architecture): string | undefined {
  if (!manifests) return undefined
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === arch)
  if (found) return found.digest
  throw new FairleadError('IMAGE_BASE_INVALID', `${reference} is not made for linux/${arch}`)
}

/** What something between here and the registry answers may be a page. */
function parsed(text: string, reference: string): unknown {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null) return value
  } catch {}
  throw new FairleadError('IMAGE_BASE_INVALID', `The answer for ${reference} is not JSON`)
}
