import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PinnedBase } from '../../../src/deploy/oci/base.ts'
import { checkDocker, writeDockerContext } from '../../../src/deploy/oci/docker.ts'
import { resolveBase } from '../../../src/deploy/oci/resolve-base.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { publishBase } from '../support/base-image.ts'
import { startOciRegistry, type OciRegistry } from '../support/oci-registry.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let registry: OciRegistry
let base: PinnedBase
let dir: string
beforeAll(async () => {
  folder = await temporaryFolder()
  registry = await startOciRegistry()
  base = await resolveBase({ reference: publishBase(registry, 'library/node', '24') })
  const artifactDir = join(folder.path, 'artifact')
  mkdirSync(artifactDir)
  writeFileSync(join(artifactDir, 'index.js'), '')
  dir = writeDockerContext({ artifactDir, base, outDir: join(folder.path, 'context') })
})
afterAll(async () => {
  await registry.close()
  await folder.remove()
})

it('writes a Dockerfile that pins the base by digest', () => {
  const text = readFileSync(join(dir, 'Dockerfile'), 'utf8')
  expect(text).toContain(`FROM --platform=linux/arm64 ${registry.host}/library/node@${base.digest}\n`)
  expect(text).toContain('USER 1000:1000\n')
  expect(readFileSync(join(dir, 'app/index.js'), 'utf8')).toBe('')
})

/** A program of that name, which only ends as it is told. */
function standIn(name: string, script: string): NodeJS.ProcessEnv {
  const file = join(folder.path, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return { PATH: `${folder.path}:${process.env.PATH}` }
}

describe.skipIf(process.platform === 'win32')('Docker is looked for', () => {
  it('and taken when program and daemon are there, also another one that CDK_DOCKER names', async () => {
    await checkDocker(standIn('docker', '[ "$*" = version ]'))
    await checkDocker({ ...standIn('finch', '[ "$*" = version ]'), CDK_DOCKER: 'finch' })
  })

  it('and a daemon that does not run is told as that', async () => {
    const said = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
    await expect(checkDocker(standIn('docker', `echo Client: 28; echo '${said}' >&2; exit 1`))).rejects.toMatchObject({
      code: 'DOCKER_FAILED',
      message: `docker cannot build: ${said}`,
      fix: expect.stringContaining('systemctl start docker') as string,
    })
  })

  it('and a program that is not there is named', async () => {
    await expect(checkDocker({ PATH: folder.path, CDK_DOCKER: 'no-docker' })).rejects.toMatchObject({
      code: 'DOCKER_MISSING',
      message: 'There is no no-docker on this machine',
    })
  })
})
