import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import * as z from 'zod'

const hoisted = z.object({ text: z.string() })

/** A server with one tool that answers, and more beside it; its schemas made once, or for every request as many examples do. */
export function benchFactory(tools: number, schemas: 'once' | 'each'): McpServerFactory {
  return () => {
    const server = new McpServer({ name: 'bench', version: '1.0.0' })
    for (let at = 0; at < tools; at++) {
      const inputSchema = schemas === 'once' ? hoisted : z.object({ text: z.string() })
      server.registerTool(
        at === 0 ? 'echo' : `tool_${at}`,
        { description: 'Says it again.', inputSchema },
        async ({ text }) => ({ content: [{ type: 'text', text }] }),
      )
    }
    return server
  }
}
