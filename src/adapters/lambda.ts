import type { McpServerFactory } from '@modelcontextprotocol/server'
import { createMcpEndpoint, type EndpointOptions } from '../mcp/endpoint.ts'
import { fetchLambdaHandler, type LambdaHandler } from './fetch-lambda.ts'

export type { LambdaHandler } from './fetch-lambda.ts'

/**
 * Makes the handler of a Lambda function behind a function URL from an MCP server.
 * Answers are streamed where the runtime can (invoke mode RESPONSE_STREAM), else given whole. Host is any: Lambda's own.
 * @example export const handler = lambdaHandler(() => server)
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
 */
export function lambdaHandler(factory: McpServerFactory, options: EndpointOptions = {}): LambdaHandler {
  return fetchLambdaHandler(createMcpEndpoint({ kind: 'factory', factory }, { allowedHosts: 'any', ...options }).fetch)
}
