import {
  McpServer,
  type Server,
  WebStandardStreamableHTTPServerTransport,
  type AuthInfo,
  type McpServerFactory,
} from '@modelcontextprotocol/server'
import { withEnd } from '../http/with-end.ts'
import { errorResponse } from './json-rpc.ts'

export interface LegacyRequest {
  request: Request
  /** The JSON body, parsed. */
  body: unknown
  authInfo?: AuthInfo
}

/**
 * Serves one request of a revision with `initialize`, without a session: a fresh server, a fresh transport.
 * The answer is plain JSON unless something may come before the result: progress that is asked for, or log messages.
 */
export async function serveLegacy(
  factory: McpServerFactory,
  { request, body, authInfo }: LegacyRequest,
): Promise<Response> {
  const auth = authInfo ? { authInfo } : {}
  const product = await factory({ era: 'legacy', ...auth, requestInfo: request })
  const transport = new WebStandardStreamableHTTPServerTransport({
    enableJsonResponse: !asksForProgress(body) && !mayLog(product, body),
  })
  await product.connect(transport)
  const end = () => void product.close().catch(() => {})
  // A client that goes away stops the tool. The transport in JSON mode would never answer then, so we do.
  const gone = new Promise<Response>((resolve) => {
    request.signal.addEventListener(
      'abort',
      () => {
        end()
        resolve(errorResponse(499, -32000, 'The client went away'))
      },
      { once: true },
    )
  })
  const response = await Promise.race([transport.handleRequest(request, { parsedBody: body, ...auth }), gone])
  if (response.body && response.headers.get('content-type')?.startsWith('text/event-stream'))
    return withEnd(response, end)
  end()
  return response
}

/** Whether a notification may come before the result: progress is sent only to who gave a token for it. */
function asksForProgress(body: unknown): boolean {
  const messages = Array.isArray(body) ? (body as unknown[]) : [body]
  return messages.some(
    (each) =>
      (each as { params?: { _meta?: { progressToken?: unknown } } } | null)?.params?._meta?.progressToken !== undefined,
  )
}

/** A server that declares logging may send messages while a tool runs. */
function mayLog(product: McpServer | Server, body: unknown): boolean {
  const server = product instanceof McpServer ? product.server : product
  return (
    server.getCapabilities().logging !== undefined && (body as { method?: unknown } | null)?.method === 'tools/call'
  )
}
