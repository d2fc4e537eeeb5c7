import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../build/artifact.ts'
import { buildArtifact } from '../build/build.ts'
import type { Project } from '../build/project.ts'
import type { FairleadConfig } from '../config.ts'
import { basePort, localAccount, platformNames, platforms, portOffsets, type Platform } from '../platforms.ts'
import { startAgentcoreRuntimePlatform } from './agentcore-runtime/platform.ts'
import { startAgentcoreGatewayPlatform } from './agentcore-gateway/platform.ts'
import { gatewayUsesAuthorization } from '../gateway/project.ts'
import { startAuthorization, type Authorization, type AuthorizationOptions } from './authorization.ts'
import { startFargatePlatform } from './fargate/platform.ts'
import type { Faults } from './faults.ts'
import { loadIdentities } from './iam/identities.ts'
import { startLambdaPlatform } from './lambda/platform.ts'
import type { RunningPlatform, StartPlatform } from './platform.ts'
import { RequestLog, type RequestRecord } from './requests.ts'
import { startStandIn } from './stand-in.ts'
import { stateDir, type IamIdentity, type LocalEndpoint, type LocalUser } from './state.ts'
import type { Deployed } from './template/deployed.ts'

export interface StackOptions {
  /** The base port; 0 takes free ports. */
  port?: number
  onRequest?: (record: RequestRecord) => void
  /** What the server and the platforms say. */
  log?: (line: string) => void
  /** What is broken on purpose. */
  faults?: Faults
  /** What is run as a template says it: its files are the template's, and nothing is built. */
  deployed?: Deployed
}

export interface Stack {
  endpoints: Partial<Record<Platform, LocalEndpoint>>
  identities: IamIdentity[]
  /** Who can sign in, where OAuth guards a platform. */
  users: LocalUser[]
  /** The issuer of the tokens, where OAuth guards a platform. */
  authorizationServer?: string
  requests: RequestLog
  /**
   * Builds again and gives every platform the new artifact; the old one goes on when the build fails. Says whether there
   * was something new. A command's own files are not in its artifact, so that is always taken as new.
   */
  reload(always?: boolean): Promise<boolean>
  /** Folders with files that platforms read beside the artifact: a change there is worth a reload. */
  folders(): string[]
  close(): Promise<void>
}

/** How each platform is started; one that is not here is refused when the configuration is checked. */
const starters: Partial<Record<Platform, StartPlatform>> = {
  lambda: startLambdaPlatform,
  fargate: startFargatePlatform,
  'agentcore-runtime': startAgentcoreRuntimePlatform,
  'agentcore-gateway': startAgentcoreGatewayPlatform,
}

