import { FairleadError } from '../../errors.ts'
import { readText } from '../../http/quoted.ts'
import { defaultBase, readBase, type Architecture, type PinnedBase } from './base.ts'
import { digestOf } from './layer.ts'
import { parseReference } from './reference.ts'
import { openRegistry, type RegistryOptions } from './registry.ts'

const indexes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const manifests = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']

/** A manifest may have 4 MiB. @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
const maxBytes = 4 * 1024 * 1024

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
    const response = await registry.send(`/v2/${repository}/${path}`, repository, {
      headers: { accept: accept.join(', ') },
      expect: [200],
    })
    const text = await readText(response, maxBytes)
    if (text === undefined) throw new FairleadError('IMAGE_BASE_INVALID', `${path} of ${reference} is larger than 4 MB`)
    if (digest !== undefined && digestOf(text) !== digest)
      throw new FairleadError('IMAGE_DIGEST', `${host} answered with other bytes than those of ${digest}`)
    return text
  }
  const asked = version.startsWith('sha256:') ? version : undefined
  const first = await read(`manifests/${version}`, [...indexes, ...manifests], asked)
  const chosen = choose(JSON.parse(first) as Index, reference, arch)
  const manifest = chosen === undefined ? first : await read(`manifests/${chosen}`, manifests, chosen)
  const { config } = JSON.parse(manifest) as { config?: { digest: string } }
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

/** The manifest of one processor in an index; undefined where what came is the manifest. */
function choose({ manifests }: Index, reference: string, arch: Architecture): string | undefined {
  if (!manifests) return undefined
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === arch)
  if (found) return found.digest
  throw new FairleadError('IMAGE_BASE_INVALID', `${reference} is not made for linux/${arch}`)
}
