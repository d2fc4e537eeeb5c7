import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTVerifyGetKey } from 'jose'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Resources } from './scopes.ts'

/** An identity provider of an enterprise that says which of its people may use which client. */
export interface TrustedIssuer {
  issuer: string
  jwksUri: string
  /** Keys of scopes that it may give; without it, those that are everyone's. */
  scopes?: string[]
}

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

interface IdJagOptions {
  issuer: string
  trusted: readonly TrustedIssuer[]
  resources: Resources
  accessTokenS: number
  alg: string
  kid: () => string
  unique: (iss: string, jti: string, exp: number) => Promise<boolean>
}

const maxAgeS = 600

/**
 * Adds the grant of enterprise-managed authorization: the client shows an identity assertion of a trusted issuer, made out
 * to this service, to this client and for one resource, and gets an access token without asking the person.
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/
 */
export function registerIdJag(provider: Provider, options: IdJagOptions): void {
  const keys = new Map<string, JWTVerifyGetKey>(
    options.trusted.map(({ issuer, jwksUri }) => [
      issuer,
      createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: 30_000, timeoutDuration: 3000 }),
    ]),
  )
  provider.registerGrantType(jwtBearer, (ctx) => grant(ctx), ['assertion', 'scope', 'resource'])

  async function grant(ctx: KoaContextWithOIDC): Promise<void> {
    const params = ctx.oidc.params as Record<string, unknown>
    if (typeof params.assertion !== 'string') throw new errors.InvalidRequest("missing required parameter 'assertion'")
    const client = ctx.oidc.client!
    const { trusted, claims } = await verify(params.assertion)
    if (claims.client_id !== client.clientId) throw new errors.InvalidGrant('the assertion is of another client')
    const resource = claims.resource ?? options.resources.default
    if (!options.resources.has(resource)) throw new errors.InvalidGrant('the assertion is for another resource')
    if (params.resource !== undefined && params.resource !== resource) throw new errors.InvalidTarget()
    const id = `${trusted.issuer}|${claims.jti as string}`
    if (!(await options.unique(trusted.issuer, createHash('sha256').update(id).digest('hex'), claims.exp as number)))
      throw new errors.InvalidGrant('the assertion was used already')
    const scope = scopeOf(trusted, resource, claims.scope, params.scope)
    if (scope.length === 0)
      throw new errors.InvalidScope('the assertion gives none of the scopes', String(params.scope))

    const token = new provider.AccessToken({
      accountId: `${trusted.issuer}#${encodeURIComponent(claims.sub as string)}`,
      client,
      gty: 'jwt_bearer',
      scope: scope.join(' '),
    } as ConstructorParameters<Provider['AccessToken']>[0])
    token.resourceServer = new provider.ResourceServer(resource, {
      scope: scope.join(' '),
      audience: resource,
      accessTokenFormat: 'jwt',
      accessTokenTTL: options.accessTokenS,
      jwt: { sign: { alg: options.alg as 'RS256', kid: options.kid() } },
    })
    ctx.oidc.entity('AccessToken', token)
    ctx.body = {
      access_token: await token.save(),
      expires_in: token.expiration,
      token_type: 'Bearer',
      scope: scope.join(' '),
    }
  }

  async function verify(assertion: string) {
    try {
      const { iss } = decodeJwt(assertion)
      const trusted = options.trusted.find(({ issuer }) => issuer === iss)
      if (!trusted) throw new Error('the issuer is not trusted')
      const { payload } = await jwtVerify(assertion, keys.get(trusted.issuer)!, {
        typ: 'oauth-id-jag+jwt',
        issuer: trusted.issuer,
        algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA'],
        requiredClaims: ['sub', 'jti', 'iat', 'exp', 'client_id'],
        maxTokenAge: maxAgeS,
        clockTolerance: 5,
      })
      // One audience, ours: an assertion for several could be shown to each of them.
      if (payload.aud !== options.issuer) throw new Error('the audience is another service')
      if (typeof payload.sub !== 'string' || typeof payload.jti !== 'string') throw new Error('sub or jti is no text')
      return { trusted, claims: payload }
    } catch (cause) {
      throw new errors.InvalidGrant(`the assertion cannot be verified: ${(cause as Error).message}`)
    }
  }

  /** What the enterprise gave, within what it may give, within what was asked for. */
  function scopeOf(trusted: TrustedIssuer, resource: string, given: unknown, asked: unknown): string[] {
    const may = options.resources.ofMachine(resource, trusted.scopes)
    const lists = [given, asked].filter((list) => typeof list === 'string').map((list) => list.split(' '))
    return may.filter((scope) => lists.every((list) => list.includes(scope)))
  }
}
