import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../errors.ts'
import type { Platform } from '../platforms.ts'

export interface IamIdentity {
  name: string
  arn: string
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** Somebody who can sign in at the Cognito stand-in. */
export interface LocalUser {
  username: string
  password: string
  /** On the wire: `name/key`. */
  scopes: string[]
}

export interface LocalEndpoint {
  url: string
  auth: 'iam' | 'oauth' | 'none'
  /** Of the signature, when `auth` is `iam`. */
  service?: string
  region?: string
  arn?: string
  /** Where AWS's own SDK client for the service may be pointed. */
  sdkEndpoint?: string
  /** The function URL behind CloudFront, when `lambda` is guarded by OAuth. */
  originUrl?: string
}

/** What a running local stack says of itself in .fairlead/local.json. Fields may be added; these stay. */
export interface LocalState {
  pid: number
  version: string
  region: string
  accountId: string
  endpoints: Partial<Record<Platform, LocalEndpoint>>
  identities: {
    iam: IamIdentity[]
    users: LocalUser[]
    /** What users sign in through, where clients cannot register themselves. */
    client?: { clientId: string; redirectUri: string }
  }
  /** The issuer of the authorization service, where one runs. */
  authorizationServer?: string
  control: { url: string; token: string }
}

/** The folder for everything that belongs to one project on one machine: keys, artifacts, what runs. Git-ignored. */
export function stateDir(projectDir: string): string {
  const dir = join(projectDir, '.fairlead')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
  writeFileSync(join(dir, '.gitignore'), '*\n')
  return dir
}

const fileName = 'local.json'

/** Writes local.json whole or not at all, readable by its owner alone. */
export function writeState(projectDir: string, state: LocalState): void {
  const file = join(stateDir(projectDir), fileName)
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
}

/** Removes local.json if this process wrote it. */
export function removeState(projectDir: string): void {
  if (peekState(projectDir)?.pid === process.pid) rmSync(join(projectDir, '.fairlead', fileName), { force: true })
}

/** The state of the running stack. Throws STACK_NOT_RUNNING. */
export function readState(projectDir: string): LocalState {
  const state = peekState(projectDir)
  if (!state) throw new FairleadError('STACK_NOT_RUNNING', 'No local stack runs for this project')
  if (!isAlive(state.pid)) throw new FairleadError('STACK_NOT_RUNNING', 'The local stack of this project has ended')
  return state
}

/** Throws STACK_ALREADY_RUNNING when another process runs this project's stack: its control API must answer, since pids are reused. */
export async function refuseSecondStack(projectDir: string): Promise<void> {
  const state = peekState(projectDir)
  if (!state || state.pid === process.pid || !isAlive(state.pid)) return
  const answers = await fetch(`${state.control.url}/api/status`, {
    headers: { authorization: `Bearer ${state.control.token}` },
    signal: AbortSignal.timeout(1000),
  }).then(
    (response) => response.ok,
    () => false,
  )
  if (answers)
    throw new FairleadError(
      'STACK_ALREADY_RUNNING',
      `fairlead dev already runs for this project (process ${state.pid})`,
    )
}

function peekState(projectDir: string): LocalState | undefined {
  try {
    return JSON.parse(readFileSync(join(projectDir, '.fairlead', fileName), 'utf8')) as LocalState
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
