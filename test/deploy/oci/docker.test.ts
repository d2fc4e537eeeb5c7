import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PinnedBase } from '../../../src/deploy/oci/base.ts'
import { dockerPush, writeDockerContext } from '../../../src/deploy/oci/docker.ts'
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

/** A program that writes down how it was called, and what came on its stdin. */
function standIn(exit: number): string {
  const file = join(folder.path, `docker-${exit}`)
  writeFileSync(file, `#!/bin/sh\necho "$* < $(cat)" >> '${file}.log'\necho 'the daemon has gone' >&2\nexit ${exit}\n`)
  chmodSync(file, 0o755)
  return file
}

it('writes a Dockerfile that pins the base by digest', () => {
  const text = readFileSync(join(dir, 'Dockerfile'), 'utf8')
  expect(text).toContain(`FROM --platform=linux/arm64 ${registry.host}/library/node@${base.digest}\n`)
  expect(text).toContain('USER 1000:1000\n')
  expect(readFileSync(join(dir, 'app/index.js'), 'utf8')).toBe('')
})

it.skipIf(process.platform === 'win32')('signs in on stdin, builds and pushes', async () => {
  const docker = standIn(0)
  const credentials = async () => ({ username: 'AWS', password: 'secret-of-ecr' })
  const lines: string[] = []
  const uri = 'r.example/app:1'
  await dockerPush({ dir, platform: 'linux/arm64', uri, credentials, docker, log: (line) => lines.push(line) })
  expect(
    readFileSync(`${docker}.log`, 'utf8')
      .trim()
      .split(/ <.*\n?/),
  ).toEqual([
    'login --username AWS --password-stdin r.example',
    `build --platform linux/arm64 --tag ${uri} ${dir}`,
    `push ${uri}`,
    '',
  ])
  expect(readFileSync(`${docker}.log`, 'utf8')).toMatch(/^login [^\n]+ < secret-of-ecr\n/)
  expect(lines.join('\n')).not.toContain('secret-of-ecr')
})

it.skipIf(process.platform === 'win32')('says what docker said when it fails, and that there is none', async () => {
  const to = { dir, platform: 'linux/arm64', uri: 'r.example/app:1' } as const
  await expect(dockerPush({ ...to, docker: standIn(1) })).rejects.toMatchObject({
    code: 'DOCKER_FAILED',
    message: 'docker build ended with 1: the daemon has gone',
  })
  await expect(dockerPush({ ...to, docker: join(folder.path, 'no-docker') })).rejects.toMatchObject({
    code: 'DOCKER_MISSING',
  })
})
