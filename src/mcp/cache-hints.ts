import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'

const minute = 60_000
const operations = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'] as const

/**
 * Gives the results that clients may cache a minute, where the server's author said nothing. They may be shared between
 * callers (`public`) only when the factory takes no argument: then it cannot know who calls.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching
 */
export function withCacheHints(factory: McpServerFactory): McpServerFactory {
  const hint = { ttlMs: minute, cacheScope: factory.length === 0 ? 'public' : 'private' } as const
  const hints = Object.fromEntries(operations.map((operation) => [operation, hint]))
  return async (context) => {
    const product = await factory(context)
    const server = (product instanceof McpServer ? product.server : product) as unknown as { _cacheHints?: unknown }
    server._cacheHints ??= hints
    return product
  }
}
