import type { Provider, KoaContextWithOIDC } from 'oidc-provider'
import type { FetchHandler } from '../http/fetch-handler.ts'
import type { Table } from '../state/table.ts'
import { Accounts } from './accounts.ts'
import { tableAdapter, usedClientS } from './adapter.ts'
import { callbackPath, Federation } from './federation.ts'
import { registerIdJag, type TrustedIssuer } from './id-jag.ts'
import { interactionPages } from './interactions.ts'
import { KeySet, publishedMs, type SigningAlg } from './keys.ts'
import { callNode } from './node-bridge.ts'
import { outgoingFetch } from './outgoing.ts'
import { accessTokenS, createProvider, routes, type RegisteredClient } from './provider.ts'
import { addressOf, mayFetchDocument, mayRegister, registrationsPerHour } from './rate-limits.ts'
import { refreshGrace } from './refresh-grace.ts'
import { Resources, type ProtectedResource } from './scopes.ts'
import { createSeal } from './seal.ts'
import { sealTable } from './sealed-table.ts'
import { withDefaultMethod, withDefaultScopes } from './defaults.ts'
import { Upstream, type UpstreamOptions } from './upstream.ts'

export interface AuthorizationServiceLog {
  event: string
  [detail: string]: unknown
}

export interface AuthorizationServiceOptions {
  /** An origin. Host and scheme of everything that it says come from here, and never from a request. */
  issuer: string
  /** What tokens are issued for; the first is meant when a client names none. */
  resources: ProtectedResource[]
  /**
   * Looks the resources up anew: asked when a request names one that is not known, at most every ten seconds, and every five
   * minutes, since what is known may have got other scopes.
   */
  lookUpResources?: () => Promise<ProtectedResource[]>
  /** Keys of the scopes that a client gets that asks for none. */
  baseScopes?: string[]
  alg?: SigningAlg
  clients?: RegisteredClient[]
  /** Identity providers whose assertions let their people in without consent (ID-JAG). */
  trustedIssuers?: TrustedIssuer[]
  upstream: UpstreamOptions
  /** All state. The caller closes it. */
  table: Table
  /** At least 32 bytes. It seals what is stored and signs cookies; a new one ends every session and forgets the keys. */
  secret: string
  /** How long a key signs before the next one does; 30 days by default, two hours at least. */
  rotateKeysAfterS?: number
  /** How many proxies in front add to X-Forwarded-For; 0, the default, believes none. */
  trustedHops?: number
  /** How many clients may register from one address; 10 by default. */
  registrationsPerHour?: number
  /** For development and tests: metadata documents on loopback, with any certificate. */
  allowLocalMetadata?: boolean
  log?: (entry: AuthorizationServiceLog) => void
  now?: () => number
}

export interface AuthorizationService {
  fetch: FetchHandler
  /** Lets the published next key sign now, and not when it is its time. Without downtime, however many processes there are. */
  rotateKeys(): Promise<void>
  close(): Promise<void>
}

const graceS = 30
const rotateAfterS = 30 * 86_400
const lookUpMs = 10_000
const lookUpAnywayMs = 300_000
/** oidc-provider takes no larger ones either. */
export const maxBodyBytes = 56 * 1024

