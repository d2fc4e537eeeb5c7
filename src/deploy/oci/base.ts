import { FairleadError } from '../../errors.ts'
import { digestOf } from './layer.ts'

/** A processor that AWS runs images on. */
export type Architecture = 'arm64' | 'amd64'

/**
 * A base image, pinned: its manifest and its configuration as the registry gave them, so that the image on top of it can be
 * worked out offline. The digest proves the manifest, and the manifest proves the configuration.
 */
export interface PinnedBase {
  /** As it was asked for: `public.ecr.aws/docker/library/node:24-bookworm-slim`. */
  reference: string
  platform: `linux/${Architecture}`
  digest: string
  manifest: string
  config: string
}

export interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

export interface BaseParts {
  layers: Descriptor[]
  config: Record<string, unknown> & {
    config?: Record<string, unknown>
    rootfs: { type: 'layers'; diff_ids: string[] }
    history?: unknown[]
  }
}

/** What `platforms.fargate.baseImage` is unless the configuration says otherwise. */
export const defaultBase = 'public.ecr.aws/docker/library/node:24-bookworm-slim'

/** Kinds of layers, and the OCI word for the same bytes. */
const layerTypes: Record<string, string> = {
  'application/vnd.oci.image.layer.v1.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
}

/** Proves a pinned base by its digests and reads its parts. Throws IMAGE_BASE_INVALID. */
export function readBase(base: PinnedBase): BaseParts {
  if (digestOf(base.manifest) !== base.digest) throw invalid(base, 'its manifest is not that of its digest')
  const manifest = parse(base, base.manifest) as { config?: Partial<Descriptor>; layers?: Partial<Descriptor>[] }
  if (digestOf(base.config) !== manifest.config?.digest)
    throw invalid(base, 'its configuration is not the one of its manifest')
  const config = parse(base, base.config) as Partial<BaseParts['config']> & { os?: unknown; architecture?: unknown }
  if (platformOf(config) !== base.platform)
    throw invalid(base, `it is for ${JSON.stringify(platformOf(config).slice(0, 60))}, not for ${base.platform}`)
  const layers = (manifest.layers ?? []).map(({ mediaType = '', digest = '', size = -1 }) => {
    const type = layerTypes[mediaType]
    if (type === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest) || !Number.isSafeInteger(size) || size < 0)
      throw invalid(base, `it has a layer that cannot be copied: ${JSON.stringify(mediaType).slice(0, 100)}`)
    return { mediaType: type, digest, size }
  })
  if (config.rootfs?.diff_ids.length !== layers.length) throw invalid(base, 'its layers are not those that it names')
  return { layers, config: config as BaseParts['config'] }
}

function parse(base: PinnedBase, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw invalid(base, 'it is not JSON', cause)
  }
}

function platformOf({ os, architecture }: { os?: unknown; architecture?: unknown }): string {
  return `${String(os)}/${String(architecture)}`
}

function invalid({ reference }: PinnedBase, message: string, cause?: unknown): FairleadError {
  return new FairleadError('IMAGE_BASE_INVALID', `The base image ${reference} cannot be used: ${message}`, { cause })
}
