import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { TokenVerifier } from '../../src/auth/bearer/verify.ts'
import { withBearer } from '../../src/auth/bearer/with-bearer.ts'
import type { FetchHandler } from '../../src/http/fetch-handler.ts'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { MemoryTable } from '../../src/state/memory.ts'

export const scopes = { read: 'aws-tools/read', write: 'aws-tools/write' }

export interface GuardedServer {
  url: string
  /** What a test may bend. */
  bent: { metadata?: Record<string, unknown>; status?: number; neverEnough?: boolean }
  close(): Promise<void>
}

/** An MCP server behind our own resource server: its tool `look` needs the base scope and `change` the write scope as well. */
export async function startGuardedServer(options: {
  issuer: string
  verifier: (resource: string) => TokenVerifier
}): Promise<GuardedServer> {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory: tools })
  const state: Pick<GuardedServer, 'bent'> = { bent: {} }
  let guarded: FetchHandler
  const server = await listen(async (request, context) => {
    if (state.bent.status) return new Response('bent', { status: state.bent.status })
    const { pathname } = new URL(request.url)
    if (state.bent.metadata && pathname.startsWith('/.well-known/')) return Response.json(state.bent.metadata)
    if (state.bent.neverEnough)
      return new Response(null, {
        status: 403,
        headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scopes.read} ${scopes.write}"` },
      })
    return guarded(request, context)
  })
  const resource = `${server.url}/mcp`
  guarded = withBearer(endpoint.fetch, {
    resource,
    authorizationServers: [options.issuer],
    verifier: options.verifier(resource),
    scopes: { supported: Object.values(scopes), base: [scopes.read], tools: { change: [scopes.write] } },
    proofs: new MemoryTable(),
  })
  return Object.assign(state, {
    url: resource,
    close: async () => {
      await server.close()
      await endpoint.close()
    },
  })
}

/** Takes the opaque tokens that the test's authorization server gave out for this resource. */
export function opaque(
  tokens: Map<string, { username: string; scope: string; clientId: string; resource: string }>,
): (resource: string) => TokenVerifier {
  return (resource) => ({
    verify: async (token) => {
      const found = tokens.get(token)
      if (found?.resource !== resource) return { ok: false, code: 'TOKEN_SIGNATURE', why: 'It is not known.' }
      const { username, clientId, scope } = found
      return {
        ok: true,
        token: {
          principal: { kind: 'user', id: username, clientId, scopes: scope.split(' ') },
          expiresAt: Infinity,
          claims: {},
        },
      }
    },
  })
}

function tools(): McpServer {
  const server = new McpServer({ name: 'guarded', version: '1.0.0' })
  for (const name of ['look', 'change'])
    server.registerTool(name, { inputSchema: z.object({}) }, async () => ({
      content: [{ type: 'text', text: `${name} done` }],
    }))
  return server
}
