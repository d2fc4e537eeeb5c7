import type { ErrorCode } from '../../errors.ts'
import { readCustomJwtConfig, type ClaimRule, type CustomJwtRules } from './custom-jwt-config.ts'
import { discoverIssuer, type IssuerOptions } from './issuer.ts'
import { checkSignature, checkTimes, decode, shown, type Claims, type TokenRefusal } from './verify.ts'

/** A token that was let in: its claims, and what is asked of them most. */
export interface CustomJwtAdmission {
  ok: true
  claims: Claims
  issuer: string
  subject?: string
  clientId?: string
  scopes: string[]
}

/** A token that was refused. `status` is what AgentCore answers with; 503 when the issuer cannot be reached. */
export type CustomJwtRefusal = TokenRefusal & { ok: false; status: 401 | 403 | 503 }

export interface CustomJwtAuthorizer {
  /** Decides about the token of one request, without its scheme. It never throws for what a client sent. */
  authorize(token: string): Promise<CustomJwtAdmission | CustomJwtRefusal>
  /** `allowedScopes` as they stand in a challenge and in the metadata: after `advertisedScopeMapping`. */
  advertisedScopes: readonly string[]
  discoveryUrl: string
  /** The issuer of the discovery document: what `authorization_servers` names. Rejects when it cannot be read. */
  issuer(): Promise<string>
}

/** AWS names no list; these are the asymmetric ones that its other verifiers take. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']

/**
 * Makes an authorizer from `authorizerConfiguration.customJWTAuthorizer` of CreateAgentRuntime or CreateGateway, verbatim.
 * `iss` must be the issuer of the discovery document; audience, clients, scopes and custom claims must all hold where given.
 * Throws CONFIG_INVALID for a member that AWS does not have, and for the ones that only make sense inside AWS
 * (`privateEndpoint`, `privateEndpointOverrides`, `allowedWorkloadConfiguration`), by name.
 *
 *     const jwt = createCustomJwtAuthorizer(config.customJWTAuthorizer, { locate: (url) => standIn ?? url })
 *     const decision = await jwt.authorize(token)   // { ok: true, claims, … } or { ok: false, status, code, why }
 *
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CustomJWTAuthorizerConfiguration.html
 */
export function createCustomJwtAuthorizer(config: unknown, options: IssuerOptions = {}): CustomJwtAuthorizer {
  const rules = readCustomJwtConfig(config)
  const discover = discoverIssuer(rules.discoveryUrl, options)
  const nowS = () => (options.now ?? Date.now)() / 1000
  return {
    authorize: async (token) => {
      const decision = await decide(token)
      return 'code' in decision ? { ok: false, ...decision, status: statusOf(decision) } : decision
    },
    advertisedScopes: (rules.allowedScopes ?? []).map((scope) => rules.advertisedScopeMapping?.[scope] ?? scope),
    discoveryUrl: rules.discoveryUrl,
    issuer: async () => (await discover()).issuer,
  }

  async function decide(token: string): Promise<CustomJwtAdmission | TokenRefusal> {
    const jwt = decode(token)
    if (!jwt)
      return refused('TOKEN_MALFORMED', 'It is not a JWT: three parts, the first two base64url of JSON objects.')
    const { header, claims } = jwt
    const { alg } = header
    if (typeof alg !== 'string' || !algorithms.includes(alg))
      return refused('TOKEN_ALGORITHM', `It is signed with ${shown(alg)}.`)
    if ('crit' in header) return refused('TOKEN_HEADER', 'Its header asks for an extension (`crit`).')
    const found = await discover().catch((error: unknown) =>
      refused('TOKEN_KEYS_UNREACHABLE', error instanceof Error ? shown(error.message) : 'The issuer cannot be read.'),
    )
    if ('code' in found) return found
    if (claims.iss !== found.issuer)
      return refused('TOKEN_ISSUER', `iss is ${shown(claims.iss)}; the discovery document names ${found.issuer}.`)
    const unproved = await checkSignature(token, alg, found.keys)
    return unproved ?? checkTimes(claims, nowS()) ?? checkRules(claims, rules) ?? admitted(claims, found.issuer)
  }
}

function refused(code: ErrorCode, why: string): TokenRefusal {
  return { code, why }
}

function admitted(claims: Claims, issuer: string): CustomJwtAdmission {
  const { sub, client_id: clientId } = claims
  return {
    ok: true,
    claims,
    issuer,
    scopes: scopesOf(claims),
    ...(typeof sub === 'string' ? { subject: sub } : {}),
    ...(typeof clientId === 'string' ? { clientId } : {}),
  }
}

function statusOf({ code }: TokenRefusal): 401 | 403 | 503 {
  if (code === 'TOKEN_KEYS_UNREACHABLE') return 503
  return code === 'SCOPE_MISSING' ? 403 : 401
}

function checkRules(claims: Claims, rules: CustomJwtRules): TokenRefusal | undefined {
  const { allowedAudience, allowedClients, allowedScopes, customClaims = [] } = rules
  const audience = Array.isArray(claims.aud) ? (claims.aud as unknown[]) : [claims.aud]
  if (allowedAudience && !audience.some((each) => typeof each === 'string' && allowedAudience.includes(each)))
    return refused('TOKEN_AUDIENCE', `aud is ${shown(claims.aud)}; allowedAudience is ${list(allowedAudience)}.`)
  if (allowedClients && !(typeof claims.client_id === 'string' && allowedClients.includes(claims.client_id)))
    return refused(
      'TOKEN_CLIENT',
      `client_id is ${shown(claims.client_id)}; allowedClients is ${list(allowedClients)}.`,
    )
  for (const rule of customClaims)
    if (!claimHolds(claims, rule))
      return refused('TOKEN_CLAIM', `The claim ${rule.name} does not hold: ${rule.operator} ${list(rule.values)}.`)
  if (allowedScopes && !scopesOf(claims).some((scope) => allowedScopes.includes(scope)))
    return refused('SCOPE_MISSING', `scope is ${shown(claims.scope)}; one of ${list(allowedScopes)} is needed.`)
  return undefined
}

function claimHolds(claims: Claims, { name, operator, values }: ClaimRule): boolean {
  const claim = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (operator === 'EQUALS') return claim === values[0]
  return Array.isArray(claim) && values.some((value) => claim.includes(value))
}

function list(values: readonly string[]): string {
  return shown(values.join(', '))
}

function scopesOf({ scope }: Claims): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []
}
