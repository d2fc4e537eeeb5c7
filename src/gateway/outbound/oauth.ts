import type { OauthProvider } from '../definitions/types.ts'
import { TargetFailure } from '../tool.ts'
import type { OutboundAuth } from './credentials.ts'

/** What a credential provider is, as the bindings have it. */
export interface OauthClient {
  clientId: string
  clientSecret: string
  /** How the client shows its secret; basic by default. */
  authMethod?: 'CLIENT_SECRET_BASIC' | 'CLIENT_SECRET_POST'
  /** One of them. */
  tokenEndpoint?: string
  discoveryUrl?: string
  fetch?: typeof fetch
  now?: () => number
}

/** Renewed this long before it ends, so that it does not end on its way. */
const marginMs = 30_000
/** Taken when a token endpoint does not say how long. */
const defaultLifeS = 300
const timeoutMs = 5000
const maxBytes = 64 * 1024

/**
 * Gets tokens by client credentials, for one target: one request however many calls wait for it, kept until half a minute
 * before the token ends, and forgotten when the target refuses it.
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export function clientCredentialsOf(provider: OauthProvider, client: OauthClient): OutboundAuth {
  const now = client.now ?? Date.now
  let known: { header: string; until: number } | undefined
  let asking: Promise<string> | undefined
  const ask = async () => {
    try {
      const { token, lifeS } = await requestToken(provider, client)
      const header = `Bearer ${token}`
      known = { header, until: now() + lifeS * 1000 - Math.min(marginMs, (lifeS * 1000) / 2) }
      return header
    } finally {
      asking = undefined
    }
  }
  return {
    apply: (request) => {
      if (known && now() < known.until) {
        request.headers.authorization = known.header
        return undefined
      }
      return (asking ??= ask()).then((header) => {
        request.headers.authorization = header
      })
    },
    refused: () => {
      const had = known !== undefined
      known = undefined
      return had
    },
  }
}

async function requestToken(provider: OauthProvider, client: OauthClient): Promise<{ token: string; lifeS: number }> {
  const fetchFn = client.fetch ?? fetch
  try {
    const endpoint = client.tokenEndpoint ?? (await discovered(client.discoveryUrl ?? '', fetchFn))
    const form = new URLSearchParams({ grant_type: 'client_credentials', ...provider.customParameters })
    if (provider.scopes.length > 0) form.set('scope', provider.scopes.join(' '))
    const headers: Record<string, string> = { accept: 'application/json' }
    if (client.authMethod === 'CLIENT_SECRET_POST') {
      form.set('client_id', client.clientId)
      form.set('client_secret', client.clientSecret)
    } else headers.authorization = basic(client.clientId, client.clientSecret)
    const answer = await json(
      await fetchFn(secure(endpoint), {
        method: 'POST',
        body: form,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      }),
    )
    if (typeof answer.access_token !== 'string') throw new Error('it gave no access_token')
    return {
      token: answer.access_token,
      lifeS: typeof answer.expires_in === 'number' && answer.expires_in > 0 ? answer.expires_in : defaultLifeS,
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it failed'
    throw new TargetFailure('CredentialException', `No token for the client ${client.clientId}: ${why}`, error)
  }
}

async function discovered(url: string, fetchFn: typeof fetch): Promise<string> {
  const { token_endpoint: endpoint } = await json(
    await fetchFn(secure(url), { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) }),
  )
  if (typeof endpoint !== 'string') throw new Error('the discovery document has no token_endpoint')
  return endpoint
}

async function json(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text()
  if (text.length > maxBytes) throw new Error('its answer is too large')
  if (!response.ok) throw new Error(`the authorization server answered ${response.status}`)
  return JSON.parse(text) as Record<string, unknown>
}

/** A secret goes over https, or stays on this machine. */
function secure(url: string): URL {
  const { protocol, hostname } = new URL(url)
  const local = hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost'
  if (protocol !== 'https:' && !(protocol === 'http:' && local)) throw new Error('it is not https')
  return new URL(url)
}

/** RFC 6749 §2.3.1: both halves encoded as forms do, then joined. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}
