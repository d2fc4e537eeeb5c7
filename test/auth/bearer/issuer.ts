import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'

export interface SigningKey {
  kid: string
  alg: string
  privateKey: CryptoKey
  jwk: JWK
}

export interface TestIssuer {
  url: string
  discoveryUrl: string
  /** The paths that were asked for, in order, and every header that came with them. */
  asked: { path: string; headers: string[] }[]
  /** What the key set holds now. */
  published: SigningKey[]
  /** Every answer is 500 while this is set. */
  broken: boolean
  close(): Promise<void>
}

export async function makeKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** A real issuer on a free port: a discovery document and a key set, as the authorization service and Cognito publish them. */
export async function startIssuer(keys: SigningKey[], path = ''): Promise<TestIssuer> {
  const issuer: TestIssuer = { url: '', discoveryUrl: '', asked: [], published: keys, broken: false, close }
  const server = createServer((req, res) => {
    issuer.asked.push({ path: req.url!, headers: req.rawHeaders })
    if (issuer.broken) return void res.writeHead(500).end()
    const answers: Record<string, unknown> = {
      [`${path}/.well-known/openid-configuration`]: { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` },
      [`${path}/jwks`]: { keys: issuer.published.map(({ jwk }) => jwk) },
    }
    const answer = answers[req.url!]
    res.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  issuer.discoveryUrl = `${issuer.url}/.well-known/openid-configuration`
  return issuer

  async function close(): Promise<void> {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Signs what it is given: nothing is added but what is asked for. */
export function signWith(
  { privateKey, alg, kid }: SigningKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  const given = Object.fromEntries(Object.entries({ alg, kid, ...header }).filter(([, value]) => value !== undefined))
  return new SignJWT(claims).setProtectedHeader(given as { alg: string }).sign(privateKey)
}
