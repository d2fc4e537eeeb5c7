import type { Claims, TokenProfile, TokenRefusal } from './verify.ts'
import { shown } from './verify.ts'

/** Scopes with the groups whose members may have them, on the wire (`name/key`); no groups: everyone. */
export type ScopeGroups = Readonly<Record<string, readonly string[] | undefined>>

/**
 * Describes the access tokens of fairlead's authorization service: `at+jwt` for exactly one resource.
 * An audience list with others beside ours is refused: the service never issues one, and such a token could be used there too.
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-2 and https://www.rfc-editor.org/rfc/rfc8707#section-2
 */
export function serviceProfile(options: {
  issuer: string
  resource: string
  algorithm?: 'RS256' | 'ES256'
}): TokenProfile {
  return {
    issuer: options.issuer,
    algorithm: options.algorithm ?? 'RS256',
    check: (header, claims) =>
      checkType(header, claims) ??
      checkAudience(claims, options.resource, true) ??
      missing(claims, ['sub', 'client_id', 'jti']),
    principalOf: (claims) => ({
      kind: claims.sub === claims.client_id ? 'client' : 'user',
      id: claims.sub as string,
      clientId: claims.client_id as string,
      scopes: scopesOf(claims),
    }),
  }
}

/**
 * Describes access tokens that Cognito issued itself. An app client of the pool can ask for any audience, so the client
 * must be on the list, and at least one scope must be ours. A person has the scopes that their groups give.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 */
export function cognitoProfile(options: {
  issuer: string
  resource: string
  clients: readonly string[]
  scopes: ScopeGroups
}): TokenProfile {
  const ours = (claims: Claims) => scopesOf(claims).filter((scope) => allowed(scope, claims, options.scopes))
  return {
    issuer: options.issuer,
    algorithm: 'RS256',
    check: (_header, claims) => {
      if (claims.token_use !== 'access')
        return claims.token_use === 'id'
          ? { code: 'TOKEN_TYPE', why: 'This is an ID token; an access token is needed.' }
          : { code: 'TOKEN_TYPE', why: `Its token_use is ${shown(claims.token_use)}; it must be access.` }
      if (!options.clients.includes(String(claims.client_id)))
        return { code: 'TOKEN_CLIENT', why: `Its client ${shown(claims.client_id)} is not one of oauth.clients.` }
      if (ours(claims).length === 0)
        return { code: 'SCOPE_MISSING', why: `None of its scopes is one of this server: ${shown(claims.scope)}.` }
      return checkAudience(claims, options.resource, false) ?? missing(claims, ['sub', 'client_id', 'jti'])
    },
    principalOf: (claims) => ({
      kind: claims.username === undefined ? 'client' : 'user',
      id: claims.sub as string,
      clientId: claims.client_id as string,
      scopes: ours(claims),
    }),
  }
}

function allowed(scope: string, claims: Claims, scopes: ScopeGroups): boolean {
  if (!Object.hasOwn(scopes, scope)) return false
  const groups = scopes[scope]
  if (!groups || claims.username === undefined) return true
  const member = claims['cognito:groups']
  return Array.isArray(member) && groups.some((group) => member.includes(group))
}

function checkType(header: Claims, claims: Claims): TokenRefusal | undefined {
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : undefined
  if (type === 'at+jwt') return undefined
  const isIdToken = claims.nonce !== undefined || claims.at_hash !== undefined || claims.token_use === 'id'
  return isIdToken
    ? { code: 'TOKEN_TYPE', why: 'This is an ID token; an access token is needed.' }
    : { code: 'TOKEN_TYPE', why: `Its type is ${shown(header.typ)}; an access token has at+jwt.` }
}

function checkAudience({ aud }: Claims, resource: string, needed: boolean): TokenRefusal | undefined {
  if (aud === resource || (Array.isArray(aud) && aud.length === 1 && aud[0] === resource)) return undefined
  if (aud === undefined && !needed) return undefined
  return {
    code: 'TOKEN_AUDIENCE',
    why:
      aud === undefined
        ? `It names no audience; it must be ${resource}.`
        : `This token is for ${shown(aud)}; this server is ${resource}.`,
  }
}

function missing(claims: Claims, names: readonly string[]): TokenRefusal | undefined {
  const absent = names.find((name) => typeof claims[name] !== 'string' || claims[name] === '')
  return absent === undefined ? undefined : { code: 'TOKEN_CLAIM', why: `It has no \`${absent}\` that is a text.` }
}

function scopesOf({ scope }: Claims): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : []
}
