import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose'

/**
 * Gives the keys that an issuer publishes, and no others: fetched when first needed, then at most every 30 s for a key
 * id that is not known, and again after ten minutes.
 */
export function issuerKeys(options: { issuer: string; jwksUri?: string; fetch?: typeof fetch }): JWTVerifyGetKey {
  let keys: Promise<JWTVerifyGetKey> | undefined
  let failedAt = 0
  return async (header, token) => {
    if (!keys && Date.now() - failedAt < 1000) throw new Error('the key set of the issuer cannot be read')
    keys ??= open(options)
    try {
      return await (
        await keys
      )(header, token)
    } catch (error) {
      // A discovery that failed is tried again, a second later at the earliest.
      if ((error as { discovery?: boolean }).discovery) {
        keys = undefined
        failedAt = Date.now()
      }
      throw error
    }
  }
}

async function open({
  issuer,
  jwksUri,
  fetch: get = fetch,
}: Parameters<typeof issuerKeys>[0]): Promise<JWTVerifyGetKey> {
  const uri = jwksUri ?? (await discover(issuer, get))
  return createRemoteJWKSet(new URL(uri), { cooldownDuration: 30_000, cacheMaxAge: 600_000, timeoutDuration: 3000 })
}

/** Both documents may say where the keys are: RFC 8414 first, then OpenID discovery, as Cognito has it. */
async function discover(issuer: string, get: typeof fetch): Promise<string> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '')
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
  for (const place of places) {
    const found = await read(place, issuer, get)
    if (found) return found
  }
  throw Object.assign(new Error(`no metadata of ${issuer} with a jwks_uri`), { discovery: true })
}

async function read(place: string, issuer: string, get: typeof fetch): Promise<string | undefined> {
  try {
    const response = await get(place, { redirect: 'error', signal: AbortSignal.timeout(3000) })
    if (!response.ok) return undefined
    const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
    return document.issuer === issuer && typeof document.jwks_uri === 'string' ? document.jwks_uri : undefined
  } catch {
    return undefined
  }
}