/**
 * Starts the OAuth 2.1 authorization service in front of an OpenID provider where people sign in, such as Amazon Cognito.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
export async function createAuthorizationService(options: AuthorizationServiceOptions): Promise<AuthorizationService> {
  const { issuer, alg = 'RS256', clients = [], trustedIssuers = [], trustedHops = 0 } = options
  checkOptions(options)
  const now = options.now ?? Date.now
  const secure = issuer.startsWith('https:')
  const pinned = { host: new URL(issuer).host, secure }
  const seal = createSeal(options.secret)
  const table = sealTable(options.table, seal)
  const resources = new Resources(options.resources, options.baseScopes)
  const accounts = new Accounts(table, options.upstream.check)
  const keys = await KeySet.open(table, alg, seal.mac('keys', alg), now)
  const outgoing = outgoingFetch({ allowLocal: options.allowLocalMetadata ?? false, now })
  const log = (event: string, detail: Record<string, unknown>) => options.log?.({ event, ...detail })
  const adapter = tableAdapter(table, { graceS, now })
  const federation = new Federation({
    upstream: new Upstream(options.upstream, `${issuer}${callbackPath}`, now),
    table,
    accounts,
    secure,
    isClientId: (sub) => clients.some(({ id }) => id === sub) || sub.startsWith('dcr_') || sub.includes('://'),
  })

  let lookedUp = options.resources.length > 0 ? now() : -Infinity
  let provider: Provider
  let listener: ReturnType<Provider['callback']>
  makeProvider()
  const publishing = keys
    .publishNext()
    .then(() => {
      makeProvider()
      log('keys.published', { keys: keys.jwks().keys.map(({ kid }) => kid) })
    })
    .catch((error: unknown) => log('keys.error', { detail: String(error) }))

  function makeProvider(): void {
    provider = createProvider({
      issuer,
      alg,
      jwks: keys.jwks(),
      clients,
      resources,
      accounts,
      adapter,
      cookieKey: seal.mac('cookies', issuer),
      idJag: trustedIssuers.length > 0,
      mayFetchDocument: (host) => mayFetchDocument(table, host),
      outgoing,
    })
    const made = provider
    const unique = (iss: string, jti: string, exp: number) => made.ReplayDetection.unique(iss, jti, exp)
    const soon = () => Math.floor(now() / 1000) + 600
    if (trustedIssuers.length > 0)
      registerIdJag(provider, {
        issuer,
        trusted: trustedIssuers,
        resources,
        accessTokenS,
        alg,
        kid: () => keys.jwks().keys[0]!.kid!,
        unique,
      })
    const use = (middleware: (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => Promise<void>) =>
      provider.use(middleware as never)
    use(tellDiscovery)
    use(rememberUse)
    use(refreshGrace({ table, seal, graceS, unique: (iss, jti) => unique(iss, jti, soon()) }))
    use(interactionPages({ issuer, provider: () => made, federation, accounts, resources, seal, log }))
    for (const event of [
      'authorization.error',
      'grant.error',
      'registration_create.error',
      'revocation.error',
      'server_error',
    ])
      provider.on(event as 'server_error', (ctx: KoaContextWithOIDC, error: Error & { error_detail?: string }) => {
        const detail = event === 'server_error' ? error.stack : error.error_detail
        log(event, { error: error.message, ...(detail ? { detail } : {}), ...clientOf(ctx) })
      })
    provider.on('grant.success', (ctx) =>
      log('grant.success', { grant: ctx.oidc.params?.grant_type, ...clientOf(ctx) }),
    )
    provider.on('registration_create.success', (_ctx, client) =>
      log('registration.success', { clientId: client.clientId }),
    )
    listener = provider.callback()
  }

  /** What oidc-provider does not know of: the resources' scopes, and that other response modes are refused. */
  async function tellDiscovery(ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> {
    await next()
    if (ctx.oidc?.route !== 'discovery' || ctx.status !== 200) return
    ctx.body = {
      ...(ctx.body as object),
      scopes_supported: ['openid', 'offline_access', ...resources.every()],
      response_modes_supported: ['query'],
      ...(trustedIssuers.length > 0
        ? { authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'] }
        : {}),
    }
  }

  /** A registered client that is used is kept: it could not know that it was forgotten. */
  async function rememberUse(ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> {
    await next()
    const id = ctx.oidc?.route === 'token' && ctx.status === 200 ? ctx.oidc.client?.clientId : undefined
    if (!id?.startsWith('dcr_')) return
    const entry = await table.get('Client', id)
    if (!entry || entry.expires - now() / 1000 > usedClientS - 86_400) return
    // A day is added to the 90, since it is written once a day.
    await table.write('Client', id, entry.value, { ttlS: usedClientS + 86_400, if: entry.rev })
  }

  return {
    async fetch(request, context) {
      const url = URL.parse(request.url)
      if (!url) return oauthError(400, 'invalid_request', 'the address cannot be read')
      if (url.pathname === '/healthz') return new Response('ok', { headers: { 'cache-control': 'no-store' } })
      try {
        return await answer(request, url, context.remoteAddress ?? '')
      } catch (error) {
        log('service.error', { detail: error instanceof Error ? error.stack : String(error) })
        return oauthError(503, 'temporarily_unavailable', 'the service cannot answer now', { 'retry-after': '5' })
      }
    },
    async rotateKeys() {
      await publishing
      await keys.rotate()
      makeProvider()
    },
    async close() {
      await publishing
    },
  }

  async function answer(request: Request, url: URL, peer: string): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer())
    if (bytes.byteLength > maxBodyBytes) return oauthError(413, 'invalid_request', 'the body is too large')
    const refreshed = await keys.refresh()
    const rotated = await keys.rotateWhenDue((options.rotateKeysAfterS ?? rotateAfterS) * 1000)
    if (rotated) log('keys.rotated', { keys: keys.jwks().keys.map(({ kid }) => kid) })
    if (refreshed || rotated) makeProvider()
    await knowResources(url, bytes)
    const registers = url.pathname === routes.registration
    const refused = registers ? await beforeRegistration(request, peer) : undefined
    if (refused) return refused
    const asked = withDefaultScopes(request, url, registers ? withDefaultMethod(bytes) : bytes, resources)
    return guarded(await callNode(listener, asked.request, asked.bytes, pinned), url.pathname)
  }

  /** A server that was deployed after this process began is known as soon as somebody asks for it. */
  async function knowResources(url: URL, bytes: Uint8Array): Promise<void> {
    if (!options.lookUpResources || now() - lookedUp < lookUpMs) return
    const form = url.pathname === routes.token ? new URLSearchParams(Buffer.from(bytes).toString('utf8')) : undefined
    const named = [url.searchParams, form].flatMap((parameters) => parameters?.getAll('resource') ?? [])
    const old = now() - lookedUp >= lookUpAnywayMs
    if (!old && !resources.empty && named.every((resource) => resources.has(resource))) return
    lookedUp = now()
    try {
      resources.replace(await options.lookUpResources())
      log('resources.read', { resources: resources.every().length })
    } catch (error) {
      log('resources.error', { detail: String(error) })
    }
  }

  async function beforeRegistration(request: Request, peer: string): Promise<Response | undefined> {
    if (request.method === 'OPTIONS')
      return new Response(null, {
        status: 204,
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'content-type, mcp-protocol-version',
          'access-control-max-age': '3600',
        },
      })
    if (request.method !== 'POST')
      return oauthError(405, 'invalid_request', 'clients register with POST', { allow: 'POST' })
    const address = addressOf(request.headers.get('x-forwarded-for'), trustedHops, peer)
    const perHour = options.registrationsPerHour ?? registrationsPerHour
    if (await mayRegister(table, address, perHour)) return undefined
    log('registration.limited', { address })
    return oauthError(
      429,
      'temporarily_unavailable',
      'too many registrations from here; use a client ID metadata document',
      {
        'retry-after': '3600',
      },
    )
  }

  function guarded(response: Response, path: string): Response {
    const { headers } = response
    headers.set('x-content-type-options', 'nosniff')
    if (!headers.has('referrer-policy')) headers.set('referrer-policy', 'no-referrer')
    if (secure) headers.set('strict-transport-security', 'max-age=31536000')
    if (path === routes.registration) headers.set('access-control-allow-origin', '*')
    return response
  }
}

