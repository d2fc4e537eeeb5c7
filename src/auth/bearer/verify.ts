import { compactVerify, decodeProtectedHeader, errors, type JWTVerifyGetKey } from 'jose'
import type { ErrorCode } from '../../errors.ts'
import type { Principal } from '../../http/fetch-handler.ts'
import { issuerKeys } from './keys.ts'
import { TokenCache, tokenKey } from './token-cache.ts'

export type Claims = Record<string, unknown>

export interface VerifiedToken {
  principal: Principal & { scopes: readonly string[] }
  /** Seconds since 1970. */
  expiresAt: number
  /** The thumbprint of the key that the token is bound to (DPoP). */
  jkt?: string
  claims: Claims
}

export interface TokenRefusal {
  code: ErrorCode
  /** For the log: the cause, with what was expected and what came. Never the token. */
  why: string
}

export type TokenOutcome = { ok: true; token: VerifiedToken } | ({ ok: false } & TokenRefusal)

/** What one kind of issuer puts into its tokens. Checks claims only: the signature comes after. */
export interface TokenProfile {
  algorithm: 'RS256' | 'ES256'
  issuer: string
  /** Says what is wrong with the header and claims; undefined: nothing. */
  check(header: Claims, claims: Claims): TokenRefusal | undefined
  principalOf(claims: Claims): VerifiedToken['principal']
}

export interface VerifierOptions {
  profile: TokenProfile
  /** Found by discovery when absent. */
  jwksUri?: string
  keys?: JWTVerifyGetKey
  now?: () => number
}

export interface TokenVerifier {
  verify(token: string): Promise<TokenOutcome> | TokenOutcome
}

/** Seconds that clocks may differ. */
const skewS = 5

/** A key a token brings itself, or an extension that must be understood, is never honoured. */
const foreignKeys = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64'] as const

/**
 * Verifies JWT access tokens of one issuer for one resource. Everything that can be seen without a key is checked first,
 * so that a foreign token costs no key fetch; the signature is checked last and always.
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
export function createTokenVerifier(options: VerifierOptions): TokenVerifier {
  const { profile, now = Date.now } = options
  const keys =
    options.keys ??
    issuerKeys({ issuer: profile.issuer, ...(options.jwksUri === undefined ? {} : { jwksUri: options.jwksUri }) })
  const cache = new TokenCache()
  return {
    verify: (token) => {
      const key = tokenKey(token)
      const known = cache.get(key, now())
      if (known) return { ok: true, token: known }
      return verifyAnew(token, profile, keys, now()).then((outcome) => {
        if (outcome.ok) cache.set(key, outcome.token, now())
        return outcome
      })
    },
  }
}

async function verifyAnew(
  token: string,
  profile: TokenProfile,
  keys: JWTVerifyGetKey,
  now: number,
): Promise<TokenOutcome> {
  const parts = decode(token)
  if (!parts) return refuse('TOKEN_MALFORMED', 'It is not a JWT: three parts, the first two base64url of JSON objects.')
  const { header, claims } = parts
  const wrong =
    checkHeader(header, profile.algorithm) ??
    checkIssuer(claims, profile.issuer) ??
    checkTimes(claims, now / 1000) ??
    profile.check(header, claims) ??
    checkBinding(claims)
  if (wrong) return { ok: false, ...wrong }
  const unproved = await checkSignature(token, profile.algorithm, keys)
  if (unproved) return { ok: false, ...unproved }
  const jkt = jktOf(claims)
  return {
    ok: true,
    token: {
      principal: profile.principalOf(claims),
      expiresAt: claims.exp as number,
      claims,
      ...(jkt === undefined ? {} : { jkt }),
    },
  }
}

/** Reads a compact JWT without believing it; undefined: it is none. */
export function decode(token: string): { header: Claims; claims: Claims } | undefined {
  const [, payload, signature, ...more] = token.split('.')
  if (!payload || !signature || more.length > 0 || token.length > 8 * 1024) return undefined
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
    return { header: decodeProtectedHeader(token), claims: claims as Claims }
  } catch {
    return undefined
  }
}

