import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lockFile } from '../../../src/deploy/oci/lock.ts'
import { copyProject, fairlead } from '../../cli/support.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

let project: Awaited<ReturnType<typeof copyProject>>
let registry: OciRegistry
let reference: string
beforeAll(async () => {
  registry = await startOciRegistry()
  project = await copyProject('none')
  reference = publishBase(registry, 'library/node', '24')
  await writeFile(join(project.dir, 'server.ts'), 'export default () => ({})\n')
  await writeFile(
    join(project.dir, 'fairlead.config.ts'),
    `export default { name: 'own', server: { kind: 'module', entry: './server.ts' }, platforms: { fargate: { baseImage: '${reference}' } } }\n`,
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

it('is the image that synth names, whatever is built beside the server', async () => {
  const built = await fairlead(['build', '--image', '--json'], { cwd: project.dir })
  const { data } = JSON.parse(built.stdout) as { data: { image: { digest: string }; authorizationService: unknown } }
  expect(data.authorizationService).toBeDefined()
  await fairlead(['synth', '--json'], { cwd: project.dir, env: { AWS_REGION: 'eu-west-1' } })
  const template = await readFile(join(project.dir, '.fairlead/cdk.out/own-default-fargate.template.json'), 'utf8')
  expect(template).toContain(data.image.digest)
})

it('is that of our own gateway too, where it runs as tasks', async () => {
  const gateway = await copyProject('none')
  try {
    await cp(join(project.dir, lockFile), join(gateway.dir, lockFile))
    const definition = { name: 'own', roleArn: 'arn:aws:iam::111122223333:role/x', authorizerType: 'CUSTOM_JWT', authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl: 'https://login.example.com/.well-known/openid-configuration', allowedAudience: ['own'] } } } // prettier-ignore
    await writeFile(join(gateway.dir, 'gateway.json'), JSON.stringify(definition))
    const configure = (deployAs: string) =>
      writeFile(
        join(gateway.dir, 'fairlead.config.ts'),
        `export default { name: 'own', platforms: { 'agentcore-gateway': { gateway: './gateway.json', targets: [], deployAs: '${deployAs}', ${deployAs}: ${deployAs === 'fargate' ? `{ baseImage: '${reference}' }` : '{}'} } } }\n`,
      )
    await configure('fargate')
    const built = await fairlead(['build', '--image', '--json'], { cwd: gateway.dir })
    const { data } = JSON.parse(built.stdout) as { data: { gateway: { image: { digest: string } } } }
    await fairlead(['synth'], { cwd: gateway.dir, env: { AWS_REGION: 'us-east-1' } })
    const file = join(gateway.dir, '.fairlead/cdk.out/own-default-agentcore-gateway.template.json')
    expect(await readFile(file, 'utf8')).toContain(data.gateway.image.digest)
    await configure('lambda')
    const none = await fairlead(['build', '--image'], { cwd: gateway.dir })
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('Nothing that is built here runs in an image')
  } finally {
    await gateway.remove()
  }
})
