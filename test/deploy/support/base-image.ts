import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { writeTar } from '../../../src/deploy/oci/tar.ts'
import type { OciRegistry } from './oci-registry.ts'

const sha256 = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Puts a base image into a registry as Docker's official ones are: an index, a manifest for each processor, an attestation. */
export function publishBase(registry: OciRegistry, repository: string, tag: string, sizes = [300_000, 40_000]): string {
  const manifestOf = (architecture: string) => {
    const layers = sizes.map((size, at) => {
      const tar = writeTar([{ name: `usr/lib/${architecture}-${at}`, bytes: randomBytes(size) }])
      return { tar, bytes: gzipSync(tar) }
    })
    const config = Buffer.from(
      JSON.stringify({
        architecture,
        ...(architecture === 'arm64' ? { variant: 'v8' } : {}),
        os: 'linux',
        created: '2026-11-01T00:00:00Z',
        config: {
          Env: ['PATH=/usr/local/bin:/usr/bin', 'NODE_VERSION=24.21.0'],
          Entrypoint: ['docker-entrypoint.sh'],
          Cmd: ['node'],
        },
        rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256(tar)) },
        history: layers.map(() => ({ created: '2026-11-01T00:00:00Z', created_by: 'RUN something' })),
      }),
    )
    registry.addBlob(repository, config)
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(config), size: config.length },
        layers: layers.map(({ bytes }) => ({
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: registry.addBlob(repository, bytes),
          size: bytes.length,
        })),
      }),
    )
    const type = 'application/vnd.oci.image.manifest.v1+json'
    registry.manifests.set(`${repository}@${sha256(manifest)}`, { type, bytes: manifest })
    return { mediaType: type, digest: sha256(manifest), size: manifest.length, platform: { architecture, os: 'linux' } }
  }
  const manifests = [
    manifestOf('amd64'),
    { mediaType: 'x', digest: sha256('attestation'), size: 1, platform: { architecture: 'unknown', os: 'unknown' } },
    manifestOf('arm64'),
  ]
  const type = 'application/vnd.oci.image.index.v1+json'
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }))
  registry.manifests.set(`${repository}:${tag}`, { type, bytes: index })
  return `${registry.host}/${repository}:${tag}`
}
