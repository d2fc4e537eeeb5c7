import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'

export const scopes = { read: 'aws-tools/read', write: 'aws-tools/write' }

export interface GuardedServer {
  url: string
  /** What a test may bend. */
  bent: { metadata?: Record<string, unknown>; status?: number; neverEnough?: boolean }
  /** How many requests came with a token that was taken. */
  served: number
  close(): Promise<void>
}

/** An MCP server whose tool `look` needs the base scope and `change` the write scope as well. */
export async function startGuardedServer(options: {
  issuer: string
  /** The scope of a token that lives, for this resource. */
  scopeOf: (token: string, resource: string) => string | undefined | Promise<string | undefined>
}): Promise<GuardedServer> {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory: tools })
  const state: Pick<GuardedServer, 'bent' | 'served'> = { bent: {}, served: 0 }
  const server = await listen(async (request, context) => {
    const { pathname } = new URL(request.url)
    const resource = `${server.url}/mcp`
    const metadataUrl = `${server.url}/.well-known/oauth-protected-resource/mcp`
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return Response.json({
        resource,
        authorization_servers: [options.issuer],
        scopes_supported: Object.values(scopes),
        ...state.bent.metadata,
      })
    if (state.bent.status) return new Response('bent', { status: state.bent.status })
    const challenge = (status: number, more: string) =>
      new Response(null, {
        status,
        headers: { 'www-authenticate': `Bearer resource_metadata="${metadataUrl}", ${more}` },
      })
    const presented = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
    const scope = presented === undefined ? undefined : await options.scopeOf(presented, resource)
    if (scope === undefined) return challenge(401, `scope="${scopes.read}"`)
    const needs = (await request.text()).includes('"change"') ? Object.values(scopes) : [scopes.read]
    if (state.bent.neverEnough || !needs.every((each) => scope.split(' ').includes(each)))
      return challenge(403, `error="insufficient_scope", scope="${needs.join(' ')}"`)
    state.served++
    return endpoint.fetch(request, context)
  })
  return Object.assign(state, {
    url: `${server.url}/mcp`,
    close: async () => {
      await server.close()
      await endpoint.close()
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