/** Builds the project's artifact and runs it on its platforms, on loopback. What was started is closed again when a later part fails. */
export async function startStack(project: Project, options: StackOptions = {}): Promise<Stack> {
  const dir = stateDir(project.dir)
  const log = options.log ?? (() => {})
  const port = (offset: number) => platformPort(options.port ?? basePort, offset)
  const requests = new RequestLog(dir, options.onRequest ?? (() => {}))
  const closers: (() => Promise<void>)[] = []
  const keep = <T extends { close(): Promise<void> } | undefined>(started: T): T => {
    if (started) closers.push(() => started.close())
    return started
  }
  const close = async () => {
    for (const each of closers.toReversed()) await each()
    requests.close()
    rmSync(join(dir, 'artifacts', String(process.pid)), { recursive: true, force: true })
  }
  try {
    sweepArtifacts(dir)
    const [artifact, standIn, authorization] = await settled([
      options.deployed ? nothingBuilt : buildInto(project, dir),
      startStandIn(project.config.dev ?? {}, project.dir).then(keep),
      authorizationOf(project, {
        stateDir: dir,
        port,
        requests,
        ...(options.faults ? { faults: options.faults } : {}),
        log,
      }).then(keep),
    ])
    const identities = playedBy(loadIdentities(dir, localAccount), options.deployed)
    const running = await startPlatforms(project, (name) => ({
      project,
      artifactDir: artifactOf(name, options.deployed) ?? artifact.dir,
      port: port(platforms[name].portOffset),
      identities,
      env: standIn.env,
      requests,
      ...(authorization ? { authorization } : {}),
      ...(options.faults ? { faults: options.faults } : {}),
      ...(options.deployed ? { deployed: options.deployed } : {}),
      log,
    }))
    closers.push(async () => void (await Promise.all(Object.values(running).map((each) => each.close()))))
    await authorization?.ready
    let digest = artifact.digest
    const { server } = project.config
    const reload = async (always = server !== undefined && server.kind !== 'module') => {
      // A template is what it is until it is synthesized again.
      if (options.deployed) return false
      const built = await buildInto(project, dir)
      const isNew = always || built.digest !== digest
      if (!isNew) rmSync(built.dir, { recursive: true, force: true })
      const due = await Promise.all(
        Object.values(running).map(async (each) => {
          const isDue = each.sources ? always || (await each.sources.changed()) : isNew
          return isDue ? [each] : []
        }),
      )
      await Promise.all(due.flat().map((each) => each.replace(built.dir)))
      digest = built.digest
      return due.flat().length > 0
    }
    const folders = () => Object.values(running).flatMap(({ sources }) => [...(sources?.folders() ?? [])])
    const endpoints = Object.fromEntries(Object.entries(running).map(([name, { endpoint }]) => [name, endpoint]))
    const users = authorization?.users ?? []
    const issuer = authorization ? { authorizationServer: authorization.issuer } : {}
    return { endpoints, identities, users, ...issuer, requests, reload, folders, close }
  } catch (error) {
    await close()
    throw error
  }
}

const nothingBuilt: Promise<Artifact> = Promise.resolve({ dir: '', files: [], digest: '', warnings: [] })

function artifactOf(name: Platform, deployed: Deployed | undefined): string | undefined {
  const part = deployed?.[name]
  return part && 'artifactDir' in part ? part.artifactDir : undefined
}

/** The agent of this machine plays the first caller that a template lets in. */
function playedBy(identities: IamIdentity[], deployed: Deployed | undefined): IamIdentity[] {
  const [caller] = deployed?.callers ?? []
  if (caller === undefined) return identities
  return identities.map((each) => (each.name === 'agent' ? { ...each, arn: caller } : each))
}

/** Waits for all, and throws what the first that failed threw: so what else has started can be closed. */
async function settled<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const outcomes = await Promise.allSettled(work as readonly Promise<unknown>[])
  const failed = outcomes.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
  return outcomes.map((each) => (each as PromiseFulfilledResult<unknown>).value) as unknown as T
}

/** Whether a platform takes tokens of our authorization service. */
function usesOauth(name: Platform, { platforms: configured }: FairleadConfig, dir: string): boolean {
  return (
    (name === 'agentcore-gateway' && gatewayUsesAuthorization(configured[name], dir)) ||
    (name === 'fargate' && configured.fargate !== undefined) ||
    (name === 'lambda' && configured.lambda?.auth === 'oauth')
  )
}

async function authorizationOf(
  project: Project,
  options: Pick<AuthorizationOptions, 'stateDir' | 'requests' | 'faults' | 'log'> & {
    port: (offset: number) => number
  },
): Promise<Authorization | undefined> {
  const guarded = platformNames.filter((name) => usesOauth(name, project.config, project.dir))
  if (guarded.length === 0) return undefined
  const ports = { service: options.port(portOffsets.authorizationService), cognito: options.port(portOffsets.cognito) }
  const { port: _, ...rest } = options
  return startAuthorization({ ...rest, project, ports, guarded: guarded.length })
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
  // A gateway alone has nothing to build.
  if (!project.config.server) return { dir: outDir, files: [], digest: '', warnings: [] }
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
