// An endpoint that wants a token, and the authorization server that gives one to a client for itself.
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { benchFactory } from './factory.ts'
import { announce } from './serve.ts'

const endpoint = createMcpEndpoint({ kind: 'factory', factory: benchFactory(1, 'once') })
const server = await listen(async (request, context) => {
  const { origin, pathname } = new URL(request.url)
  if (pathname === '/.well-known/oauth-protected-resource/mcp')
    return Response.json({ resource: `${origin}/mcp`, authorization_servers: [origin] })
  if (pathname === '/.well-known/oauth-authorization-server')
    return Response.json({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
    })
  if (pathname === '/token') return Response.json({ access_token: 'a-token', token_type: 'Bearer', expires_in: 3600 })
  if (request.headers.get('authorization') !== 'Bearer a-token')
    return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } })
  return endpoint.fetch(request, context)
})
announce(`${server.url}/mcp`)