function clientOf(ctx: KoaContextWithOIDC): { clientId?: string } {
  const clientId = ctx.oidc?.client?.clientId
  return clientId === undefined ? {} : { clientId }
}

function oauthError(
  status: number,
  error: string,
  description: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json(
    { error, error_description: description },
    { status, headers: { 'cache-control': 'no-store', 'access-control-allow-origin': '*', ...headers } },
  )
}

function checkOptions(options: AuthorizationServiceOptions): void {
  const { issuer, resources, clients = [], trustedIssuers = [], rotateKeysAfterS = rotateAfterS } = options
  const url = URL.parse(issuer)
  const local = url && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (!url || url.origin !== issuer) throw new TypeError('`issuer` is an origin, such as https://auth.example.com')
  if (url.protocol !== 'https:' && !local) throw new TypeError('`issuer` is https, except on loopback')
  if (!(rotateKeysAfterS * 1000 >= publishedMs)) throw new TypeError('`rotateKeysAfterS` is two hours or more')
  if (resources.length === 0 && !options.lookUpResources) throw new TypeError('`resources` names at least one')
  for (const { id } of clients)
    if (id.startsWith('dcr_') || id.includes('://'))
      throw new TypeError(`The client id ${id} could be another client's`)
  for (const { jwksUri } of trustedIssuers)
    if (!jwksUri.startsWith('https:') && !local) throw new TypeError('`jwksUri` of a trusted issuer is https')
}
