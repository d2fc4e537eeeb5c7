import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { projectDir } from '../../build/project-dir.ts'
import { exitCodes, FairleadError } from '../../errors.ts'
import { readCurl } from '../../explain/curl.ts'
import { explainRequest, type Endpoint, type Known } from '../../explain/explain.ts'
import { readHar } from '../../explain/har.ts'
import type { KeptRequest } from '../../explain/kept.ts'
import { readKept } from '../../local/kept.ts'
import { readState, type LocalState } from '../../local/state.ts'
import { localAccount, platforms } from '../../platforms.ts'
import { explanationText } from '../explanation-text.ts'
import { newCommand, run, type Result } from '../output.ts'

interface Options {
  last?: boolean
  har?: string
  curl?: string
  project?: string
}

export function explainCommand(): Command {
  const command = newCommand('explain', 'why a request was refused, or how it was let in')
    .argument('[ids...]', 'requests: their ids, or the beginning or end of one')
    .option('--last', 'the last request that was refused, else the last one (default)')
    .option('--har <file>', 'the requests of an HTTP archive; with ids, those')
    .option('--curl <file>', 'a curl command; - reads it from stdin')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action((ids: string[]) =>
    run(command, async (): Promise<Result> => {
      const options = command.opts<Options>()
      if (
        [ids.length > 0 && options.har === undefined, options.last, options.har, options.curl].filter(Boolean).length >
        1
      )
        throw new FairleadError('USAGE', 'Name one request: --last, an id, --har FILE or --curl FILE')
      const dir = projectDir(options.project)
      const facts = await factsOf(dir)
      const wanted = chosen(ids, options, facts.kept)
      const explained = wanted.map((request) => explainRequest(request, knownOf(request, facts)))
      const refused = explained.some(({ accepted }) => !accepted)
      return {
        data: explained.length === 1 ? explained[0] : { requests: explained },
        text: explained.map(explanationText).join('\n\n'),
        exitCode: refused ? exitCodes.check : exitCodes.ok,
      }
    }),
  )
}

interface FactsOfProject {
  state: LocalState | undefined
  keys: Credentials[]
  kept: KeptRequest[]
}

/** A stack that runs is asked, since its last requests are not in the file yet; of one that has ended the file is enough. */
async function factsOf(dir: string): Promise<FactsOfProject> {
  const state = stateOrNone(dir)
  if (state) await askToWrite(state)
  return { state, keys: keysOf(dir, state), kept: readKept(dir) }
}

function stateOrNone(dir: string): LocalState | undefined {
  try {
    return readState(dir)
  } catch (error) {
    if (error instanceof FairleadError && error.code === 'STACK_NOT_RUNNING') return undefined
    throw error
  }
}

async function askToWrite({ control }: LocalState): Promise<void> {
  await fetch(`${control.url}/api/requests/flush`, {
    method: 'POST',
    headers: { authorization: `Bearer ${control.token}` },
    signal: AbortSignal.timeout(2000),
  }).catch(() => {})
}

function keysOf(dir: string, state: LocalState | undefined): Credentials[] {
  if (state) return state.identities.iam
  try {
    return JSON.parse(readFileSync(join(dir, '.fairlead', 'identities.json'), 'utf8')) as Credentials[]
  } catch {
    return []
  }
}

function chosen(ids: readonly string[], options: Options, kept: readonly KeptRequest[]): KeptRequest[] {
  if (options.curl !== undefined) return [readCurl(read(options.curl === '-' ? 0 : options.curl))]
  if (options.har !== undefined) {
    const all = readHar(read(options.har))
    return ids.length === 0 ? all : ids.map((id) => oneOf(all, id))
  }
  const ours = kept.filter(({ platform }) => platform in platforms)
  if (ids.length > 0) return ids.map((id) => oneOf(kept, id))
  const last = ours.findLast(({ status, code }) => status >= 400 || code !== undefined) ?? ours.at(-1)
  if (last) return [last]
  throw new FairleadError('REQUEST_UNKNOWN', 'No request is kept for this project')
}

function oneOf(all: readonly KeptRequest[], id: string): KeptRequest {
  const plain = (text: string) => text.replaceAll('-', '').toLowerCase()
  const found =
    all.findLast((each) => each.id === id) ??
    (id.length >= 4
      ? all.findLast((each) => plain(each.id).endsWith(plain(id)) || plain(each.id).startsWith(plain(id)))
      : undefined)
  if (found) return found
  throw new FairleadError('REQUEST_UNKNOWN', `No request of the id ${id.slice(0, 64)} is kept`)
}

const maxFileBytes = 64 * 1024 * 1024

function read(file: string | 0): string {
  try {
    if (file !== 0 && statSync(file).size > maxFileBytes)
      throw new FairleadError('CAPTURE_UNREADABLE', `${file} has more than 64 MB`, {
        fix: 'Save fewer requests into it.',
      })
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof FairleadError) throw error
    throw new FairleadError('CAPTURE_UNREADABLE', `${String(file)} cannot be read`, { cause: error })
  }
}

/** The endpoint that a request was for: by its platform, or by its Host when it comes from a capture. */
function knownOf(request: KeptRequest, { state, keys, kept }: FactsOfProject): Known {
  const endpoints = Object.entries(state?.endpoints ?? {})
  const host =
    request.headers[request.headers.findIndex((each, at) => at % 2 === 0 && each.toLowerCase() === 'host') + 1] ?? ''
  const found =
    endpoints.find(([name]) => name === request.platform)?.[1] ??
    endpoints.find(([, { url }]) => new URL(url).host === host)?.[1]
  const endpoint: Endpoint = found
    ? {
        url: found.url,
        auth: found.auth,
        ...(found.service ? { service: found.service } : {}),
        ...(found.region ? { region: found.region } : {}),
      }
    : { url: `http://${host || '127.0.0.1'}${request.target.split('?')[0]}`, ...guessOf(request), guessed: true }
  const issuer = state?.authorizationServer ? { issuer: state.authorizationServer } : {}
  return {
    endpoint: { ...endpoint, ...issuer },
    keys,
    hosts: endpoints.flatMap(([, { url, originUrl }]) =>
      [url, originUrl ?? []].flat().map((each) => new URL(each).host),
    ),
    others: kept,
  }
}

function guessOf({ platform, headers }: KeptRequest): Pick<Endpoint, 'auth' | 'service' | 'region'> {
  const service = (platforms as Record<string, { service?: string }>)[platform]?.service ?? 'lambda'
  const isBearer = headers.some((text, at) => at % 2 === 1 && /^(Bearer|DPoP) /i.test(text))
  return isBearer || platform === 'fargate' ? { auth: 'oauth' } : { auth: 'iam', service, region: localAccount.region }
}
