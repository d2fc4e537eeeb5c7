import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planImage, type ImagePlan } from '../../../src/deploy/oci/plan.ts'
import { pushImage } from '../../../src/deploy/oci/push.ts'
import { resolveBase } from '../../../src/deploy/oci/resolve-base.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

const has = (program: string) => spawnSync(program, ['--version']).status === 0
const missing = ['docker-registry', 'skopeo', 'umoci'].filter((each) => !has(each))
if (missing.length > 0) console.error(`skipped, not on this machine: ${missing.join(', ')} (apt-get install them)`)

/** The registry that Docker distributes, and readers of images by others: they know nothing of ours. */
describe.skipIf(missing.includes('docker-registry'))('a real registry', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let upstream: OciRegistry
  let child: ChildProcess
  let host: string
  let plan: ImagePlan
  beforeAll(async () => {
    folder = await temporaryFolder()
    const settings = join(folder.path, 'registry.yml')
    const storage = `{ filesystem: { rootdirectory: ${join(folder.path, 'storage')} } }`
    writeFileSync(settings, `version: 0.1\nstorage: ${storage}\nhttp: { addr: '127.0.0.1:0' }\n`)
    child = spawn('docker-registry', ['serve', settings], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    })
    for await (const line of createInterface(child.stderr!)) {
      const [, address] = /listening on (127\.0\.0\.1:\d+)/.exec(line) ?? []
      if (address) host = address
      if (address) break
    }
    child.stderr!.resume()
    upstream = await startOciRegistry()
    const base = await resolveBase({ reference: publishBase(upstream, 'library/node', '24') })
    const artifactDir = join(folder.path, 'artifact')
    mkdirSync(artifactDir)
    writeFileSync(join(artifactDir, 'index.js'), 'console.log("it runs")\n')
    plan = planImage({ artifactDir, base })
  })
  afterAll(async () => {
    child.kill()
    await upstream.close()
    await folder.remove()
  })

  it('takes an image, whole and in pieces, mounts its layers for another repository, and is sent nothing twice', async () => {
    const whole = await pushImage(plan, { registry: host, repository: 'one/whole' })
    expect(whole.pushedBytes).toBeGreaterThan(plan.layer.size)
    expect(await pushImage(plan, { registry: host, repository: 'one/whole' })).toMatchObject({ pushedBytes: 0 })
    const from = { registry: host, repository: 'one/whole' }
    expect(await pushImage(plan, { registry: host, repository: 'two/mounted', from })).toMatchObject({ mounted: 2 })
    const inPieces = { registry: host, repository: 'three/pieces', chunkBytes: 64_000 }
    expect(await pushImage(plan, inPieces)).toMatchObject({ pushedBytes: whole.pushedBytes })
    const answer = await fetch(`http://${host}/v2/three/pieces/manifests/${plan.tag}`, {
      headers: { accept: plan.manifest.mediaType },
    })
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(plan.manifest.bytes)
  })

  it.skipIf(missing.includes('skopeo') || missing.includes('umoci'))(
    'gives it to skopeo, and umoci unpacks it',
    async () => {
      await pushImage(plan, { registry: host, repository: 'one/whole' })
      const layout = join(folder.path, 'layout')
      const copy = ['copy', '--src-tls-verify=false', '--override-arch', 'arm64', '--insecure-policy']
      execFileSync('skopeo', [...copy, `docker://${host}/one/whole@${plan.digest}`, `oci:${layout}:it`])
      const bundle = join(folder.path, 'bundle')
      execFileSync('umoci', ['unpack', '--rootless', '--image', `${layout}:it`, bundle])
      expect(readFileSync(join(bundle, 'rootfs/app/index.js'), 'utf8')).toContain('it runs')
      expect(existsSync(join(bundle, 'rootfs/usr/lib/arm64-0'))).toBe(true)
      const runtime = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as {
        process: { args: string[]; user: { uid: number }; cwd: string }
      }
      expect(runtime.process).toMatchObject({ args: ['node', '/app/index.js'], cwd: '/app', user: { uid: 1000 } })
    },
  )
})
