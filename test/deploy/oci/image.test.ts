import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf, layerOf } from '../../../src/deploy/oci/layer.ts'
import { lockFile, pinBase, pinnedBase } from '../../../src/deploy/oci/lock.ts'
import { planImage } from '../../../src/deploy/oci/plan.ts'
import { parseReference } from '../../../src/deploy/oci/reference.ts'
import { resolveBase } from '../../../src/deploy/oci/resolve-base.ts'
import { writeTar } from '../../../src/deploy/oci/tar.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let registry: OciRegistry
let reference: string
beforeAll(async () => {
  folder = await temporaryFolder()
  registry = await startOciRegistry()
  reference = publishBase(registry, 'library/node', '24')
})
afterAll(async () => {
  await registry.close()
  await folder.remove()
})

function artifact(name: string): string {
  const dir = join(folder.path, name)
  mkdirSync(join(dir, 'lib'), { recursive: true })
  writeFileSync(join(dir, 'index.js'), 'console.log("it runs")\n')
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}\n')
  writeFileSync(join(dir, 'lib/a.json'), '{}')
  return dir
}

/** Whether there is a tar whose words the test speaks. */
function gnuTar(): boolean {
  return spawnSync('tar', ['--version']).stdout?.toString().includes('GNU tar') ?? false
}

describe('the layer', () => {
  it('has the same digest from two folders, at two times, with other modes', () => {
    const [one, two] = [artifact('one'), artifact('two')]
    chmodSync(join(two, 'index.js'), 0o600)
    utimesSync(join(two, 'index.js'), 1e9, 1e9)
    expect(layerOf(two).digest).toBe(layerOf(one).digest)
    writeFileSync(join(two, 'index.js'), 'console.log("another")\n')
    expect(layerOf(two).digest).not.toBe(layerOf(one).digest)
  })

  it('has one digest on every machine', () => {
    const dir = join(folder.path, 'pinned')
    mkdirSync(dir)
    writeFileSync(join(dir, 'index.js'), 'x'.repeat(200_000))
    expect(layerOf(dir)).toMatchObject({
      digest: 'sha256:fb4d0ca11bb46d7899f36e7cefc2716473723df7f7bc62d88c471479489cf170',
      diffId: 'sha256:18c3fab349eec7c8f5b7a6a14ac90fa266cb4d21a8e28e7dc6f95b18655e6f97',
    })
  })

  it.runIf(gnuTar())('is read by tar as it was written: names of any length and letters, modes, root, 1970', () => {
    const names = [
      'app/index.js',
      `app/${'long/'.repeat(25)}name.js`,
      `app/${'x'.repeat(120)}.js`,
      'app/ä/日本.txt',
      `app/${'d'.repeat(60)}/${'e'.repeat(95)}`,
    ]
    const bytes = Buffer.from('hello')
    const tar = writeTar(names.map((name, at) => ({ name, bytes, executable: at === 0 })))
    expect(tar.length % 512).toBe(0)
    const listing = execFileSync(
      'tar',
      ['--list', '--verbose', '--utc', '--numeric-owner', '--quoting-style=literal'],
      {
        input: tar,
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      },
    ).toString()
    for (const name of names) expect(listing).toContain(`1970-01-01 00:00 ${name}\n`)
    expect(listing).toMatch(/^-rwxr-xr-x 0\/0 +5 1970-01-01 00:00 app\/index\.js$/m)
    expect(listing).toMatch(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 app\/$/m)
    expect(execFileSync('tar', ['--extract', '--to-stdout', names[3]!], { input: tar }).toString()).toBe('hello')
  })

  it('refuses a link, and a folder without an index.js', () => {
    const linked = artifact('linked')
    symlinkSync('/etc/passwd', join(linked, 'secrets'))
    expect(() => layerOf(linked)).toThrow(expect.objectContaining({ code: 'IMAGE_ARTIFACT_INVALID' }))
    const empty = join(folder.path, 'empty')
    mkdirSync(empty)
    expect(() => layerOf(empty)).toThrow(/no index\.js/)
  })
})