function checkHeader(header: Claims, algorithm: string): TokenRefusal | undefined {
  if (header.alg !== algorithm)
    return { code: 'TOKEN_ALGORITHM', why: `It is signed with ${shown(header.alg)}; only ${algorithm} is accepted.` }
  const foreign = foreignKeys.find((name) => name in header)
  if (foreign) return { code: 'TOKEN_HEADER', why: `Its header has \`${foreign}\`, which is never honoured.` }
  if (typeof header.kid !== 'string') return { code: 'TOKEN_HEADER', why: 'Its header names no key (`kid`).' }
  return undefined
}

function checkIssuer(claims: Claims, issuer: string): TokenRefusal | undefined {
  if (claims.iss === issuer) return undefined
  return { code: 'TOKEN_ISSUER', why: `It was issued by ${shown(claims.iss)}; tokens of ${issuer} are accepted.` }
}

/** Checks `exp`, `iat` and `nbf` against the clock, in seconds. */
export function checkTimes(claims: Claims, now: number): TokenRefusal | undefined {
  const { exp, nbf, iat } = claims
  if (!isTime(exp)) return { code: 'TOKEN_CLAIM', why: 'It has no `exp` that is a number.' }
  if (!isTime(iat)) return { code: 'TOKEN_CLAIM', why: 'It has no `iat` that is a number.' }
  if (exp <= now - skewS) return { code: 'TOKEN_EXPIRED', why: `It expired ${Math.round(now - exp)} s ago.` }
  if (nbf !== undefined && !isTime(nbf)) return { code: 'TOKEN_CLAIM', why: 'Its `nbf` is not a number.' }
  if (isTime(nbf) && nbf > now + skewS)
    return { code: 'TOKEN_NOT_YET', why: `It is valid only in ${Math.round(nbf - now)} s.` }
  if (iat > now + skewS)
    return { code: 'TOKEN_NOT_YET', why: `It was issued ${Math.round(iat - now)} s in the future.` }
  return undefined
}

/** A token that is bound in another way than DPoP's would pass as a plain one, so it is refused. */
function checkBinding(claims: Claims): TokenRefusal | undefined {
  if (claims.cnf === undefined || jktOf(claims) !== undefined) return undefined
  return { code: 'TOKEN_CLAIM', why: `Its \`cnf\` is ${shown(claims.cnf)}; only \`jkt\` (DPoP) can be proved here.` }
}

function jktOf({ cnf }: Claims): string | undefined {
  if (typeof cnf !== 'object' || cnf === null) return undefined
  const { jkt, ...others } = cnf as Claims
  return typeof jkt === 'string' && jkt !== '' && Object.keys(others).length === 0 ? jkt : undefined
}

/** Verifies the signature with the key of the issuer that `kid` names. Undefined: it holds. */
export async function checkSignature(
  token: string,
  algorithm: string,
  keys: JWTVerifyGetKey,
): Promise<TokenRefusal | undefined> {
  try {
    await compactVerify(token, keys as Parameters<typeof compactVerify>[1], { algorithms: [algorithm] })
    return undefined
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed)
      return { code: 'TOKEN_SIGNATURE', why: 'Its signature is not that of the key that it names.' }
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
      return { code: 'TOKEN_KEY_UNKNOWN', why: 'The issuer publishes no key of that id.' }
    if (error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported)
      return { code: 'TOKEN_SIGNATURE', why: `Its signature cannot be verified: ${error.code}.` }
    return { code: 'TOKEN_KEYS_UNREACHABLE', why: 'The keys of the issuer cannot be read.' }
  }
}

function refuse(code: ErrorCode, why: string): TokenOutcome {
  return { ok: false, code, why }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** What a token says goes to a log: short, and without control characters. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
