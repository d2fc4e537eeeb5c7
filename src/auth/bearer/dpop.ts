import { createHash, timingSafeEqual } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWK } from 'jose'
import type { Table } from '../../state/table.ts'
import type { TokenRefusal } from './verify.ts'

export interface ProofRequest {
  /** The DPoP header. */
  proof: string
  method: string
  /** The URL that was called, without query and fragment, with the host that is served and not the one that was sent. */
  url: string
  accessToken: string
  /** The thumbprint in the token's `cnf`. */
  jkt: string
}

const windowS = 60

/**
 * Verifies the proof that the caller holds the key that a token is bound to. Each proof counts once, by its `jti`.
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-4.3
 */
export async function checkProof(request: ProofRequest, seen: Table, now: number): Promise<TokenRefusal | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(request.proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256', 'RS256', 'EdDSA'],
      currentDate: new Date(now),
      clockTolerance: 5,
    })
    const { htm, htu, iat, jti, ath } = payload as Record<string, unknown>
    if (htm !== request.method) return wrong(`it is for ${String(htm).slice(0, 20)}, not ${request.method}`)
    if (typeof htu !== 'string' || htu.split(/[?#]/)[0] !== request.url) return wrong('it is for another URL')
    if (typeof iat !== 'number' || Math.abs(now / 1000 - iat) > windowS) return wrong('it was not made just now')
    if (typeof jti !== 'string' || jti.length < 8 || jti.length > 256)
      return wrong('it has no `jti` of 8 to 256 characters')
    const hash = createHash('sha256').update(request.accessToken).digest('base64url')
    if (typeof ath !== 'string' || !same(ath, hash)) return wrong('it is for another access token')
    if (!same(await calculateJwkThumbprint(protectedHeader.jwk as JWK), request.jkt))
      return wrong('it is signed with another key than the token is bound to')
    if (!(await seen.write('DPoP', `${request.jkt}|${jti}`, 1, { ttlS: 2 * windowS + 10, if: 'absent' })))
      return wrong('it was used before')
    return undefined
  } catch {
    return wrong('it is not a proof that can be verified')
  }
}

function wrong(what: string): TokenRefusal {
  return { code: 'DPOP_PROOF', why: `The DPoP proof does not hold: ${what}.` }
}

function same(a: string, b: string): boolean {
  const [one, two] = [Buffer.from(a), Buffer.from(b)]
  return one.length === two.length && timingSafeEqual(one, two)
}
