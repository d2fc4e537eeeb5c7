import { createMcpEndpoint, type EndpointOptions, type LogEntry } from '../mcp/endpoint.ts'
import type { ServerSource } from '../mcp/source.ts'
import { serveProcess } from './http.ts'
import { fetchLambdaHandler, type LambdaHandler } from './lambda.ts'

/**
 * Runs a server wherever the artifact finds itself: under Lambda's runtime it gives the handler, anywhere else it listens.
 * The platform stands in front of it and checks who calls, and under which Host.
 */
export async function runArtifact(
  source: ServerSource | Promise<ServerSource>,
  options: EndpointOptions,
): Promise<LambdaHandler | undefined> {
  const endpoint = createMcpEndpoint(await source, { allowedHosts: 'any', log: logLine, ...options })
  if ('awslambda' in globalThis || process.env.AWS_LAMBDA_RUNTIME_API) return fetchLambdaHandler(endpoint.fetch)
  await serveProcess(endpoint)
  return undefined
}

/** One JSON line: the platform's log reads it. */
function logLine({ cause, ...entry }: LogEntry): void {
  console.error(JSON.stringify({ ...entry, ...(cause instanceof Error ? { stack: cause.stack } : {}) }))
}
