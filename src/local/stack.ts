import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildArtifact, type Artifact } from '../build/build.ts'
import type { Project } from '../build/project.ts'
import { basePort, localAccount, type Platform } from '../platforms.ts'
import { loadIdentities } from './iam/identities.ts'
import { startLambdaPlatform } from './lambda/platform.ts'
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

/** A platform as the stack runs it. */
export interface RunningPlatform {
  endpoint: LocalEndpoint
  /** Takes a new artifact; calls in flight end on the old one. */
  replace(artifactDir: string): Promise<void>
  close(): Promise<void>
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
    const lambda = await startLambdaPlatform({
      project,
      artifactDir: artifact.dir,
      port: platformPort(options.port ?? basePort, 1),
      identities,
      env: standIn.env,
      requests,
      log: options.log ?? (() => {}),
    })
    closers.push(() => lambda.close())
    let running = artifact.digest
    const reload = async (always = project.config.server?.kind !== 'module') => {
      const built = await buildInto(project, dir)
      if (!always && built.digest === running) {
        rmSync(built.dir, { recursive: true, force: true })
        return false
      }
      await lambda.replace(built.dir)
      running = built.digest
      return true
    }
    return { endpoints: { lambda: lambda.endpoint }, identities, requests, reload, close }
  } catch (error) {
    await close()
    throw error
  }
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
