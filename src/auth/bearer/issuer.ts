import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose'
import { shown } from './verify.ts'

/** What a token is checked with: who must have issued it, and the keys. */
export interface Issuer {
  issuer: string
  keys: JWTVerifyGetKey
}

export interface IssuerOptions {
  /** Maps an address to where it really is, such as Cognito's to that of its local stand-in. */
  locate?: (url: string) => string
  now?: () => number
}

/** Of a discovery document. */
const maxBytes = 256 * 1024
const timeoutMs = 3000
const maxAgeMs = 600_000

function remoteKeys(jwksUri: string, options: IssuerOptions): JWTVerifyGetKey {
  return createRemoteJWKSet(located(jwksUri, options), {
    cooldownDuration: 30_000,
    cacheMaxAge: maxAgeMs,
    timeoutDuration: timeoutMs,
  })
}

/**
 * Finds an issuer by its discovery document, which is read when first needed and again after ten minutes.
 * When it cannot be read again, the one that is known stays.
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
 */
export function discoverIssuer(discoveryUrl: string, options: IssuerOptions = {}): () => Promise<Issuer> {
  const { now = Date.now } = options
  const address = located(discoveryUrl, options)
  let known: { issuer: Issuer; jwksUri: string; readAt: number } | undefined
  let reading: Promise<Issuer> | undefined
  const read = async (): Promise<Issuer> => {
    try {
      const { issuer, jwksUri } = await readDiscovery(address)
      const same = known?.jwksUri === jwksUri && known.issuer.issuer === issuer
      const found = same ? known!.issuer : { issuer, keys: remoteKeys(jwksUri, options) }
      known = { issuer: found, jwksUri, readAt: now() }
    } catch (error) {
      if (!known) throw error
      known.readAt = now()
    } finally {
      reading = undefined
    }
    return known.issuer
  }
  return async () => {
    if (known && now() - known.readAt < maxAgeMs) return known.issuer
    return (reading ??= read())
  }
}

async function readDiscovery(address: URL): Promise<{ issuer: string; jwksUri: string }> {
  const response = await fetch(address, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) throw new Error(`${address.href} answered ${response.status}`)
  const { issuer, jwks_uri: jwksUri } = JSON.parse(await boundedText(response)) as Record<string, unknown>
  if (typeof issuer !== 'string' || typeof jwksUri !== 'string')
    throw new Error(`${address.href} has no issuer or no jwks_uri`)
  return { issuer, jwksUri }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`${response.url} is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Keys are fetched by https, or from this machine. Throws TypeError. */
function located(url: string, { locate }: IssuerOptions): URL {
  const address = new URL(locate?.(url) ?? url)
  const { protocol, hostname } = address
  if (protocol !== 'https:' && !(protocol === 'http:' && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(hostname)))
    throw new TypeError(`${shown(address.href)} is neither https nor on this machine`)
  return address
}
