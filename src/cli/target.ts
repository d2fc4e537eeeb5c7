import type { Client } from '@modelcontextprotocol/client'
import { connectClient } from '../connect/client.ts'
import { FairleadError } from '../errors.ts'
import { defaultPlatform, targetOf, type TargetOptions } from './where.ts'

/** Connects to a platform of the running local stack as one of its identities, or to any URL. */
export async function connectTarget(
  options: TargetOptions,
  version: string,
  note: (line: string) => void,
): Promise<Client> {
  const era = eraOf(options.era)
  return connectClient({ ...targetOf(options.on ?? defaultPlatform(options), options, note), era, version })
}

function eraOf(given: string | undefined): 'auto' | 'legacy' | 'modern' {
  if (given === undefined || given === 'auto' || given === 'legacy' || given === 'modern') return given ?? 'auto'
  throw new FairleadError('USAGE', `${given} is not an era`, { fix: 'Eras: auto, legacy, modern' })
}
