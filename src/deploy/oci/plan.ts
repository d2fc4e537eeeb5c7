import { FairleadError } from '../../errors.ts'
import { readBase, type Architecture, type Descriptor, type PinnedBase } from './base.ts'
import { digestOf, layerOf, type Layer } from './layer.ts'

/** An image that is not pushed yet: everything about it is known, its digest too. */
export interface ImagePlan {
  /** Of the manifest: what a task definition names. */
  digest: string
  /** From the digest, so that one tag never means two images. */
  tag: string
  layer: Layer
  /** The layers of the base, which a registry may have already. */
  baseLayers: Descriptor[]
  base: PinnedBase
  /** As bytes of JSON. */
  config: Blob
  manifest: Blob
}

export interface Blob extends Descriptor {
  bytes: Buffer
}

/** Where the artifact listens in a container. */
export const containerPort = 8000

/**
 * Works out the image of an artifact: the base and one layer with the artifact at `/app`. It is a function of the base's
 * digest and the artifact's bytes alone, and asks no network. Settings come from the environment of the container, never from
 * the image. Throws IMAGE_ARTIFACT_INVALID and IMAGE_BASE_INVALID.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 */
export function planImage(options: { artifactDir: string; base: PinnedBase; arch?: Architecture }): ImagePlan {
  const { artifactDir, base, arch = 'arm64' } = options
  if (base.platform !== `linux/${arch}`)
    throw new FairleadError('IMAGE_BASE_INVALID', `The pinned base is for ${base.platform}, not for linux/${arch}`)
  const { layers, config: baseConfig } = readBase(base)
  const layer = layerOf(artifactDir)
  const config = blobOf('application/vnd.oci.image.config.v1+json', configOf(baseConfig, base, layer))
  const manifest = blobOf('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf(config),
    layers: [...layers, descriptorOf(layer)],
    annotations: { 'org.opencontainers.image.base.digest': base.digest },
  })
  const { digest } = manifest
  return { digest, tag: digest.slice('sha256:'.length).slice(0, 40), layer, baseLayers: layers, base, config, manifest }
}

/** The configuration: the base's, and what runs the artifact. No time stands in it beside those of the base's own history. */
function configOf(base: ReturnType<typeof readBase>['config'], { digest }: PinnedBase, layer: Layer): unknown {
  const { created: _, ...rest } = base
  const { Cmd: _cmd, Healthcheck: _check, Volumes: _volumes, ...inherited } = base.config ?? {}
  const env = Array.isArray(inherited.Env) ? (inherited.Env as string[]) : []
  return {
    ...rest,
    config: {
      ...inherited,
      Env: [...env.filter((each) => !/^(NODE_ENV|PORT|HOST)=/.test(each)), 'NODE_ENV=production'],
      Entrypoint: ['node', '/app/index.js'],
      WorkingDir: '/app',
      // The user `node` of the official images, by number: the files are root's, and the server cannot change itself.
      User: '1000:1000',
      ExposedPorts: { [`${containerPort}/tcp`]: {} },
      StopSignal: 'SIGTERM',
      Labels: {
        ...(inherited.Labels as Record<string, string> | null | undefined),
        'org.opencontainers.image.base.digest': digest,
      },
    },
    rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, layer.diffId] },
    history: [...(base.history ?? []), { created_by: 'COPY . /app', comment: 'fairlead' }],
  }
}

function blobOf(mediaType: string, value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value))
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes }
}

function descriptorOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
