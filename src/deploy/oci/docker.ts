import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { quoted } from '../../http/quoted.ts'
import { parseReference } from './reference.ts'
import type { PinnedBase } from './base.ts'
import { containerPort } from './plan.ts'
import type { RegistryCredentials } from './registry.ts'

/** Writes a folder that `docker build` makes the same image of: a Dockerfile, and the artifact in `app`. */
export function writeDockerContext({
  artifactDir,
  base,
  outDir,
}: {
  artifactDir: string
  base: PinnedBase
  outDir: string
}): string {
  mkdirSync(outDir, { recursive: true })
  cpSync(artifactDir, join(outDir, 'app'), { recursive: true })
  writeFileSync(join(outDir, 'Dockerfile'), dockerfile(base))
  writeFileSync(join(outDir, '.dockerignore'), '*\n!app\n')
  return outDir
}

function dockerfile({ reference, digest, platform }: PinnedBase): string {
  const { registry, repository } = parseReference(reference)
  const name = `${registry === 'registry-1.docker.io' ? 'docker.io' : registry}/${repository}`
  return `FROM --platform=${platform} ${name}@${digest}
ENV NODE_ENV=production
WORKDIR /app
COPY app /app
USER 1000:1000
EXPOSE ${containerPort}
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/index.js"]
`
}

/**
 * Builds and pushes by Docker, for who has it. Credentials go to `docker login` on its stdin. Throws DOCKER_MISSING and
 * DOCKER_FAILED. The digest is the registry's to say: Docker writes times into what it builds.
 */
export async function dockerPush(options: {
  /** From `writeDockerContext`. */
  dir: string
  platform: PinnedBase['platform']
  /** `REGISTRY/REPOSITORY:TAG`. */
  uri: string
  credentials?: () => Promise<RegistryCredentials>
  /** The program; `docker` by default. */
  docker?: string
  log?: (line: string) => void
}): Promise<void> {
  const { dir, platform, uri, docker = 'docker', log = () => {} } = options
  const credentials = await options.credentials?.()
  if (credentials) {
    const login = ['login', '--username', credentials.username, '--password-stdin', uri.split('/', 1)[0]!]
    await runDocker(docker, login, log, credentials.password)
  }
  await runDocker(docker, ['build', '--platform', platform, '--tag', uri, dir], log)
  await runDocker(docker, ['push', uri], log)
}

async function runDocker(program: string, args: string[], log: (line: string) => void, input = ''): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let tail = ''
  const take = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-2000)
    for (const line of chunk.toString().split('\n')) if (line.trim() !== '') log(line.trimEnd())
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new FairleadError('DOCKER_MISSING', `There is no ${program} on this machine`, { cause })
          : cause,
      ),
    )
    child.once('close', resolve)
  })
  if (code === 0) return
  const last = tail.trim().split('\n').slice(-3).join(' ')
  throw new FairleadError('DOCKER_FAILED', `docker ${args[0]} ended with ${code}: ${quoted(last)}`)
}
