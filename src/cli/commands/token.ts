import type { Command } from 'commander'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { projectDir } from '../../build/project-dir.ts'
import type { KeptToken } from '../../auth/oauth-client/token-store.ts'
import { browserTokens, userTokenStore } from '../../connect/browser-tokens.ts'
import { signInMachine, type SignedIn } from '../../connect/sign-in.ts'
import { FairleadError } from '../../errors.ts'
import { readState, type LocalState } from '../../local/state.ts'
import { platformNames } from '../../platforms.ts'
import { newCommand, run, type Result } from '../output.ts'
import { personOf, personSource } from '../person.ts'
import { endpointOf, isUrl, knownClient, localEndpointFor, noSecret } from '../where.ts'

interface Options {
  as?: string
  client?: string
  redirectUri?: string
  on?: string
  scope?: string[]
  decode?: string
  list?: boolean
  forget?: string | boolean
  project?: string
}

export function tokenCommand(): Command {
  const command = newCommand('token', 'sign in as a user and print the token, or read one')
    .option('--as <user>', 'who signs in (default: the first user)')
    .option('--client <id>', 'a client instead of a user; its secret is in FAIRLEAD_CLIENT_SECRET')
    .option('--redirect-uri <url>', 'a user signs in through that client, which is registered with this')
    .option('--on <platform|url>', 'the endpoint that the token is for (default: the first that OAuth guards)')
    .option('--scope <scope...>', 'ask for these scopes, no others')
    .option('--decode <jwt>', 'print what a token says; its signature is not verified')
    .option('--list', 'list the tokens kept for endpoints anywhere, without the tokens themselves')
    .option('--forget [url]', 'forget those of an endpoint, or all')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      if (options.decode !== undefined) return decoded(options.decode, io.note)
      if (options.list) return listed()
      if (options.forget !== undefined) return forgotten(options.forget)
      if (options.as !== undefined && options.client !== undefined)
        throw new FairleadError('USAGE', '--as and --client exclude each other')
      if (options.redirectUri !== undefined && options.client === undefined)
        throw new FairleadError('USAGE', '--redirect-uri belongs to a client', {
          fix: '--client ID --redirect-uri URL',
        })
      const token = await tokenFor(options, io.note)
      return { data: dataOf(token), text: token.accessToken }
    }),
  )
}

function listed(): Result {
  const tokens = userTokenStore().list().map(described)
  const text = tokens.map(({ resource, issuer, expires_at, scope }) => `${resource}\n    by ${issuer}, until ${expires_at}, scope ${scope || 'none'}`) // prettier-ignore
  return { data: { tokens }, text: text.length > 0 ? text.join('\n') : 'No tokens are kept.' }
}

async function forgotten(which: string | boolean): Promise<Result> {
  const store = userTokenStore()
  const gone = await store.locked(async () => store.forget(({ resource }) => which === true || resource === which))
  return {
    data: { forgotten: gone.map(described) },
    text: `${gone.length === 1 ? 'One token was' : `${gone.length} tokens were`} forgotten.`,
  }
}

function described({ issuer, resource, clientId, scope, expiresAt }: KeptToken) {
  return { resource, issuer, client_id: clientId, scope, expires_at: new Date(expiresAt).toISOString() }
}

/** A user of the local stack, or the person at this machine where the endpoint is elsewhere; or a client itself. */
async function tokenFor(options: Options, note: (line: string) => void): Promise<SignedIn> {
  const { on, client, redirectUri } = options
  if (client !== undefined && redirectUri === undefined) return clientToken(client, options)
  const elsewhere = on !== undefined && isUrl(on) && options.as === undefined && !localEndpointFor(on, options)
  if (!elsewhere && client === undefined) return userToken(options)
  const url = urlElsewhere(options)
  const scopes = scopesOf(options)
  return browserTokens({
    url,
    store: userTokenStore(),
    note,
    ...(client === undefined ? {} : { client: knownClient(client, redirectUri) }),
  }).token(scopes ? { scopes, exact: true } : {})
}

function urlElsewhere({ on, project }: Options): string {
  return on !== undefined && isUrl(on) ? on : urlOf(readState(projectDir(project)), on)
}

async function userToken(options: Options): Promise<SignedIn> {
  const dir = projectDir(options.project)
  const state = readState(dir)
  const source = personSource(dir, urlOf(state, options.on), personOf(state, options.as), state)
  const scopes = scopesOf(options)
  return source.token(scopes ? { scopes, exact: true } : {})
}

async function clientToken(clientId: string, options: Options): Promise<SignedIn> {
  const clientSecret = process.env.FAIRLEAD_CLIENT_SECRET
  if (!clientSecret) throw noSecret(clientId)
  const url = urlElsewhere(options)
  const scopes = scopesOf(options)
  return signInMachine({ url, clientId, clientSecret, ...(scopes ? { scopes } : {}) })
}

/** `--scope a b`, `--scope "a b"` and `--scope a --scope b` are the same. */
function scopesOf({ scope }: Options): string[] | undefined {
  return scope?.flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== '')
}

function urlOf(state: LocalState, on: string | undefined): string {
  if (on !== undefined && isUrl(on)) return on
  const name = on ?? platformNames.find((each) => state.endpoints[each]?.auth === 'oauth')
  if (name === undefined)
    throw new FairleadError('USAGE', 'No endpoint of the local stack is guarded by OAuth', {
      why: 'IAM signs each request with a key. It has no tokens.',
      fix: 'Add fargate to `platforms` in fairlead.config.ts, or name an endpoint: --on URL',
    })
  const endpoint = endpointOf(state, name)
  if (endpoint.auth === 'oauth') return endpoint.url
  throw new FairleadError('USAGE', `${name} is guarded by IAM, which has no tokens`, {
    why: 'IAM signs each request with a key.',
    fix: `fairlead call TOOL --on ${name}`,
  })
}

function dataOf({ accessToken, scope, expiresAt, clientId, issuer, resource }: SignedIn): Record<string, unknown> {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    scope,
    expires_at: new Date(expiresAt).toISOString(),
    client_id: clientId,
    issuer,
    resource,
  }
}

/** Reads a token without verifying it, and says so. */
function decoded(jwt: string, note: (text: string) => void): Result {
  try {
    const header = decodeProtectedHeader(jwt)
    const claims = decodeJwt(jwt)
    note('The signature was not verified: anyone can have written this.')
    return {
      data: { header, claims, verified: false },
      text: [JSON.stringify(header, null, 2), JSON.stringify(claims, null, 2), ...times(claims)].join('\n'),
    }
  } catch (error) {
    throw new FairleadError('TOKEN_UNREADABLE', 'That is not a JWT', { cause: error })
  }
}

function times({ exp, iat }: { exp?: number; iat?: number }): string[] {
  const at = (seconds: number) => new Date(seconds * 1000).toISOString()
  return [
    ...(typeof iat === 'number' ? [`iat  ${at(iat)}`] : []),
    ...(typeof exp === 'number' ? [`exp  ${at(exp)}${exp * 1000 < Date.now() ? '  (over)' : ''}`] : []),
  ]
}
