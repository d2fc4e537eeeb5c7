import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ecrCredentials, ecrRegistry } from '../../../src/deploy/oci/ecr.ts'
import type { PinnedBase } from '../../../src/deploy/oci/base.ts'
import { planImage, type ImagePlan } from '../../../src/deploy/oci/plan.ts'
import { pushImage, type PushOptions } from '../../../src/deploy/oci/push.ts'
import { pushProgress } from '../../../src/deploy/push-progress.ts'
import { openRegistry } from '../../../src/deploy/oci/registry.ts'
import { resolveBase } from '../../../src/deploy/oci/resolve-base.ts'
import { putBlob } from '../../../src/deploy/oci/upload.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry, type OciRegistryOptions } from '../support/oci-registry.ts'

const run = promisify(execFile)
const repository = 'fairlead/sample'
const password = 'a-password-that-no-log-may-have'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let upstream: OciRegistry
let base: PinnedBase
let plan: ImagePlan
const open: OciRegistry[] = []
beforeAll(async () => {
  folder = await temporaryFolder()
  upstream = await startOciRegistry()
  base = await resolveBase({ reference: publishBase(upstream, 'library/node', '24') })
  const artifactDir = join(folder.path, 'artifact')
  mkdirSync(artifactDir)
  writeFileSync(
    join(artifactDir, 'index.js'),
    `import http from 'node:http'
const server = http.createServer((req, res) => res.end(process.env.NODE_ENV + ' ' + req.url))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
setTimeout(() => process.exit(0), 5000).unref()\n`,
  )
  writeFileSync(join(artifactDir, 'package.json'), '{"type":"module"}\n')
  plan = planImage({ artifactDir, base })
})
afterEach(async () => {
  upstream.faults.length = 0
  for (const each of open.splice(0)) await each.close()
})
afterAll(async () => {
  await upstream.close()
  await folder.remove()
})

async function target(options: OciRegistryOptions = {}): Promise<OciRegistry> {
  const registry = await startOciRegistry(options)
  open.push(registry)
  return registry
}

/** Pushes, and keeps how long it would have waited. */
function push(registry: OciRegistry, options: Partial<PushOptions> = {}, waits: number[] = []) {
  return pushImage(plan, {
    registry: registry.host,
    repository,
    wait: async (ms) => void waits.push(ms),
    ...options,
  })
}

