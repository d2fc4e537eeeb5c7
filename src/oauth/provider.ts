import type { JWK } from 'jose'
import {
  errors,
  interactionPolicy,
  Provider,
  type Adapter,
  type ClientMetadata,
  type Configuration,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import type { Accounts, PersonAccount } from './accounts.ts'
import { checkClientMetadata } from './client-metadata.ts'
import { jwtBearer } from './id-jag.ts'
import type { SigningAlg } from './keys.ts'
import { errorPage, pageHeaders } from './pages.ts'
import type { Resources } from './scopes.ts'

/** A client that the configuration names. */
export interface RegisteredClient {
  id: string
  name?: string
  /** With these, people sign in through it. */
  redirectUris?: string[]
  /** With a secret or keys it may use client_credentials, and with trusted issuers, their assertions. */
  secret?: string
  jwks?: { keys: JWK[] }
  /** Keys of the scopes that it may have by itself; without it, those that are everyone's. */
  scopes?: string[]
}

export interface ProviderOptions {
  issuer: string
  alg: SigningAlg
  jwks: { keys: JWK[] }
  clients: readonly RegisteredClient[]
  resources: Resources
  accounts: Accounts
  adapter: (kind: string) => Adapter
  cookieKey: string
  idJag: boolean
  mayFetchDocument: (host: string) => Promise<boolean>
  outgoing: typeof fetch
}

export const accessTokenS = 300

export const routes = {
  authorization: '/authorize',
  token: '/token',
  jwks: '/jwks',
  registration: '/register',
  revocation: '/revoke',
} as const

/**
 * Makes oidc-provider as MCP's authorization wants it: code with PKCE S256, JWT access tokens for one resource, `iss` in
 * every answer, metadata documents, registration, rotation, DPoP. All state is in the adapter, so it is made anew when keys
 * rotate.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, alg } = options
  return new Provider(issuer, {
    adapter: options.adapter,
    jwks: options.jwks,
    clients: options.clients.map((client) => metadataOf(client, options)),
    clientDefaults: {
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
    },
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    subjectTypes: ['public'],
    routes,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    // oidc-provider asks about each property of this list; one is enough to see the whole.
    extraClientMetadata: {
      properties: ['fairlead'],
      validator: (_ctx: unknown, _key: unknown, _value: unknown, metadata: ClientMetadata) => {
        if (!options.clients.some(({ id }) => id === metadata.client_id)) checkClientMetadata(metadata)
      },
    },
    features: featuresOf(options),
    interactions: { policy: policyOf(options.resources), url: (_ctx, { uid }) => `/interaction/${uid}` },
    cookies: cookiesOf(issuer, options.cookieKey),
    findAccount: (ctx, sub) => findAccount(ctx, sub, options.accounts),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    clientBasedCORS: (_ctx, origin, client) =>
      client.clientAuthMethod === 'none' &&
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin && origin !== 'null'),
    renderError: (ctx, out) => renderError(ctx, out),
    fetch: options.outgoing,
    ttl: {
      AccessToken: accessTokenS,
      AuthorizationCode: 60,
      ClientCredentials: accessTokenS,
      IdToken: accessTokenS,
      Interaction: 1800,
      Session: 12 * 3600,
      RefreshToken: 30 * 86_400,
      Grant: 90 * 86_400,
    },
  })
}

function featuresOf(options: ProviderOptions): Configuration['features'] {
  const { resources, alg, clients } = options
  const kid = options.jwks.keys[0]!.kid!
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    claimsParameter: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    introspection: { enabled: false },
    dPoP: { enabled: true },
    clientCredentials: { enabled: true },
    registration: { enabled: true, issueRegistrationAccessToken: false, idFactory: () => `dcr_${crypto.randomUUID()}` },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx: unknown, client: { clientId: string }, token: { clientId?: string }) =>
        token.clientId === client.clientId,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (_ctx: unknown, _client: unknown, oneOf?: string[]) => oneOf ?? resources.default,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx, resource, client) => {
        if (!resources.has(resource)) throw new errors.InvalidTarget()
        const scopes = availableTo(
          ctx,
          resource,
          resources,
          clients.find(({ id }) => id === client.clientId),
        )
        return {
          scope: scopes.join(' '),
          audience: resource,
          accessTokenFormat: 'jwt' as const,
          accessTokenTTL: accessTokenS,
          jwt: { sign: { alg, kid } },
        }
      },
    },
    clientIdMetadataDocument: {
      enabled: true,
      ack: 'draft-02',
      cacheDuration: { min: 60, max: 3600 },
      allowFetch: async (_ctx: unknown, id: string) => {
        const url = new URL(id)
        return url.pathname.length > 1 && id.length <= 1000 && (await options.mayFetchDocument(url.host))
      },
      allowClient: async () => true,
    },
  } as Configuration['features']
}

/**
 * The scopes that count for this request. What a person may have is asked anew for every token, so a group that was taken
 * away is gone at the next refresh.
 */
function availableTo(
  ctx: KoaContextWithOIDC,
  resource: string,
  resources: Resources,
  client: RegisteredClient | undefined,
): string[] {
  if (ctx.oidc.params?.grant_type === 'client_credentials') {
    const own = resources.ofMachine(resource, client?.scopes)
    const asked = [ctx.oidc.params.scope].flatMap((scope) => (typeof scope === 'string' ? scope.split(' ') : []))
    if (!asked.some((scope) => own.includes(scope)))
      throw new errors.InvalidScope('the client may have none of the scopes', asked.join(' '))
    return own
  }
  const account = ctx.oidc.account as PersonAccount | undefined
  return account
    ? resources.ofPerson(resource, account.person.groups)
    : resources.scopes(resource).map(({ value }) => value)
}

/** A disabled person is not found any more: asked at the token endpoint, where access is prolonged. */
async function findAccount(
  ctx: KoaContextWithOIDC,
  sub: string,
  accounts: Accounts,
): Promise<PersonAccount | undefined> {
  return accounts.find(sub, { fresh: ctx.oidc.route === 'token' })
}

function policyOf(resources: Resources) {
  const { Check, base } = interactionPolicy
  const policy = base()
  policy.get('login')!.checks.add(
    new Check('account_gone', 'the account is not known any more', (ctx) => {
      const { session, account } = ctx.oidc as unknown as { session: { accountId?: string }; account?: unknown }
      return session.accountId !== undefined && !account
    }),
  )
  // Scopes that the person may not have are not missing: asking again would change nothing.
  const consent = policy.get('consent')!
  consent.checks.remove('rs_scopes_missing')
  consent.checks.add(
    new Check('rs_scopes_missing', 'requested scopes not granted', (ctx) => {
      const { oidc } = ctx
      const groups = (oidc.account as PersonAccount | undefined)?.person.groups ?? []
      return Object.keys(oidc.resourceServers ?? {}).some((resource) => {
        const granted = oidc.entities.Grant!.getResourceScope(resource).split(' ')
        const missing = resources
          .ofPerson(resource, groups)
          .filter((scope) => oidc.requestParamScopes.has(scope) && !granted.includes(scope))
        return missing.length > 0
      })
    }),
  )
  return policy
}

/** Over plain HTTP, which is for loopback only, cookies carry the port: other services on this host have cookies too. */
function cookiesOf(issuer: string, key: string): Configuration['cookies'] {
  const { protocol, port } = new URL(issuer)
  const secure = protocol === 'https:'
  const name = (text: string) => (secure ? `__Secure-fairlead_${text}` : `fairlead_${text}_${port}`)
  const common = { httpOnly: true, sameSite: 'lax' as const, secure, signed: true }
  return {
    names: {
      session: secure ? '__Host-fairlead_session' : name('session'),
      interaction: name('interaction'),
      resume: name('resume'),
    },
    long: common,
    short: common,
    keys: [key],
  }
}

function metadataOf(client: RegisteredClient, options: ProviderOptions): ClientMetadata {
  const confidential = client.secret !== undefined || client.jwks !== undefined
  const people = (client.redirectUris?.length ?? 0) > 0
  const native = (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.protocol !== 'https:')
  return {
    client_id: client.id,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    application_type: native ? 'native' : 'web',
    redirect_uris: client.redirectUris ?? [],
    response_types: people ? ['code'] : [],
    response_modes: people ? ['query'] : undefined,
    grant_types: [
      ...(people ? ['authorization_code', 'refresh_token'] : []),
      ...(confidential ? ['client_credentials'] : []),
      ...(confidential && options.idJag ? [jwtBearer] : []),
    ],
    token_endpoint_auth_method: client.jwks ? 'private_key_jwt' : confidential ? 'client_secret_basic' : 'none',
    ...(client.secret === undefined || client.jwks ? {} : { client_secret: client.secret }),
    ...(client.jwks ? { jwks: client.jwks } : {}),
  }
}

function renderError(ctx: KoaContextWithOIDC, out: { error: string; error_description?: string | undefined }): void {
  ctx.set(pageHeaders())
  ctx.body = errorPage({
    title: 'This request cannot be answered',
    what: out.error_description ?? out.error,
    code: out.error,
    next: 'Nothing was sent to the application. Start again from there, or tell whoever runs it what stands here.',
  })
}
