import { createHash, randomBytes } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey } from 'jose'
import type { CheckPerson, Person } from './accounts.ts'

export interface UpstreamOptions {
  /** The user pool's issuer: https://cognito-idp.REGION.amazonaws.com/POOL */
  issuer: string
  clientId: string
  clientSecret?: string
  /** Asked when a code or a refresh token is used; without it, what the last sign-in said holds until the grant ends. */
  check?: CheckPerson
}

interface Discovered {
  authorization_endpoint: string
  token_endpoint: string
  jwks_uri: string
}

interface Found {
  at: number
  endpoints: Discovered
  keys: JWTVerifyGetKey
}

const discoveredMs = 10 * 60_000

/** The OpenID provider where people sign in: Amazon Cognito, or its local stand-in. Its tokens are looked at once and dropped. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #redirectUri: string
  readonly #now: () => number
  #found: Found | undefined

  constructor(options: UpstreamOptions, redirectUri: string, now: () => number) {
    this.#options = options
    this.#redirectUri = redirectUri
    this.#now = now
  }

  async authorizationUrl(flow: { state: string; nonce: string; verifier: string; again: boolean }): Promise<string> {
    const { endpoints } = await this.#discover()
    const url = new URL(endpoints.authorization_endpoint)
    const parameters = {
      response_type: 'code',
      client_id: this.#options.clientId,
      redirect_uri: this.#redirectUri,
      scope: 'openid',
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: createHash('sha256').update(flow.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(flow.again ? { prompt: 'login' } : {}),
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return url.href
  }

  /**
   * Exchanges the code and verifies the ID token: signature, issuer, audience, expiry, `nonce`, `token_use`.
   * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
   */
  async personOf(code: string, { nonce, verifier }: { nonce: string; verifier: string }): Promise<Person> {
    const { endpoints, keys } = await this.#discover()
    const idToken = await this.#exchange(endpoints.token_endpoint, code, verifier)
    const { payload } = await jwtVerify(idToken, keys, {
      issuer: this.#options.issuer,
      audience: this.#options.clientId,
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'iat', 'exp'],
      currentDate: new Date(this.#now()),
      clockTolerance: 5,
    })
    if (payload.token_use !== 'id') throw new Error('token_use is not id')
    if (payload.nonce !== nonce) throw new Error('the nonce is of another flow')
    const groups = payload['cognito:groups']
    return {
      sub: payload.sub!,
      username: text(payload['cognito:username']) ?? text(payload.email) ?? payload.sub!,
      groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
    }
  }

  async #exchange(endpoint: string, code: string, verifier: string): Promise<string> {
    const { clientId, clientSecret } = this.#options
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      redirect_uri: this.#redirectUri,
      code_verifier: verifier,
    })
    const basic = clientSecret && Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
    const response = await fetch(endpoint, {
      method: 'POST',
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
      ...(basic ? { headers: { authorization: `Basic ${basic}` } } : {}),
    })
    const answer = (await response.json()) as { id_token?: unknown; error?: unknown }
    if (!response.ok || typeof answer.id_token !== 'string')
      throw new Error(`the token endpoint answered ${response.status} ${text(answer.error) ?? ''}`)
    return answer.id_token
  }

  async #discover(): Promise<Found> {
    if (this.#found && this.#now() - this.#found.at < discoveredMs) return this.#found
    const { issuer } = this.#options
    const response = await fetch(`${issuer}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    })
    const document = (await response.json()) as Discovered & { issuer: string }
    if (!response.ok || document.issuer !== issuer) throw new Error('the discovery document is of another issuer')
    for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) checkEndpoint(document[name])
    const keys = createRemoteJWKSet(new URL(document.jwks_uri), { cooldownDuration: 30_000, timeoutDuration: 3000 })
    this.#found = { at: this.#now(), endpoints: document, keys }
    return this.#found
  }
}

export function randomText(): string {
  return randomBytes(32).toString('base64url')
}

function checkEndpoint(value: unknown): void {
  const url = typeof value === 'string' ? URL.parse(value) : null
  const local = url && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (url?.protocol !== 'https:' && !local) throw new Error('an upstream endpoint is not https')
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined
}
