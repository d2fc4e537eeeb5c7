// What the conformance suite starts to compare with: the official SDK's client alone, which signs in by itself and makes
// the same calls as conformance-client.ts.
import {
  auth,
  Client,
  extractWWWAuthenticateParams,
  StreamableHTTPClientTransport,
  type OAuthClientProvider,
} from '@modelcontextprotocol/client'

const url = process.argv[2]!
const modern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28'
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as {
  client_id?: string
  client_secret?: string
}
const redirectUrl = 'http://localhost:3000/callback'
const kept = new Map<string, unknown>(context.client_id === undefined ? [] : [['client', context]])
let came: URLSearchParams | undefined

const provider: OAuthClientProvider = {
  redirectUrl,
  clientMetadata: { client_name: 'reference', redirect_uris: [redirectUrl] },
  ...(context.client_id === undefined
    ? { clientMetadataUrl: 'https://conformance-test.local/client-metadata.json' }
    : {}),
  clientInformation: () => kept.get('client') as never,
  saveClientInformation: (client) => void kept.set('client', client),
  tokens: () => kept.get('tokens') as never,
  saveTokens: (tokens) => void kept.set('tokens', tokens),
  codeVerifier: () => kept.get('verifier') as string,
  saveCodeVerifier: (verifier) => void kept.set('verifier', verifier),
  discoveryState: () => kept.get('discovery') as never,
  saveDiscoveryState: (state) => void kept.set('discovery', state),
  redirectToAuthorization: async (to) => {
    const answer = await fetch(to, { redirect: 'manual' })
    came = new URL(answer.headers.get('location')!).searchParams
  },
}

const client = new Client(
  { name: 'reference', version: '1.0.0' },
  modern ? { versionNegotiation: { mode: 'auto' as const } } : {},
)
try {
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: signingIn }))
  for (const { name } of (await client.listTools()).tools) await client.callTool({ name, arguments: {} })
} catch (error) {
  console.error(String(error))
  process.exitCode = 1
}
await client.close()

/** Signs in when it is refused, and asks once more. */
async function signingIn(input: string | URL, init?: RequestInit): Promise<Response> {
  const send = () => {
    const headers = new Headers(init?.headers)
    const tokens = kept.get('tokens') as { access_token: string } | undefined
    if (tokens) headers.set('authorization', `Bearer ${tokens.access_token}`)
    return fetch(input, { ...init, headers })
  }
  const first = await send()
  if (first.status !== 401 && first.status !== 403) return first
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(first)
  const options = {
    serverUrl: url,
    ...(resourceMetadataUrl ? { resourceMetadataUrl } : {}),
    ...(scope === undefined ? {} : { scope }),
  }
  if ((await auth(provider, options)) === 'REDIRECT') {
    const iss = came?.get('iss')
    await auth(provider, { ...options, authorizationCode: came?.get('code') ?? '', ...(iss ? { iss } : {}) })
  }
  return send()
}
