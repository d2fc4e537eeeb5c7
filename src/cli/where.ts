import type { Command } from 'commander'
import { signedFetch } from '../auth/sigv4/fetch.ts'
import { projectDir } from '../build/project-dir.ts'
import { authKinds, endpointFetch, type AuthKind } from '../connect/endpoint-fetch.ts'
import type { KnownClient } from '../connect/sign-in.ts'
import { FairleadError } from '../errors.ts'
import type { LightFetch } from '../http/light-fetch.ts'
import { readState, type LocalEndpoint, type LocalState } from '../local/state.ts'
import { nearest } from '../nearest.ts'
import { platformNames, type Platform } from '../platforms.ts'

export interface TargetOptions extends AuthOptions {
  on?: string
  as?: string
  era?: string
  project?: string
}

/** How an endpoint anywhere is called. */
export interface AuthOptions {
  auth?: string
  service?: string
  region?: string
  profile?: string
  client?: string
  clientCredentials?: boolean
  redirectUri?: string
  scope?: string[]
}

/** Adds the options that say where to and who as. */
export function withTarget(command: Command): Command {
  return withAuth(
    command
      .option('--on <platform|url>', 'a platform of the local stack, or any URL (default: lambda, or what runs)')
      .option('--as <identity>', 'who calls a local endpoint (default: agent, or the first user where OAuth guards)')
      .option('--era <era>', 'auto, legacy (with initialize) or modern (2026-07-28)')
      .option('--project <folder>', 'the folder with fairlead.config.ts'),
  )
}

/** Adds the options that say how an endpoint anywhere is called. */
export function withAuth(command: Command): Command {
  return command
    .option('--auth <kind>', 'for a URL: sigv4, oauth or none (default: found out)')
    .option('--service <name>', 'sign for this service (default: what the host says)')
    .option('--region <name>', 'sign for this region (default: what the host says)')
    .option('--profile <name>', 'sign with this AWS profile (default: the standard AWS chain)')
    .option('--client <id|url>', 'sign in as this OAuth client, known to the server or described at an https URL')
    .option('--redirect-uri <url>', 'the one that this client is registered with (default: any free port)')
    .option('--client-credentials', 'the token is for the client itself; its secret is in FAIRLEAD_CLIENT_SECRET')
    .option('--scope <scope...>', 'sign in for these scopes')
}

export interface Target {
  url: string
  fetch: LightFetch
}

/** Finds out where a platform or a URL is, and how it is called: in the end over `send`. */
export function targetOf(
  on: string,
  options: TargetOptions,
  note: (line: string) => void,
  send: LightFetch = fetch,
): Target {
  const local = isUrl(on) ? localEndpoint(on, options) : undefined
  if (isUrl(on) && !local) return { url: on, fetch: fetchAnywhere(on, options, note, send) }
  const { state, dir } = local ?? stateOf(options)
  const endpoint = local?.endpoint ?? endpointOf(state, on)
  const { url } = endpoint
  if (endpoint.auth === 'none') return { url, fetch: send }
  if (endpoint.auth === 'iam') return { url, fetch: fetchAsIdentity(state, endpoint, options.as ?? 'agent', send) }
  return { url, fetch: fetchAsUser(state, dir, url, options.as, send) }
}

