import { execFile, type ExecFileException } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { quoted } from '../../http/quoted.ts'
import { parseReference } from './reference.ts'
import type { PinnedBase } from './base.ts'
import { containerPort } from './plan.ts'

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

/** The program that CDK's toolkit calls: `docker`, or what CDK_DOCKER names, such as `finch` or `podman`. */
function dockerProgram(env: NodeJS.ProcessEnv): string {
  return env.CDK_DOCKER ?? 'docker'
}

/** How long the daemon may take to say its version. */
const patienceMs = 30_000

/**
 * Checks that there is a Docker to build with: its program, and a daemon that answers. Throws DOCKER_MISSING and DOCKER_FAILED.
 * @see https://docs.docker.com/reference/cli/docker/version/ (the server's part is what fails)
 */
export async function checkDocker(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const program = dockerProgram(env)
  const failed = await new Promise<(ExecFileException & { said: string }) | undefined>((resolve) =>
    execFile(program, ['version'], { env, timeout: patienceMs }, (error, stdout, stderr) =>
      resolve(error ? Object.assign(error, { said: stderr.trim() || stdout.trim() }) : undefined),
    ),
  )
  if (!failed) return
  if (failed.code === 'ENOENT')
    throw new FairleadError('DOCKER_MISSING', `There is no ${program} on this machine`, { cause: failed })
  const said = failed.killed ? `it did not answer in ${patienceMs / 1000} s` : quoted(failed.said.split('\n').at(-1)!)
  throw new FairleadError('DOCKER_FAILED', `${program} cannot build: ${said}`, {
    why: 'The program is here, and its daemon does not answer.',
    fix: 'Start it (Docker Desktop, or: sudo systemctl start docker). Or leave out --docker: fairlead makes and pushes the image itself.',
    cause: failed,
  })
}
