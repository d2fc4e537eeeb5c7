import type { Command } from 'commander'
import type { Client } from '@modelcontextprotocol/client'
import { sigv4Fetch } from '../auth/sigv4/fetch.ts'
import { connectClient } from '../connect/client.ts'
import { oauthFetch } from '../connect/oauth-fetch.ts'
import { projectDir } from '../build/project.ts'
import { FairleadError } from '../errors.ts'
import { readState, type LocalEndpoint, type LocalState } from '../local/state.ts'
import { nearest } from '../nearest.ts'
import { platformNames, type Platform } from '../platforms.ts'
import { personOf, personSource } from './person.ts'

export interface TargetOptions {
  on?: string
  as?: string
  era?: string
  project?: string
}

/** Adds the options that say where to and who as. */
export function withTarget(command: Command): Command {
  return command
    .option('--on <platform|url>', 'a platform of the local stack, or any URL (default: lambda)')
    .option('--as <identity>', 'who calls (default: agent, or the first user where OAuth guards)')
    .option('--era <era>', 'auto, legacy (with initialize) or modern (2026-07-28)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
}

/** Connects to a platform of the running local stack as one of its identities, or to any URL: without credentials, or as a user who is named. */
export async function connectTarget(options: TargetOptions, version: string): Promise<Client> {
  const era = eraOf(options.era)
  const on = options.on ?? 'lambda'
  const isUrl = /^https?:\/\//.test(on)
  if (isUrl && options.as === undefined) return connectClient({ url: on, era, version })
  const dir = projectDir(options.project)
  const state = readState(dir)
  if (isUrl) return connectClient({ url: on, fetch: fetchAsUser(state, dir, on, options.as), era, version })
  const endpoint = endpointOf(state, on)
  const { url } = endpoint
  if (endpoint.auth === 'none') return connectClient({ url, era, version })
  const fetch =
    endpoint.auth === 'iam'
      ? fetchAsIdentity(state, endpoint, options.as ?? 'agent')
      : fetchAsUser(state, dir, url, options.as)
  return connectClient({ url, fetch, era, version })
}

/** The endpoint of a platform that runs. Throws STACK_NOT_RUNNING, USAGE. */
export function endpointOf(state: LocalState, on: string): LocalEndpoint {
  const found = state.endpoints[platformOf(on)]
  if (found) return found
  throw new FairleadError('STACK_NOT_RUNNING', `The local stack does not run ${on}`, {
    fix: 'Add it to `platforms` in fairlead.config.ts and start fairlead dev again.',
  })
}

function fetchAsIdentity(state: LocalState, endpoint: LocalEndpoint, name: string): typeof fetch {
  const { accessKeyId, secretAccessKey, sessionToken } = identityOf(state, name)
  return sigv4Fetch({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    service: endpoint.service ?? 'lambda',
    region: endpoint.region ?? state.region,
  })
}

function fetchAsUser(state: LocalState, dir: string, url: string, name: string | undefined): typeof fetch {
  const person = personOf(state, name)
  const { users } = state.identities
  return oauthFetch({
    source: personSource(dir, url, person),
    username: person.username,
    may: person.scopes,
    whoMay: (scope) => users.find(({ scopes }) => scopes.includes(scope))?.username,
  })
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

function eraOf(given: string | undefined): 'auto' | 'legacy' | 'modern' {
  if (given === undefined || given === 'auto' || given === 'legacy' || given === 'modern') return given ?? 'auto'
  throw new FairleadError('USAGE', `${given} is not an era`, { fix: 'Eras: auto, legacy, modern' })
}