/** Whether it is an http or https URL. Throws USAGE when it begins as one and is none, or carries a password. */
export function isUrl(on: string): boolean {
  if (!/^https?:\/\//.test(on)) return false
  if (!URL.canParse(on)) throw new FairleadError('USAGE', `${on} is not a URL`)
  const { username, password } = new URL(on)
  if (username === '' && password === '') return true
  throw new FairleadError('USAGE', 'The URL carries a user or a password', {
    why: 'A URL is seen by every process and written into logs and settings, and MCP servers do not take them.',
    fix: 'Leave them out of the URL.',
  })
}

export interface LocalTarget {
  endpoint: LocalEndpoint
  dir: string
  /** Set when it was named, not given as a URL. */
  platform?: Platform
}

/** The endpoint of the local stack that a platform or a URL names; undefined for a URL elsewhere. Throws STACK_NOT_RUNNING, USAGE. */
export function localEndpointFor(on: string, options: { project?: string; auth?: string }): LocalTarget | undefined {
  if (isUrl(on)) return localEndpoint(on, options)
  const { state, dir } = stateOf(options)
  return { endpoint: endpointOf(state, on), dir, platform: platformOf(on) }
}

function stateOf(options: { project?: string }): { state: LocalState; dir: string } {
  const dir = projectDir(options.project)
  return { state: readState(dir), dir }
}

/** The local stack's endpoint with that URL; with `--as`, any URL is called as one of its users. */
function localEndpoint(
  url: string,
  options: Pick<TargetOptions, 'project' | 'auth' | 'as'>,
): { state: LocalState; dir: string; endpoint: LocalEndpoint } | undefined {
  if (options.auth !== undefined) return undefined
  if (options.as !== undefined) {
    const found = stateOf(options)
    return { ...found, endpoint: endpointWith(found.state, url) ?? { url, auth: 'oauth' } }
  }
  try {
    const found = stateOf(options)
    const endpoint = endpointWith(found.state, url)
    return endpoint && { ...found, endpoint }
  } catch {
    return undefined
  }
}

function endpointWith(state: LocalState, url: string): LocalEndpoint | undefined {
  const { href } = new URL(url)
  return Object.values(state.endpoints).find((each) => each && new URL(each.url).href === href)
}

function fetchAnywhere(
  url: string,
  options: TargetOptions,
  note: (line: string) => void,
  send: LightFetch,
): LightFetch {
  const { service, region, profile } = options
  return endpointFetch({
    url,
    ...(options.auth === undefined ? {} : { auth: authKindOf(options.auth) }),
    ...(service === undefined ? {} : { service }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    log: note,
    oauth: () => fetchWithToken(url, options, note, send),
    fetch: send,
  })
}

function fetchWithToken(
  url: string,
  options: TargetOptions,
  note: (line: string) => void,
  send: LightFetch,
): LightFetch {
  const scopes = options.scope?.flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== '')
  const client = options.client === undefined ? undefined : knownClient(options.client, options.redirectUri)
  if (options.redirectUri !== undefined && !client)
    throw new FairleadError('USAGE', '--redirect-uri belongs to a client', { fix: '--client ID --redirect-uri URL' })
  if (options.clientCredentials === true && !client?.clientSecret) throw noSecret(options.client ?? 'ID')
  return lazily(async () =>
    (await import('./token-fetch.ts')).tokenFetch({
      url,
      note,
      fetch: send,
      machine: options.clientCredentials === true,
      ...(client ? { client } : {}),
      ...(scopes ? { scopes } : {}),
    }),
  )
}

/** A client that the server knows, with its secret where there is one. Throws USAGE. */
export function knownClient(clientId: string, redirectUri?: string): KnownClient {
  if (redirectUri !== undefined && !URL.canParse(redirectUri))
    throw new FairleadError('USAGE', `${redirectUri} is not a URL`)

  const clientSecret = process.env.FAIRLEAD_CLIENT_SECRET
  return { clientId, ...(clientSecret ? { clientSecret } : {}), ...(redirectUri === undefined ? {} : { redirectUri }) }
}

/** Names the place where a client's secret belongs. */
export function noSecret(clientId: string): FairleadError {
  return new FairleadError('USAGE', `The secret of the client ${clientId} is not there`, {
    why: 'A secret on a command line is seen by every process, so it comes in the environment.',
    fix: 'FAIRLEAD_CLIENT_SECRET=… fairlead token --client ID',
  })
}

/** Throws USAGE. */
export function authKindOf(given: string): AuthKind {
  const found = authKinds.find((each) => each === given)
  if (found) return found
  throw new FairleadError('USAGE', `${given} is not a kind of authentication`, {
    fix: `Kinds: ${authKinds.join(', ')}`,
  })
}

/** What is meant where nobody says it: lambda, or, where that does not run, the first platform that does. */
export function defaultPlatform(options: { project?: string }): Platform {
  const running = platformsIn(options)
  return running.includes('lambda') ? 'lambda' : (running[0] ?? 'lambda')
}

function platformsIn(options: { project?: string }): Platform[] {
  try {
    const { endpoints } = stateOf(options).state
    return platformNames.filter((name) => endpoints[name])
  } catch (error) {
    if (error instanceof FairleadError) return []
    throw error
  }
}

/** The endpoint of a platform that runs. Throws STACK_NOT_RUNNING, USAGE. */
export function endpointOf(state: LocalState, on: string): LocalEndpoint {
  const found = state.endpoints[platformOf(on)]
  if (found) return found
  throw doesNotRun(on, state)
}

export function doesNotRun(platform: string | undefined, { endpoints }: LocalState): FairleadError {
  const running = platformNames.filter((name) => endpoints[name])
  return new FairleadError('STACK_NOT_RUNNING', `The local stack does not run ${platform}`, {
    why: `It runs ${running.join(', ') || 'nothing'}.`,
    fix: 'Add it to `platforms` in fairlead.config.ts and start fairlead dev again.',
  })
}

function fetchAsIdentity(state: LocalState, endpoint: LocalEndpoint, name: string, send: LightFetch): LightFetch {
  const { accessKeyId, secretAccessKey, sessionToken } = identityOf(state, name)
  return signedFetch({
    fetch: send,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    service: endpoint.service ?? 'lambda',
    region: endpoint.region ?? state.region,
  })
}

function fetchAsUser(
  state: LocalState,
  dir: string,
  url: string,
  name: string | undefined,
  send: LightFetch,
): LightFetch {
  return lazily(async () => (await import('./person.ts')).personFetch(state, dir, url, name, send))
}

/** What signs in loads the official SDK, which a signing proxy can do without. */
function lazily(load: () => Promise<LightFetch>): LightFetch {
  let loaded: Promise<LightFetch> | undefined
  return async (url, init) => (await (loaded ??= load()))(url, init)
}

function identityOf(state: LocalState, name: string): LocalState['identities']['iam'][number] {
  const found = state.identities.iam.find((each) => each.name === name)
  if (found) return found
  const names = state.identities.iam.map((each) => each.name)
  throw new FairleadError('IDENTITY_UNKNOWN', `There is no identity ${name}`, {
    fix: `There are: ${names.join(', ')}. Try: --as ${nearest(name, names) ?? names[0]}`,
  })
}

function platformOf(name: string): Platform {
  const found = platformNames.find((each) => each === name)
  if (found) return found
  const meant = nearest(name, platformNames)
  throw new FairleadError(
    'USAGE',
    `${name} is neither a platform nor a URL${meant ? `; did you mean ${meant}?` : ''}`,
    { fix: `Platforms: ${platformNames.join(', ')}` },
  )
}
