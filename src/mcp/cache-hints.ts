import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'

interface Hint {
  ttlMs: number
  cacheScope: 'public' | 'private'
}

type Handler = (request: unknown, context: unknown) => Promise<Partial<Hint>>

/** The SDK reads hints when a handler is set, which the author's factory has done by now: so what is set is wrapped. */
interface HintedServer {
  _cacheHints?: Record<string, Hint>
  _requestHandlers: Map<string, Handler>
}

const ttlMs = 60_000
const operations = [
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]

/**
 * Gives the results that clients may cache a minute, where the server's author said nothing. They may be shared between
 * callers (`public`) only when the factory takes no argument: then it cannot know who calls.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching
 */
export function withCacheHints(factory: McpServerFactory): McpServerFactory {
  const hint: Hint = { ttlMs, cacheScope: factory.length === 0 ? 'public' : 'private' }
  const hints = Object.fromEntries(operations.map((operation) => [operation, hint]))
  return async (context) => {
    const product = await factory(context)
    const server = (product instanceof McpServer ? product.server : product) as unknown as HintedServer
    if (context.era === 'legacy' || server._cacheHints) return product
    server._cacheHints = hints
    for (const operation of operations) {
      const handler = server._requestHandlers.get(operation)
      if (handler)
        server._requestHandlers.set(operation, async (request, extra) => ({
          ...hint,
          ...(await handler(request, extra)),
        }))
    }
    return product
  }
}
