import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTHeaderParameters, type JWTPayload } from 'jose'

type Keys = Awaited<ReturnType<typeof generateKeyPair>>

export interface Issuer {
  url: string
  /** Requests for its key set so far, and every header that came with any request. */
  keyFetches(): number
  seenHeaders(): string
  /** Signs with its current key. */
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>
  /** Publishes a new key and signs with it from now on. */
  rotate(): Promise<void>
  keys(): Keys
  close(): Promise<void>
}

/** An issuer of JWTs, made with jose, on a port of its own. */
export async function startIssuer(algorithm: 'RS256' | 'ES256' = 'RS256'): Promise<Issuer> {
  let fetches = 0
  let seen = ''
  const all: { kid: string; keys: Keys }[] = []
  const rotate = async () => {
    all.push({ kid: `key-${all.length + 1}`, keys: await generateKeyPair(algorithm, { extractable: true }) })
  }
  await rotate()
  let url = ''
  const server = createServer((req, res) => {
    seen += JSON.stringify(req.headers)
    const answer = async () => {
      if (req.url === '/jwks') {
        fetches++
        return {
          keys: await Promise.all(
            all.map(async ({ kid, keys }) => ({
              ...(await exportJWK(keys.publicKey)),
              kid,
              alg: algorithm,
              use: 'sig',
            })),
          ),
        }
      }
      return { issuer: url, jwks_uri: `${url}/jwks` }
    }
    void answer().then((body) => res.setHeader('content-type', 'application/json').end(JSON.stringify(body)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    keyFetches: () => fetches,
    seenHeaders: () => seen,
    sign: (claims, header = {}) => {
      const { kid, keys } = all.at(-1)!
      return new SignJWT(claims)
        .setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt', ...header })
        .sign(keys.privateKey)
    },
    rotate,
    keys: () => all.at(-1)!.keys,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
