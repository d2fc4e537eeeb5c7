import type { OAuthClientProvider } from '@modelcontextprotocol/client'
import { authorizeByScript, type Person } from '../../src/auth/oauth-client/authorize.ts'

/** Never called: the script stops where it is sent there. */
const redirectUrl = 'http://127.0.0.1:8976/callback'

/**
 * What an MCP client with a browser has: it keeps its client and its tokens, and when it is told to send a person to the
 * authorization endpoint, a script goes there. One provider serves clients of both SDKs.
 */
export class ScriptedProvider implements OAuthClientProvider {
  readonly redirectUrl = redirectUrl
  /** How often somebody had to sign in. */
  signIns = 0
  /** The parameters at the redirect URI, when a sign-in has come back. */
  came: URLSearchParams | undefined
  readonly #person: Person
  readonly #kept = new Map<string, unknown>()

  constructor(person: Person) {
    this.#person = person
  }

  get clientMetadata(): OAuthClientProvider['clientMetadata'] {
    return {
      client_name: 'Contract suite',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }
  }

  clientInformation = () => this.#kept.get('client') as never
  saveClientInformation = (client: unknown) => void this.#kept.set('client', client)
  tokens = () => this.#kept.get('tokens') as never
  saveTokens = (tokens: unknown) => void this.#kept.set('tokens', tokens)
  codeVerifier = () => this.#kept.get('verifier') as string
  saveCodeVerifier = (verifier: string) => void this.#kept.set('verifier', verifier)

  discoveryState = () => this.#kept.get('discovery') as never
  saveDiscoveryState = (state: unknown) => void this.#kept.set('discovery', state)

  async redirectToAuthorization(url: URL): Promise<void> {
    this.signIns++
    this.came = await authorizeByScript(url, redirectUrl, this.#person)
  }
}
