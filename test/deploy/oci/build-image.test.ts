import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lockFile } from '../../../src/deploy/oci/lock.ts'
import { copyProject, fairlead } from '../../cli/support.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

let project: Awaited<ReturnType<typeof copyProject>>
let registry: OciRegistry
beforeAll(async () => {
  registry = await startOciRegistry()
  project = await copyProject('none')
  const baseImage = publishBase(registry, 'library/node', '24')
  await writeFile(join(project.dir, 'server.ts'), 'export default () => ({})\n')
  await writeFile(
    join(project.dir, 'fairlead.config.ts'),
    `export default { name: 'own', server: { kind: 'module', entry: './server.ts' }, platforms: { fargate: { baseImage: '${baseImage}' } } }\n`,
  )
})
afterAll(async () => {
  await registry.close()
  await project.remove()
})

it('fairlead build --image pins the base once, and from then on asks no network', async () => {
  const onCi = await fairlead(['build', '--image'], { cwd: project.dir, env: { CI: 'true' } })
  expect(onCi.code).toBe(2)
  expect(onCi.stderr).toMatch(/IMAGE_BASE_UNPINNED[^]*CI is set[^]*fairlead build --image --update-base/)
  const pinned = await fairlead(['build', '--image', '--json'], { cwd: project.dir, env: { CI: '' } })
  expect(pinned.stderr).toMatch(/^fairlead\.lock\.json now pins .* at sha256:[0-9a-f]{64}: commit it/m)
  const { data } = JSON.parse(pinned.stdout) as { data: { image: { digest: string; tag: string } } }
  expect(data.image).toMatchObject({ tag: data.image.digest.slice(7, 47), base: { platform: 'linux/arm64' } })
  expect(await readFile(join(project.dir, lockFile), 'utf8')).toContain('"linux/arm64"')
  const updated = await fairlead(['build', '--image', '--update-base'], { cwd: project.dir, env: { CI: 'true' } })
  expect(updated.stderr).toMatch(/^fairlead\.lock\.json pins .*, as before$/m)
  await registry.close()
  registry = await startOciRegistry()
  const again = await fairlead(['build', '--image'], { cwd: project.dir, env: { CI: 'true' } })
  expect(again.stdout).toContain(`image ${data.image.digest}`)
  expect(registry.requests).toEqual([])
})
