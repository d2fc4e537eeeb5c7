import type { Command } from 'commander'
import type { Client } from '@modelcontextprotocol/client'
import { sigv4Fetch } from '../auth/sigv4/fetch.ts'
import { connectClient } from '../connect/client.ts'
import { projectDir } from '../build/project.ts'
import { FairleadError } from '../errors.ts'
import { readState, type LocalState } from '../local/state.ts'
import { nearest } from '../nearest.ts'
import { platformNames, type Platform } from '../platforms.ts'

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
    .option('--as <identity>', 'who calls (default: agent)')
    .option('--era <era>', 'auto, legacy (with initialize) or modern (2026-07-28)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
}

/** Connects to a platform of the running local stack as one of its identities, or to any URL without credentials. */
export async function connectTarget(options: TargetOptions, version: string): Promise<Client> {
  const era = eraOf(options.era)
  const on = options.on ?? 'lambda'
  if (/^https?:\/\//.test(on)) return connectClient({ url: on, era, version })
  const state = readState(projectDir(options.project))
  const endpoint = state.endpoints[platformOf(on)]
  if (!endpoint)
    throw new FairleadError('STACK_NOT_RUNNING', `The local stack does not run ${on}`, {
      fix: 'Add it to `platforms` in fairlead.config.ts and start fairlead dev again.',
    })
  const { accessKeyId, secretAccessKey, sessionToken } = identityOf(state, options.as ?? 'agent')
  const signed = sigv4Fetch({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    service: endpoint.service ?? 'lambda',
    region: endpoint.region ?? state.region,
  })
  return connectClient({ url: endpoint.url, fetch: signed, era, version })
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
