import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { pinnedBase, lockFile } from '../../../src/deploy/oci/lock.ts'
import { baseOrAsk, type Pinning } from '../../../src/deploy/oci/pin.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let registry: OciRegistry
let reference: string
let dir: string
let notes: string[]
let waited: number[]
let pinning: Pinning
beforeAll(async () => {
  folder = await temporaryFolder()
  registry = await startOciRegistry()
  reference = publishBase(registry, 'library/node', '24')
  dir = join(folder.path, 'project')
})
beforeEach(() => {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir)
  registry.requests.length = 0
  registry.faults.length = 0
  notes = []
  waited = []
  pinning = { env: {}, note: (line) => notes.push(line), wait: async (ms) => waited.push(ms) }
})
afterAll(async () => {
  await registry.close()
  await folder.remove()
})

const lock = () => readFileSync(join(dir, lockFile), 'utf8')

it('a base that is not pinned is asked for once, pinned, and said in one line', async () => {
  const base = await baseOrAsk(dir, reference, pinning)
  expect(notes).toEqual([
    `fairlead.lock.json now pins ${reference} for linux/arm64 at ${base.digest}: commit it, so that everybody builds on the same`,
  ])
  expect(pinnedBase(dir, { reference })).toEqual(base)
  const [written, asked] = [lock(), registry.requests.length]
  expect(asked).toBeGreaterThan(0)
  publishBase(registry, 'library/node', '24')
  expect(await baseOrAsk(dir, reference, pinning)).toEqual(base)
  expect({ lock: lock(), asked: registry.requests.length, said: notes.length }).toEqual({
    lock: written,
    asked,
    said: 1,
  })
})

it('another base in the configuration is pinned in the place of the one before', async () => {
  await baseOrAsk(dir, reference, pinning)
  const other = publishBase(registry, 'ours/node', '24')
  const base = await baseOrAsk(dir, other, pinning)
  expect(notes[1]).toContain(`now pins ${other} for linux/arm64 at ${base.digest}`)
  expect(notes[1]).toContain(`in the place of ${reference}`)
  expect(pinnedBase(dir, { reference: other })).toEqual(base)
})

it('on CI nothing is pinned: what is in the lock file is used, and what is not is refused', async () => {
  const base = await baseOrAsk(dir, reference, pinning)
  const ci = { ...pinning, env: { CI: 'true' } }
  expect(await baseOrAsk(dir, reference, ci)).toEqual(base)
  const [written, asked] = [lock(), registry.requests.length]
  const refused = { code: 'IMAGE_BASE_UNPINNED', why: expect.stringContaining('CI is set') as string }
  await expect(baseOrAsk(dir, publishBase(registry, 'other/node', '24'), ci)).rejects.toMatchObject(refused)
  expect({ lock: lock(), asked: registry.requests.length }).toEqual({ lock: written, asked })
  rmSync(join(dir, lockFile))
  await expect(baseOrAsk(dir, reference, ci)).rejects.toMatchObject(refused)
  await baseOrAsk(dir, reference, { ...pinning, env: { CI: 'false' } })
})

it('a command that only looks pins nothing either', async () => {
  await expect(baseOrAsk(dir, reference, undefined)).rejects.toMatchObject({ code: 'IMAGE_BASE_UNPINNED' })
  expect(registry.requests).toEqual([])
})

it('a registry that drops the connection or asks to wait is asked again', async () => {
  registry.faults.push(
    { at: 'GET blob', dropAfter: 10 },
    { at: 'GET manifest', status: 429, headers: { 'retry-after': '7' } },
  )
  const base = await baseOrAsk(dir, reference, pinning)
  expect(registry.faults.map(({ times }) => times)).toEqual([0, 0])
  expect(waited).toContain(7000)
  expect(pinnedBase(dir, { reference })).toEqual(base)
})

it('without network both ways out are named, and no lock file is left', async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const error = await baseOrAsk(dir, `127.0.0.1:${port}/library/node:24`, pinning).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining(`http://127.0.0.1:${port}`) as string,
    why: expect.stringContaining('fairlead.lock.json pins no base image') as string,
    fix: expect.stringMatching(
      /fairlead build --image --update-base.*commit fairlead\.lock\.json.*baseImage/,
    ) as string,
  })
  expect(() => lock()).toThrow('ENOENT')
})

it('a connection that is lost each time is told as one', async () => {
  registry.faults.push({ at: 'GET blob', dropAfter: 10, times: 9 })
  await expect(baseOrAsk(dir, reference, pinning)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(registry.requests.filter((each) => each.includes('/blobs/'))).toHaveLength(3)
})

it.each([
  ['too many requests', { at: 'GET manifest', status: 429, times: 9 }, 'REGISTRY_FAILED', /429/, /in a minute/],
  [
    'nobody is let in',
    { at: 'GET manifest', status: 403 },
    'REGISTRY_DENIED',
    /403/,
    /read without credentials.*baseImage/,
  ],
  ['no such tag', { at: 'GET manifest', status: 404 }, 'REGISTRY_FAILED', /404/, /baseImage/],
])('where the registry answers that %s, it is said what helps', async (_, fault, code, message, fix) => {
  registry.faults.push(fault)
  await expect(baseOrAsk(dir, reference, pinning)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
    fix: expect.stringMatching(fix) as string,
  })
  expect(() => lock()).toThrow('ENOENT')
})

it('a base that is not made for arm64 is refused by name', async () => {
  const key = 'library/node:amd'
  const { type, bytes } = registry.manifests.get('library/node:24')!
  const index = JSON.parse(bytes.toString()) as { manifests: { platform: { architecture: string } }[] }
  const manifests = index.manifests.filter(({ platform }) => platform.architecture !== 'arm64')
  registry.manifests.set(key, { type, bytes: Buffer.from(JSON.stringify({ ...index, manifests })) })
  await expect(baseOrAsk(dir, `${registry.host}/${key}`, pinning)).rejects.toMatchObject({
    code: 'IMAGE_BASE_INVALID',
    message: `${registry.host}/${key} is not made for linux/arm64`,
    fix: expect.stringContaining('baseImage') as string,
  })
})

it('an answer that is no manifest is refused as one: a sign-in page of a hotel', async () => {
  registry.manifests.set('library/node:hotel', { type: 'text/html', bytes: Buffer.from('<html>Welcome</html>') })
  await expect(baseOrAsk(dir, `${registry.host}/library/node:hotel`, pinning)).rejects.toMatchObject({
    code: 'IMAGE_BASE_INVALID',
    message: expect.stringContaining('is not JSON') as string,
  })
})

it('a folder that cannot be written is named', async () => {
  rmSync(dir, { recursive: true })
  writeFileSync(dir, '')
  await expect(baseOrAsk(dir, reference, pinning)).rejects.toMatchObject({
    code: 'IMAGE_BASE_UNPINNED',
    message: expect.stringContaining('fairlead.lock.json cannot be written') as string,
  })
  rmSync(dir)
})
