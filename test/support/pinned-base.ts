import { createHash } from 'node:crypto'
import { defaultBase, type PinnedBase } from '../../src/deploy/oci/base.ts'
import { pinBase } from '../../src/deploy/oci/lock.ts'

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** Pins a base image that no registry has: its digests hold, so that an image on top of it can be worked out. */
export function pinMadeUpBase(projectDir: string): PinnedBase {
  const layer = sha256('layer')
  const config = JSON.stringify({
    architecture: 'arm64',
    os: 'linux',
    config: { Env: ['PATH=/usr/local/bin:/usr/bin'], Entrypoint: ['docker-entrypoint.sh'], Cmd: ['node'] },
    rootfs: { type: 'layers', diff_ids: [layer] },
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(config), size: config.length },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: layer, size: 5 }],
  })
  const base: PinnedBase = {
    reference: defaultBase,
    platform: 'linux/arm64',
    digest: sha256(manifest),
    manifest,
    config,
  }
  pinBase(projectDir, base)
  return base
}