describe('the plan', () => {
  it('has the same digest and tag from two folders, and another for another base', async () => {
    const base = await resolveBase({ reference })
    const [one, two] = [artifact('plan-one'), artifact('plan-two')].map((dir) => planImage({ artifactDir: dir, base }))
    expect(one!.digest).toBe(two!.digest)
    expect(one!.tag).toBe(one!.digest.slice(7, 47))
    const other = await resolveBase({ reference: publishBase(registry, 'library/node', 'other') })
    expect(planImage({ artifactDir: artifact('plan-one'), base: other }).digest).not.toBe(one!.digest)
  })

  it('runs the artifact as a user who is not root, with nothing of the machine in it', async () => {
    const base = await resolveBase({ reference })
    const plan = planImage({ artifactDir: artifact('runs'), base })
    const config = JSON.parse(plan.config.bytes.toString()) as {
      config: unknown
      rootfs: { diff_ids: string[] }
      history: unknown[]
    }
    expect(config).toMatchObject({
      architecture: 'arm64',
      variant: 'v8',
      os: 'linux',
      config: {
        Entrypoint: ['node', '/app/index.js'],
        User: '1000:1000',
        WorkingDir: '/app',
        ExposedPorts: { '8000/tcp': {} },
        Env: ['PATH=/usr/local/bin:/usr/bin', 'NODE_VERSION=24.21.0', 'NODE_ENV=production'],
        Labels: { 'org.opencontainers.image.base.digest': base.digest },
      },
    })
    expect(config).not.toHaveProperty('created')
    expect(config.config).not.toHaveProperty('Cmd')
    const { rootfs, history } = config
    expect(rootfs.diff_ids.at(-1)).toBe(plan.layer.diffId)
    expect(rootfs.diff_ids).toHaveLength(3)
    expect(history).toHaveLength(3)
    expect(digestOf(gunzipSync(plan.layer.bytes))).toBe(plan.layer.diffId)
    expect(plan.config.bytes.toString() + plan.manifest.bytes.toString()).not.toContain(folder.path)
  })

  it('is of the processor that is asked for', async () => {
    const base = await resolveBase({ reference, arch: 'amd64' })
    expect(base.platform).toBe('linux/amd64')
    expect(() => planImage({ artifactDir: artifact('cpu'), base })).toThrow(/linux\/amd64, not for linux\/arm64/)
    expect(planImage({ artifactDir: artifact('cpu'), base, arch: 'amd64' }).digest).toMatch(/^sha256:/)
  })

  it('refuses a base whose manifest or configuration is not that of its digest', async () => {
    const base = await resolveBase({ reference })
    const artifactDir = artifact('tampered')
    for (const wrong of [
      { ...base, manifest: base.manifest.replace('"size":', '"size": ') },
      { ...base, config: base.config.replace('24.21.0', '18.0.0') },
    ])
      expect(() => planImage({ artifactDir, base: wrong })).toThrow(
        expect.objectContaining({ code: 'IMAGE_BASE_INVALID' }),
      )
  })
})

describe('the lock file', () => {
  it('gives back offline what was pinned, for each processor', async () => {
    const dir = join(folder.path, 'project')
    mkdirSync(dir)
    expect(() => pinnedBase(dir)).toThrow(expect.objectContaining({ code: 'IMAGE_BASE_UNPINNED' }))
    const [arm, amd] = [await resolveBase({ reference }), await resolveBase({ reference, arch: 'amd64' })]
    pinBase(dir, arm)
    pinBase(dir, amd)
    expect(pinnedBase(dir, { reference })).toEqual(arm)
    expect(pinnedBase(dir, { reference, arch: 'amd64' })).toEqual(amd)
    expect(() => pinnedBase(dir, { reference: 'node:26' })).toThrow(/pins 127.* asks for node:26/)
    const copy = join(folder.path, 'clone')
    cpSync(dir, copy, { recursive: true })
    expect(planImage({ artifactDir: artifact('locked'), base: pinnedBase(copy, { reference }) }).digest).toBe(
      planImage({ artifactDir: artifact('locked'), base: arm }).digest,
    )
    expect(readFileSync(join(dir, lockFile), 'utf8')).not.toContain(folder.path)
  })

  it.each(['{', '{"version":2}', '{"version":1,"baseImages":{"linux/arm64":{"digest":1}}}', 'null'])(
    'is refused when it is %s',
    (text) => {
      const dir = join(folder.path, 'broken-lock')
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, lockFile), text)
      expect(() => pinnedBase(dir)).toThrow(expect.objectContaining({ code: 'IMAGE_BASE_INVALID' }))
    },
  )
})

describe('resolving a base', () => {
  it('takes one by digest, and refuses an answer with other bytes', async () => {
    const { digest } = await resolveBase({ reference })
    const byDigest = `${registry.host}/library/node@${digest}`
    expect((await resolveBase({ reference: byDigest })).digest).toBe(digest)
    const liar = await startOciRegistry({ corrupt: new Set([digest]) })
    for (const [key, value] of registry.manifests) liar.manifests.set(key, value)
    await expect(resolveBase({ reference: `${liar.host}/library/node@${digest}` })).rejects.toMatchObject({
      code: 'IMAGE_DIGEST',
    })
    await liar.close()
  })

  it('names what is not there', async () => {
    await expect(resolveBase({ reference: `${registry.host}/library/node:99` })).rejects.toMatchObject({
      code: 'REGISTRY_FAILED',
      message: expect.stringContaining('404') as string,
    })
  })

  it.each([
    ['node:24', { registry: 'registry-1.docker.io', repository: 'library/node', version: '24' }],
    ['someone/node', { registry: 'registry-1.docker.io', repository: 'someone/node', version: 'latest' }],
    ['docker.io/library/node:24', { registry: 'registry-1.docker.io', repository: 'library/node', version: '24' }],
    [
      'public.ecr.aws/docker/library/node:24-bookworm-slim',
      { registry: 'public.ecr.aws', repository: 'docker/library/node', version: '24-bookworm-slim' },
    ],
    ['127.0.0.1:5000/a:b', { registry: '127.0.0.1:5000', repository: 'a', version: 'b' }],
    [
      `r.example/a:b@sha256:${'0'.repeat(64)}`,
      { registry: 'r.example', repository: 'a', version: `sha256:${'0'.repeat(64)}` },
    ],
  ])('reads %s as Docker does', (text, parts) => {
    expect(parseReference(text)).toEqual(parts)
  })

  it.each([
    '',
    'Node:24',
    'https://r.example/a',
    'r.example/../a',
    'a b',
    'r.example/a@sha256:12',
    'user:pass@r.example/a',
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'IMAGE_BASE_INVALID' }))
  })
})
