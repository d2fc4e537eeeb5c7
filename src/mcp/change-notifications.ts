import { McpServer, type McpHttpHandler, type McpServerFactory } from '@modelcontextprotocol/server'

/**
 * Sends what a server says has changed (`server.sendToolListChanged()` and the like) to the open subscriptions of modern
 * clients. A server lives for one request there: without this its words would end with it.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export function withChangeNotifications(
  factory: McpServerFactory,
  notify: () => McpHttpHandler['notify'],
): McpServerFactory {
  return async (context) => {
    const product = await factory(context)
    if (context.era === 'legacy') return product
    const server = product instanceof McpServer ? product.server : product
    server.sendToolListChanged = async () => notify().toolsChanged()
    server.sendPromptListChanged = async () => notify().promptsChanged()
    server.sendResourceListChanged = async () => notify().resourcesChanged()
    server.sendResourceUpdated = async ({ uri }) => notify().resourceUpdated(uri)
    return product
  }
}
