import { randomBytes } from 'node:crypto'
import { FairleadError } from '../../errors.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import { listen, type Listening } from '../../http/node-server.ts'
import { localAccount } from '../../platforms.ts'
import { json, queryOf } from './answers.ts'
import { authorize } from './authorize.ts'
import { discoveryDocument, jwks } from './discovery.ts'
import { makeKeys } from './keys.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import { errorPage, html } from './page.ts'
import { checkCallback } from './callback-url.ts'
import { Expiring } from './expiring.ts'
import { newClientId, noSwitches, type CognitoSwitches, type Pool, type PoolClient, type PoolUser } from './pool.ts'
import { revoke } from './revoke.ts'
import { token } from './token.ts'
import { userInfo } from './user-info.ts'

export interface CognitoOptions {
  /** 0, the default, takes a free one. */
  port?: number
  /** The name in its URLs; it listens on 127.0.0.1 in either case. */
  name?: '127.0.0.1' | 'localhost'
  region?: string
  poolId?: string
  /** What tokens and the discovery document name as issuer; by default `URL/POOL`. */
  issuer?: string
  users?: PoolUser[]
  /** Identifiers of resource servers, for the switch `resourceMustExist`. */
  resourceServers?: string[]
  switches?: Partial<CognitoSwitches>
  /** Milliseconds; `Date.now` by default. */
  now?: () => number
  /** Puts something around it: what is asked here is kept, where clients sign in here themselves. */
  around?: (handler: FetchHandler) => FetchHandler
}

/** A client as it is added: a callback and a scope list are enough. */
export type NewClient = Partial<PoolClient>

export interface RunningCognito {
  url: string
  issuer: string
  region: string
  poolId: string
  /** Adds an app client, or replaces the one of that id. Throws CONFIG_INVALID for a callback that Cognito refuses. */
  addClient(client: NewClient): PoolClient
  /** Adds a user, or replaces the one of that name. */
  setUser(user: PoolUser): void
  /** May be set while it runs. */
  switches: CognitoSwitches
  close(): Promise<void>
}

/**
 * Starts our own stand-in for an Amazon Cognito user pool with managed login, on loopback.
 * What it does, after which source, is in docs/platforms/cognito.md. Throws PORT_IN_USE.
 */
export async function startCognito(options: CognitoOptions = {}): Promise<RunningCognito> {
  const { region = localAccount.region, name = '127.0.0.1', now = Date.now } = options
  const poolId = options.poolId ?? `${region}_fairlead0`
  const keys = await makeKeys()
  let pool: Pool | undefined
  const handler: FetchHandler = async (request) => (pool ? route(pool, request) : new Response(null, { status: 503 }))
  const server: Listening = await listen(options.around?.(handler) ?? handler, {
    port: options.port ?? 0,
    maxBodyBytes: 64 * 1024,
  })
  const url = `http://${name}:${server.port}`
  pool = {
    url,
    issuer: options.issuer ?? `${url}/${poolId}`,
    poolId,
    keys,
    clients: new Map(),
    users: new Map((options.users ?? []).map((user) => [user.username, user])),
    resourceServers: new Set(options.resourceServers ?? []),
    switches: { ...noSwitches, ...options.switches },
    codes: new Expiring(now),
    refreshTokens: new Expiring(now),
    sessions: new Expiring(now),
    revoked: new Expiring(now),
    csrfKey: randomBytes(32),
    now,
  }
  const { issuer, users, switches } = pool
  return {
    url,
    issuer,
    region,
    poolId,
    switches,
    addClient: (client) => addClient(pool, client),
    setUser: (user) => void users.set(user.username, user),
    close: () => server.close(),
  }
}

function addClient(pool: Pool, given: NewClient): PoolClient {
  const client: PoolClient = {
    clientId: newClientId(),
    callbackUrls: [],
    logoutUrls: [],
    flows: ['code'],
    scopes: ['openid', 'email', 'profile'],
    accessTokenS: 3600,
    refreshTokenS: 30 * 24 * 3600,
    ...given,
  }
  for (const each of [...client.callbackUrls, ...client.logoutUrls]) checkCallback(each, pool.switches)
  const grace = client.rotationGraceS
  if (grace !== undefined && !(Number.isInteger(grace) && grace >= 0 && grace <= 60))
    throw new FairleadError('CONFIG_INVALID', `A grace of ${grace} s is not one that Cognito takes`, {
      why: 'RetryGracePeriodSeconds is a whole number from 0 to 60.',
    })
  pool.clients.set(client.clientId, client)
  return client
}

type Answer = (pool: Pool, request: Request) => Response | Promise<Response>

const routes: Record<string, Answer> = {
  '/oauth2/authorize': authorize,
  '/login': login,
  '/oauth2/token': token,
  '/oauth2/userInfo': userInfo,
  '/oauth2/revoke': revoke,
  '/logout': logout,
  '/error': (_, request) => html(400, errorPage(queryOf(request).get('error') ?? 'invalid_request')),
}

async function route(pool: Pool, request: Request): Promise<Response> {
  // A name that was rebound to loopback by a web page is not ours.
  if (request.headers.get('host') !== new URL(pool.url).host) return json(403, { message: 'Forbidden' })
  const path = request.url.replace(/^https?:\/\/[^/]+/, '').split('?')[0]!
  if (path === `/${pool.poolId}/.well-known/openid-configuration`) return published(request, discoveryDocument(pool))
  if (path === `/${pool.poolId}/.well-known/jwks.json`) return published(request, jwks(pool))
  const answer = Object.hasOwn(routes, path) ? routes[path] : undefined
  return answer ? answer(pool, request) : json(404, { message: 'Not Found' })
}

function published(request: Request, document: unknown): Response {
  if (request.method !== 'GET') return json(405, { message: 'Method Not Allowed' }, { allow: 'GET' })
  return json(200, document, { 'access-control-allow-origin': '*' })
}
