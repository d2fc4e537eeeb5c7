import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
  UnauthorizedError as UnauthorizedV2,
} from '@modelcontextprotocol/client'
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anonymous, type FetchHandler } from '../../src/http/fetch-handler.ts'
import { listen, type Listening } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import factory from '../fixtures/contract-server.ts'
import { Browser } from '../support/browser.ts'
import { signIn, startService, type TestService } from './support.ts'

// A resource server no larger than these tests need. The real one is src/auth/bearer.
let server: Listening
let at: TestService
const refused = new Set<string>()
beforeAll(async () => {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory })
  let keys: ReturnType<typeof createRemoteJWKSet>
  const guarded: FetchHandler = async (request) => {
    const url = new URL(request.url)
    const resource = `${server.url}/mcp`
    if (url.pathname.startsWith('/.well-known/oauth-protected-resource'))
      return Response.json({ resource, authorization_servers: [at.issuer], scopes_supported: ['tools/read'] })
    const token = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
    keys ??= createRemoteJWKSet(new URL(`${at.issuer}/jwks`))
    try {
      if (!token || refused.has(token)) throw new Error('no token')
      const { payload } = await jwtVerify(token, keys, { issuer: at.issuer, audience: resource, typ: 'at+jwt' })
      const principal = { kind: 'user' as const, id: payload.sub! }
      return await endpoint.fetch(request, { requestId: 'test', principal })
    } catch {
      const metadata = `${server.url}/.well-known/oauth-protected-resource/mcp`
      const challenge = `Bearer resource_metadata="${metadata}", scope="tools/read"`
      return new Response('', { status: 401, headers: { 'www-authenticate': challenge } })
    }
  }
  server = await listen(guarded, { context: () => ({ requestId: 'test', principal: anonymous }) })
  at = await startService({
    resources: [{ resource: `${server.url}/mcp`, name: 'tools', scopes: { read: { description: 'See' } } }],
  })
})
afterAll(async () => {
  await server.close()
  await at.close()
})

/** What both SDKs want of a client that keeps its registration and tokens in memory. */
function memory() {
  const kept: Record<string, unknown> = {}
  return {
    kept,
    redirectUrl: 'http://127.0.0.1:7777/callback',
    clientMetadata: {
      client_name: 'SDK client',
      redirect_uris: ['http://127.0.0.1:7777/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'tools/read',
    },
    clientInformation: () => kept.client as never,
    saveClientInformation: (client: unknown) => void (kept.client = client),
    tokens: () => kept.tokens as never,
    saveTokens: (tokens: unknown) => void (kept.tokens = tokens),
    redirectToAuthorization: (url: URL) => void (kept.url = url),
    saveCodeVerifier: (verifier: string) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier as string,
    saveDiscoveryState: (state: unknown) => void (kept.discovery = state),
    discoveryState: () => kept.discovery as never,
  }
}

it.each(['legacy', { pin: '2026-07-28' }] as const)('SDK v2 signs in, calls and refreshes: %j', async (mode) => {
  const provider = memory()
  const url = new URL(`${server.url}/mcp`)
  const make = () => new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
  const transport = new TransportV2(url, { authProvider: provider as never })
  await expect(make().connect(transport)).rejects.toBeInstanceOf(UnauthorizedV2)
  await transport.finishAuth(await signIn(new Browser(), String(provider.kept.url), 'ada'))
  const client = make()
  await client.connect(new TransportV2(url, { authProvider: provider as never }))
  const who = await client.callTool({ name: 'whoami', arguments: {} })
  expect(JSON.stringify(who)).toContain('sub-ada')
  const { access_token: first } = provider.kept.tokens as { access_token: string }
  refused.add(first)
  await client.callTool({ name: 'echo', arguments: { text: 'again' } })
  expect((provider.kept.tokens as { access_token: string }).access_token).not.toBe(first)
  await client.close()
})

it('SDK v1 signs in, calls and refreshes', async () => {
  const provider = memory()
  const url = new URL(`${server.url}/mcp`)
  const transport = new TransportV1(url, { authProvider: provider })
  await expect(new ClientV1({ name: 'v1', version: '1' }).connect(transport)).rejects.toBeInstanceOf(UnauthorizedV1)
  await transport.finishAuth((await signIn(new Browser(), String(provider.kept.url), 'grace')).get('code')!)
  const client = new ClientV1({ name: 'v1', version: '1' })
  await client.connect(new TransportV1(url, { authProvider: provider }))
  expect(JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }))).toContain('sub-grace')
  const { access_token: first } = provider.kept.tokens as { access_token: string }
  refused.add(first)
  await client.callTool({ name: 'echo', arguments: { text: 'again' } })
  expect((provider.kept.tokens as { access_token: string }).access_token).not.toBe(first)
  await client.close()
})
