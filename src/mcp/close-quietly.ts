import type { McpServer, Server } from '@modelcontextprotocol/server'

/** The SDK makes an error for every connection that closes, and nobody reads it: its stack would be a twentieth of a call. */
export function closeQuietly(product: McpServer | Server): void {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  product.close().catch(() => {})
  Error.stackTraceLimit = stackTraceLimit
}
