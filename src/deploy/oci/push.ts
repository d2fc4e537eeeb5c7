import { FairleadError } from '../../errors.ts'
import { remoteSource, sourceOf, type BlobSource } from './blob-source.ts'
import type { ImagePlan } from './plan.ts'
import { parseReference } from './reference.ts'
import { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
import { putBlob, type UploadOptions } from './upload.ts'

export interface PushOptions extends RegistryOptions, Pick<UploadOptions, 'chunkBytes'> {
  repository: string
  /** Where the base is read from: by default where its reference says, anonymously. */
  from?: Partial<Pick<RegistryOptions, 'registry' | 'credentials'> & { repository: string }>
  /** Told how much of a blob was sent, as it goes. */
  onSent?: (blob: { digest: string; size: number; sent: number }) => void
  /** Told of each blob when it is there. */
  onBlob?: (blob: { digest: string; size: number; how: 'present' | 'mounted' | 'sent' }) => void
}

export interface Pushed {
  /** `REGISTRY/REPOSITORY@sha256:…`: what a task definition names. */
  uri: string
  pushedBytes: number
  /** How many blobs came from another repository of the registry. */
  mounted: number
}

/**
 * Pushes a planned image: what the registry has is left, what it can mount is mounted, the rest of the base is copied as it is
 * read. The manifest comes last, so that what it names is there. Throws what `openRegistry` names, and IMAGE_DIGEST.
 */
export async function pushImage(plan: ImagePlan, options: PushOptions): Promise<Pushed> {
  const { repository } = options
  const registry = openRegistry(options)
  const pushed = { uri: `${registry.host}/${repository}@${plan.digest}`, pushedBytes: 0, mounted: 0 }
  if (await hasManifest(registry, repository, plan)) return pushed
  const base = parseReference(plan.base.reference)
  const fromHost = options.from?.registry ?? base.registry
  const fromRepository = options.from?.repository ?? base.repository
  const { credentials: own, ...network } = options
  const fromCredentials = options.from?.credentials ?? (fromHost === registry.host ? own : undefined)
  const from = openRegistry({
    ...network,
    registry: fromHost,
    ...(fromCredentials ? { credentials: fromCredentials } : {}),
  })
  const mount = from.host === registry.host ? { mountFrom: fromRepository } : {}
  const put = async (source: BlobSource, how: UploadOptions) => {
    const { digest, size } = source
    const chunks = options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes }
    const onSent = (sent: number) => options.onSent?.({ digest, size, sent })
    const done = await putBlob(registry, repository, source, { ...chunks, ...how, onSent })
    if (done === 'sent') pushed.pushedBytes += size
    if (done === 'mounted') pushed.mounted++
    options.onBlob?.({ digest, size, how: done })
  }
  for (const layer of plan.baseLayers) await put(remoteSource(from, fromRepository, layer), mount)
  await put(sourceOf(plan.layer), {})
  await put(sourceOf(plan.config), {})
  await putManifest(registry, repository, plan)
  pushed.pushedBytes += plan.manifest.size
  return pushed
}

async function hasManifest(registry: Registry, repository: string, { tag, digest }: ImagePlan): Promise<boolean> {
  const response = await registry.send(`/v2/${repository}/manifests/${tag}`, repository, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    expect: [200, 404],
  })
  return response.status === 200 && response.headers.get('docker-content-digest') === digest
}

async function putManifest(registry: Registry, repository: string, plan: ImagePlan): Promise<void> {
  const response = await registry.send(`/v2/${repository}/manifests/${plan.tag}`, repository, {
    method: 'PUT',
    headers: { 'content-type': plan.manifest.mediaType },
    body: () => plan.manifest.bytes,
    expect: [201],
  })
  await response.body?.cancel()
  const answered = response.headers.get('docker-content-digest')
  if (answered !== null && answered !== plan.digest)
    throw new FairleadError('IMAGE_DIGEST', `${registry.host} keeps the manifest as another than was sent`)
  if (answered === null && !(await hasManifest(registry, repository, { ...plan, tag: plan.digest })))
    throw new FairleadError('IMAGE_DIGEST', `${registry.host} does not have the manifest that it took`)
}
