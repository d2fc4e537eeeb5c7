import { McpServer } from '@modelcontextprotocol/server'
import { serviceProfile } from '../../../src/auth/bearer/profiles.ts'
import { createTokenVerifier } from '../../../src/auth/bearer/verify.ts'
import { withBearer } from '../../../src/auth/bearer/with-bearer.ts'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import { noteOf, type Note } from '../../../src/http/note.ts'
import type { Table } from '../../../src/state/table.ts'
import { listen } from '../../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../../src/mcp/endpoint.ts'
import { principalOf } from '../../../src/mcp/principal.ts'
import { MemoryTable } from '../../../src/state/memory.ts'

export interface Resource {
  url: string
  origin: string
  /** What was noted beside each answer, in order. */
  refusals: Note[]
  close(): Promise<void>
}

/** A server with a tool that everyone may call and one that needs `demo/write`; each says who called. */
function demoServer(): McpServer {
  const server = new McpServer({ name: 'demo', version: '1' })
  for (const tool of ['whoami', 'write'])
    server.registerTool(tool, { description: tool }, (context) => ({
      content: [{ type: 'text', text: JSON.stringify(principalOf(context as never) ?? null) }],
    }))
  return server
}

/** A real endpoint behind a guard on a free port: its resource is its own address, as on any platform. */
export async function startResource(options: { issuer: string; proofs?: Table }): Promise<Resource> {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory: demoServer })
  const refusals: Note[] = []
  let guarded: FetchHandler | undefined
  const server = await listen(async (request, context) => {
    const response = await guarded!(request, context)
    refusals.push(noteOf(response))
    return response
  })
  const url = `${server.url}/mcp`
  guarded = withBearer(endpoint.fetch, {
    resource: url,
    authorizationServers: [options.issuer],
    verifier: createTokenVerifier({ profile: serviceProfile({ issuer: options.issuer, resource: url }) }),
    scopes: { supported: [], base: ['demo/read'], tools: { write: ['demo/write'] } },
    proofs: options.proofs ?? new MemoryTable(),
    openPaths: ['/healthz'],
  })
  return {
    url,
    origin: server.url,
    refusals,
    close: async () => {
      await server.close()
      await endpoint.close()
    },
  }
}

export const nowS = (): number => Math.floor(Date.now() / 1000)

export function toolCall(name: string): Record<string, unknown> {
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }
}

export const mcpHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
