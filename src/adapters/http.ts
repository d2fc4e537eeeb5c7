import { randomUUID } from 'node:crypto'
import { fargateTimeouts } from '../aws/fargate-timeouts.ts'
import { anonymous } from '../http/fetch-handler.ts'
import { listen, type Listening } from '../http/node-server.ts'
import type { McpEndpoint } from '../mcp/endpoint.ts'

/** How long a stopping process waits for what is in flight. */
export const graceMs = fargateTimeouts.graceS * 1000

/**
 * Runs an endpoint as a process: listens on HOST and PORT (0.0.0.0:8000, as AgentCore Runtime asks), and on SIGTERM
 * refuses what is new, finishes what is in flight, and ends.
 */
export async function serveProcess(endpoint: McpEndpoint, env: NodeJS.ProcessEnv = process.env): Promise<Listening> {
  const server = await listen(endpoint.fetch, {
    host: env.HOST ?? '0.0.0.0',
    port: Number(env.PORT ?? 8000),
    keepAliveMs: fargateTimeouts.keepAliveS * 1000,
    context: () => ({ requestId: randomUUID(), principal: anonymous }),
  })
  process.once('SIGTERM', () => {
    endpoint.drain()
    void server.close(graceMs).then(() => endpoint.close())
  })
  return server
}
