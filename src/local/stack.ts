import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildArtifact, type Artifact } from '../build/build.ts'
import type { Project } from '../build/project.ts'
import { basePort, localAccount, platformNames, platforms, type Platform } from '../platforms.ts'
import { loadIdentities } from './iam/identities.ts'
import { startLambdaPlatform } from './lambda/platform.ts'
import type { RunningPlatform, StartPlatform } from './platform.ts'
import { RequestLog, type RequestRecord } from './requests.ts'
import { startStandIn } from './stand-in.ts'
import { stateDir, type IamIdentity, type LocalEndpoint } from './state.ts'

export interface StackOptions {
  /** The base port; 0 takes free ports. */
  port?: number
  onRequest?: (record: RequestRecord) => void
  /** What the server and the platforms say. */
  log?: (line: string) => void
}

export interface Stack {
  endpoints: Partial<Record<Platform, LocalEndpoint>>
  identities: IamIdentity[]
  requests: RequestLog
  /**
   * Builds again and gives every platform the new artifact; the old one goes on when the build fails. Says whether there
   * was something new. A command's own files are not in its artifact, so that is always taken as new.
   */
  reload(always?: boolean): Promise<boolean>
  close(): Promise<void>
}

/** How each platform is started; one that is not here is refused when the configuration is checked. */
const starters: Partial<Record<Platform, StartPlatform>> = { lambda: startLambdaPlatform }

/** Builds the project's artifact and runs it on its platforms, on loopback. What was started is closed again when a later part fails. */
export async function startStack(project: Project, options: StackOptions = {}): Promise<Stack> {
  const dir = stateDir(project.dir)
  const requests = new RequestLog(dir, options.onRequest ?? (() => {}))
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closers.toReversed()) await each()
    requests.flush()
    rmSync(join(dir, 'artifacts', String(process.pid)), { recursive: true, force: true })
  }
  try {
    sweepArtifacts(dir)
    const [artifact, standIn] = await Promise.all([
      buildInto(project, dir),
      startStandIn(project.config.dev ?? {}, project.dir),
    ])
    closers.push(() => standIn.close())
    const identities = loadIdentities(dir, localAccount)
    const running = await startPlatforms(project, (name) => ({
      project,
      artifactDir: artifact.dir,
      port: platformPort(options.port ?? basePort, platforms[name].portOffset),
      identities,
      env: standIn.env,
      requests,
      log: options.log ?? (() => {}),
    }))
    closers.push(async () => void (await Promise.all(Object.values(running).map((each) => each.close()))))
    let digest = artifact.digest
    const reload = async (always = project.config.server?.kind !== 'module') => {
      const built = await buildInto(project, dir)
      if (!always && built.digest === digest) {
        rmSync(built.dir, { recursive: true, force: true })
        return false
      }
      await Promise.all(Object.values(running).map((each) => each.replace(built.dir)))
      digest = built.digest
      return true
    }
    const endpoints = Object.fromEntries(Object.entries(running).map(([name, { endpoint }]) => [name, endpoint]))
    return { endpoints, identities, requests, reload, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Starts the platforms that the configuration names, at once. When one fails, those that came up are closed again. */
async function startPlatforms(
  project: Project,
  optionsOf: (name: Platform) => Parameters<StartPlatform>[0],
): Promise<Partial<Record<Platform, RunningPlatform>>> {
  const wanted = platformNames.filter((name) => project.config.platforms[name])
  const outcomes = await Promise.allSettled(wanted.map((name) => starters[name]!(optionsOf(name))))
  const failed = outcomes.find((each) => each.status === 'rejected')
  if (!failed)
    return Object.fromEntries(
      wanted.map((name, at) => [name, (outcomes[at] as PromiseFulfilledResult<RunningPlatform>).value]),
    )
  for (const each of outcomes) if (each.status === 'fulfilled') await each.value.close()
  throw failed.reason
}

export function platformPort(base: number, offset: number): number {
  return base === 0 ? 0 : base + offset
}

let builds = 0

/** Each build has a folder of its own: an environment that still runs keeps the files that it started from. */
async function buildInto(project: Project, dir: string): Promise<Artifact> {
  const outDir = join(dir, 'artifacts', String(process.pid), String(builds++))
  return buildArtifact({ projectDir: project.dir, config: project.config, outDir })
}

/** Removes what a stack that was killed left behind. */
function sweepArtifacts(dir: string): void {
  const root = join(dir, 'artifacts')
  if (!existsSync(root)) return
  for (const name of readdirSync(root)) {
    try {
      process.kill(Number(name), 0)
    } catch {
      rmSync(join(root, name), { recursive: true, force: true })
    }
  }
}