describe('a push', () => {
  it('brings the base and the layer, and a second one brings nothing', async () => {
    const registry = await target()
    const seen: string[] = []
    const last = new Map<string, number>()
    const pushed = await push(registry, {
      onBlob: ({ how }) => seen.push(how),
      onSent: ({ digest, sent }) => void last.set(digest, sent),
    })
    expect(seen).toEqual(['sent', 'sent', 'sent', 'sent'])
    expect([...last]).toEqual([...plan.baseLayers, plan.layer, plan.config].map(({ digest, size }) => [digest, size]))
    const all = [...plan.baseLayers, plan.layer, plan.config, plan.manifest]
    expect(pushed).toEqual({
      uri: `${registry.host}/${repository}@${plan.digest}`,
      pushedBytes: all.reduce((sum, { size }) => sum + size, 0),
      mounted: 0,
    })
    expect(registry.manifests.get(`${repository}:${plan.tag}`)?.bytes).toEqual(plan.manifest.bytes)
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    const before = registry.requests.length
    expect(await push(registry)).toMatchObject({ pushedBytes: 0, mounted: 0 })
    expect(registry.requests.slice(before)).toEqual([`HEAD /v2/${repository}/manifests/${plan.tag}`])
  })

  it('sends only the new layer when the artifact is another', async () => {
    const registry = await target()
    await push(registry)
    const artifactDir = join(folder.path, 'next')
    mkdirSync(artifactDir)
    writeFileSync(join(artifactDir, 'index.js'), '1\n')
    const next = planImage({ artifactDir, base })
    expect(await pushImage(next, { registry: registry.host, repository })).toMatchObject({
      pushedBytes: next.layer.size + next.config.size + next.manifest.size,
    })
  })

  it('mounts what another repository of the registry has, and copies where it cannot', async () => {
    const able = await target()
    for (const { digest } of base ? plan.baseLayers : []) able.addBlob('base/node', upstream.blobs.get(digest)!)
    const from = { registry: able.host, repository: 'base/node' }
    expect(await push(able, { from })).toMatchObject({ mounted: 2 })
    const unable = await target({ noMount: true })
    for (const { digest } of plan.baseLayers) unable.addBlob('base/node', upstream.blobs.get(digest)!)
    expect(await push(unable, { from: { registry: unable.host, repository: 'base/node' } })).toMatchObject({
      mounted: 0,
    })
    expect(unable.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
  })

  it('gives an image that runs', async () => {
    const registry = await target()
    await push(registry)
    const manifest = JSON.parse(registry.manifests.get(`${repository}:${plan.tag}`)!.bytes.toString()) as {
      config: { digest: string }
      layers: { digest: string }[]
    }
    const config = JSON.parse(registry.blobs.get(manifest.config.digest)!.toString()) as {
      config: { Env: string[]; Entrypoint: string[] }
    }
    const rootfs = join(folder.path, 'rootfs')
    mkdirSync(rootfs)
    for (const { digest } of manifest.layers) {
      const unpacking = run('tar', ['--extract', '--directory', rootfs, '--no-same-owner'])
      unpacking.child.stdin!.end(gunzipSync(registry.blobs.get(digest)!))
      await unpacking
    }
    const [, file] = config.config.Entrypoint
    const env = Object.fromEntries(config.config.Env.map((each) => each.split('=', 2) as [string, string]))
    const running = run(process.execPath, [join(rootfs, file!)], { env })
    const port = await new Promise<string>((resolve) => running.child.stdout!.once('data', resolve))
    expect(await (await fetch(`http://127.0.0.1:${Number(port)}/hello`)).text()).toBe('production /hello')
    running.child.kill()
    await running.catch(() => {})
  })
})

describe('a push signs in', () => {
  const credentials = async () => ({ username: 'AWS', password })

  it('with Basic, as ECR asks', async () => {
    const registry = await target({ auth: { kind: 'basic', username: 'AWS', password }, likeEcr: true })
    await push(registry, { credentials })
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
  })

  it('with Bearer, a token for each repository and right, renewed when it has ended', async () => {
    const auth = { kind: 'bearer', username: 'u', password, anonymousPull: true, tokenUses: 2 } as const
    const registry = await target({ auth })
    registry.faults.push({ at: 'GET token' })
    await push(registry, { credentials: async () => ({ username: 'u', password }) })
    expect(registry.faults[0]!.times).toBe(0)
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    expect(registry.requests.filter((line) => line.includes('/token')).length).toBeGreaterThan(3)
    expect(registry.requests.join('\n')).not.toContain(password)
  })

  it('reads a public base without credentials, as from public.ecr.aws and Docker Hub', async () => {
    const auth = { kind: 'bearer', username: 'u', password, anonymousPull: true, tokenUses: 1 } as const
    const hub = await target({ auth })
    const own = await resolveBase({ reference: publishBase(hub, 'library/node', '24') })
    const image = planImage({ artifactDir: join(folder.path, 'artifact'), base: own })
    const registry = await target({ auth: { kind: 'basic', username: 'AWS', password } })
    await pushImage(image, { registry: registry.host, repository, credentials })
    expect(registry.manifests.has(`${repository}@${image.digest}`)).toBe(true)
    const toHub = hub.authorizations.filter((each) => each?.startsWith('Basic'))
    expect(toHub).toEqual([])
  })

  it('and is refused with wrong credentials, without saying them', async () => {
    for (const kind of ['basic', 'bearer'] as const) {
      const registry = await target({ auth: { kind, username: 'AWS', password: 'another' } })
      const error = await push(registry, { credentials }).catch((thrown: Error) => thrown)
      expect(error).toMatchObject({ code: 'REGISTRY_DENIED' })
      const encoded = Buffer.from(`AWS:${password}`).toString('base64')
      expect(JSON.stringify(error) + (error as Error).stack).not.toMatch(new RegExp(`${password}|${encoded}`))
    }
    const registry = await target({ auth: { kind: 'basic', username: 'AWS', password } })
    await expect(push(registry)).rejects.toThrow(/there are none/)
  })

  it('never on a way that is not https', async () => {
    const realm = createServer((_req, res) =>
      res.writeHead(401, { 'www-authenticate': 'Bearer realm="http://tokens.example/token"' }).end(),
    )
    await new Promise<void>((resolve) => realm.listen(0, '127.0.0.1', resolve))
    const registry = `127.0.0.1:${(realm.address() as AddressInfo).port}`
    await expect(pushImage(plan, { registry, repository, credentials })).rejects.toThrow(/not https/)
    realm.close()
    const asked: string[] = []
    const nowhere = pushImage(plan, {
      registry: 'registry.example',
      repository,
      credentials,
      wait: async () => {},
      fetch: async (url) => {
        asked.push(String(url instanceof Request ? url.url : url))
        throw new TypeError('fetch failed')
      },
    })
    await expect(nowhere).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(asked.every((url) => url.startsWith('https://registry.example/'))).toBe(true)
  })

  it('and does not take the credentials along where a redirect leads', async () => {
    const storage = await target()
    const seen: (string | undefined)[] = []
    const bucket = createServer((req, res) => {
      seen.push(req.headers.authorization)
      res.end(upstream.blobs.get(req.url!.slice(1)))
    })
    await new Promise<void>((resolve) => bucket.listen(0, '127.0.0.1', resolve))
    const auth = { kind: 'basic', username: 'u', password } as const
    const hub = await target({ auth, redirectBlobsTo: `http://127.0.0.1:${(bucket.address() as AddressInfo).port}` })
    for (const { digest } of plan.baseLayers) hub.addBlob('base/node', upstream.blobs.get(digest)!)
    await push(storage, {
      from: { registry: hub.host, repository: 'base/node', credentials: async () => ({ username: 'u', password }) },
    })
    expect(seen).toEqual([undefined, undefined])
    bucket.closeAllConnections()
    bucket.close()
  })
})

describe('a push goes on', () => {
  const whole = () => plan.baseLayers.reduce((sum, { size }) => sum + size, 0) + plan.layer.size + plan.config.size

  it('when the connection drops in the middle of a blob that is sent whole', async () => {
    const registry = await target()
    registry.faults.push({ at: 'PUT blob', dropAfter: 100_000 })
    const waits: number[] = []
    await push(registry, {}, waits)
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    expect(waits).toHaveLength(1)
    expect(registry.received).toBe(whole() + 100_000)
  })

  it('where it was, when the connection drops in the middle of a piece', async () => {
    const registry = await target()
    registry.faults.push({ at: 'PATCH blob', dropAfter: 30_000 }, { at: 'PATCH blob', dropAfter: 7, times: 2 })
    await push(registry, { chunkBytes: 64_000 })
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    // Every byte arrived once.
    expect(registry.received).toBe(whole())
  })

  it('in pieces where the registry names a smallest one, and from the beginning where it forgets an upload', async () => {
    const named = await target({ chunkMinLength: 1000 })
    await push(named)
    expect(named.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    const forgets = await target({ likeEcr: true })
    forgets.faults.push({ at: 'PATCH blob', dropAfter: 10 })
    await push(forgets, { chunkBytes: 64_000 })
    expect(forgets.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
  })

  it('when the base is cut off while it is read: the rest is asked for', async () => {
    const registry = await target()
    upstream.faults.push({ at: 'GET blob', dropAfter: 50_000 })
    const before = upstream.requests.length
    await push(registry)
    expect(registry.received).toBe(whole())
    expect(upstream.requests.slice(before).filter((line) => line.startsWith('GET'))).toHaveLength(3)
  })

  it('after 429, when the registry says so, and after 500', async () => {
    const registry = await target()
    registry.faults.push(
      { at: 'POST blob', status: 429, headers: { 'retry-after': '7' } },
      { at: 'HEAD manifest', status: 503 },
      { at: 'PUT blob', status: 500 },
      { at: 'PUT manifest', status: 500 },
    )
    const waits: number[] = []
    await push(registry, {}, waits)
    expect(registry.manifests.has(`${repository}@${plan.digest}`)).toBe(true)
    expect(waits).toContain(7000)
    expect(waits).toHaveLength(4)
  })

  it('and gives up with what the registry said', async () => {
    const registry = await target()
    registry.faults.push({ at: 'POST blob', status: 500, times: 99 })
    const waits: number[] = []
    await expect(push(registry, {}, waits)).rejects.toMatchObject({
      code: 'REGISTRY_FAILED',
      message: expect.stringContaining('500 to POST /v2/fairlead/sample/blobs/uploads/: FAULT on purpose') as string,
    })
    expect(waits).toHaveLength(4)
    const denied = await target()
    denied.faults.push({ at: 'PUT manifest', status: 403 })
    await expect(push(denied)).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })
})

describe('a large blob', () => {
  it('is passed on as it is read, not held', async () => {
    const [piece, count] = [65_536, 3600]
    const size = piece * count
    const sum = createHash('sha256')
    for (let at = 0; at < count; at++) sum.update(Buffer.alloc(piece))
    const source = {
      digest: `sha256:${sum.digest('hex')}`,
      size,
      open: async () =>
        (async function* () {
          for (let at = 0; at < count; at++) yield new Uint8Array(piece)
        })(),
    }
    let arrived = 0
    let peak = 0
    const sink = createServer((req, res) => {
      req.on('data', (chunk: Buffer) => {
        arrived += chunk.length
        peak = Math.max(peak, process.memoryUsage().arrayBuffers)
      })
      const status = { HEAD: 404, POST: 202, PATCH: 202, PUT: 201 }[req.method!]!
      req.on('end', () => res.writeHead(status, { location: '/v2/x/blobs/uploads/1' }).end())
    })
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const before = process.memoryUsage().arrayBuffers
    const registry = openRegistry({ registry: `127.0.0.1:${(sink.address() as AddressInfo).port}` })
    const told: number[] = []
    expect(await putBlob(registry, 'x', source, { onSent: (sent) => told.push(sent) })).toBe('sent')
    expect(arrived).toBe(size)
    // Told while it is under way, and never of more than there is.
    expect(told.length).toBeGreaterThan(100)
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(told.at(-1)).toBe(size)
    expect(peak - before).toBeLessThan(150_000_000)
    sink.closeAllConnections()
    sink.close()
  })
})

describe('a push tells how far it is', () => {
  it('when a layer is there, and of one that takes long every five seconds', () => {
    const lines: string[] = []
    let time = 0
    const { onSent, onBlob } = pushProgress(2, { note: (line) => lines.push(line), now: () => time })
    const [layer, other, config] = [80_120_000, 300_000, 2000].map((size) => ({ digest: 'sha256:0', size }))
    for (let sent = 0; sent <= layer!.size; sent += 5_007_500) {
      time += 1000
      onSent({ ...layer!, sent })
    }
    onBlob({ ...layer!, how: 'sent' })
    time += 4999
    onSent({ ...other!, sent: 100_000 })
    onBlob({ ...other!, how: 'mounted' })
    time += 10_000
    onSent({ ...config!, sent: 1000 })
    onBlob({ ...config!, how: 'sent' })
    expect(lines).toEqual([
      '  layer 1 of 2: 20.0 of 80.1 MB sent',
      '  layer 1 of 2: 45.1 of 80.1 MB sent',
      '  layer 1 of 2: 70.1 of 80.1 MB sent',
      '  layer 1 of 2: 80.1 MB sent',
      '  layer 2 of 2: 0.3 MB was there, in another repository',
    ])
  })

  it('in pieces by what has arrived', async () => {
    const registry = await target()
    const told: number[] = []
    await push(registry, { chunkBytes: 128_000, onSent: ({ digest, sent }) => void (digest === plan.baseLayers[0]!.digest && told.push(sent)) }) // prettier-ignore
    expect(told).toEqual([128_000, 256_000, plan.baseLayers[0]!.size])
  })
})

describe('a push refuses', () => {
  it('a base whose bytes are not those of its digest, before the registry has all of them', async () => {
    const { digest } = plan.baseLayers[0]!
    const liar = await startOciRegistry({ corrupt: new Set([digest]) })
    open.push(liar)
    for (const layer of plan.baseLayers) liar.addBlob('library/node', upstream.blobs.get(layer.digest)!)
    for (const chunks of [{}, { chunkBytes: 50_000 }]) {
      const registry = await target()
      await expect(
        push(registry, { from: { registry: liar.host, repository: 'library/node' }, ...chunks }),
      ).rejects.toMatchObject({ code: 'IMAGE_DIGEST' })
      expect(registry.blobs.size).toBe(0)
      expect(registry.received).toBeLessThan(plan.baseLayers[0]!.size)
    }
  })

  it('a registry that keeps the manifest as another', async () => {
    const registry = await target({ wrongDigestHeader: true })
    await expect(push(registry)).rejects.toMatchObject({ code: 'IMAGE_DIGEST' })
  })
})

describe('the credentials of ECR', () => {
  it('are asked for with a signature, kept until a minute before their end, and never in an error', async () => {
    const asked: { target: string | undefined; authorization: string | undefined }[] = []
    let [status, said, drops] = [200, '', 0]
    const waited: number[] = []
    const ecr = createServer((req, res) => {
      if (drops-- > 0) return void req.socket.destroy()
      asked.push({ target: req.headers['x-amz-target'] as string, authorization: req.headers.authorization })
      const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64')
      res.writeHead(status).end(
        status === 200
          ? JSON.stringify({
              authorizationData: [{ authorizationToken, expiresAt: 1_800_043_200, proxyEndpoint: 'x' }],
            })
          : said,
      )
    })
    await new Promise<void>((resolve) => ecr.listen(0, '127.0.0.1', resolve))
    let now = 1_800_000_000_000
    const get = ecrCredentials({
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr' },
      endpoint: `http://127.0.0.1:${(ecr.address() as AddressInfo).port}/`,
      now: () => now,
      wait: async (ms) => waited.push(ms),
    })
    expect(await get()).toEqual({ username: 'AWS', password })
    await get()
    expect(asked).toHaveLength(1)
    expect(asked[0]!.target).toBe('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken')
    expect(asked[0]!.authorization).toMatch(/Credential=AKIDEXAMPLE\/20270115\/eu-west-1\/ecr\/aws4_request/)
    now += 43_200_000
    status = 400
    said = '{"__type":"AccessDeniedException","message":"not authorized to perform: ecr:GetAuthorizationToken"}'
    await expect(get()).rejects.toMatchObject({
      code: 'AWS_DENIED',
      message: 'AWS does not allow ecr:GetAuthorizationToken',
    })
    said = '{"__type":"com.amazonaws.ecr#ExpiredTokenException","message":"has expired"}'
    await expect(get()).rejects.toMatchObject({ code: 'CREDENTIALS_EXPIRED' })
    expect(waited).toEqual([])
    said = '{"__type":"ThrottlingException","message":"Rate exceeded"}'
    await expect(get()).rejects.toMatchObject({ code: 'AWS_THROTTLED' })
    expect(waited).toHaveLength(4)
    status = 200
    said = ''
    drops = 2
    expect(await get()).toEqual({ username: 'AWS', password })
    ecr.closeAllConnections()
    ecr.close()
    expect(ecrRegistry('111122223333', 'cn-north-1')).toBe('111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn')
  })
})
