import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'

interface SigningKey {
  kid: string
  privateKey: CryptoKey
  publicJwk: JWK
}

/** Cognito signs ID tokens and access tokens with different keys. */
export interface PoolKeys {
  id: SigningKey
  access: SigningKey
}

/** Makes the two RS256 keys of a pool. */
export async function makeKeys(): Promise<PoolKeys> {
  const [id, access] = await Promise.all([makeKey(), makeKey()])
  return { id, access }
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048 })
  const kid = randomBytes(32).toString('base64')
  const { e, n } = await exportJWK(publicKey)
  return { kid, privateKey, publicJwk: { alg: 'RS256', e: e!, kid, kty: 'RSA', n: n!, use: 'sig' } }
}

/** Signs a token with the header that Cognito writes: `kid` and `alg`, and no `typ`. */
export async function signToken(key: SigningKey, claims: JWTPayload, typ?: string): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ kid: key.kid, alg: 'RS256', ...(typ ? { typ } : {}) })
    .sign(key.privateKey)
}
