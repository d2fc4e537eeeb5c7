import { parseJson } from '../../mcp/read-json.ts'

/** The scopes that the tools need which a request calls, one or more of them in a batch; none when it calls none. */
export async function scopesCalled(
  request: Request,
  tools: Readonly<Record<string, readonly string[]>>,
): Promise<readonly string[]> {
  if (request.method !== 'POST') return []
  const body = await parseJson(request)
  // What is no JSON calls nothing: the endpoint behind refuses it.
  if (body === undefined) return []
  const messages = Array.isArray(body.value) ? (body.value as unknown[]) : [body.value]
  return [...new Set(messages.flatMap((message) => scopesOf(message, tools)))]
}

function scopesOf(message: unknown, tools: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } }
  if (method !== 'tools/call' || typeof params?.name !== 'string') return []
  return Object.hasOwn(tools, params.name) ? tools[params.name]! : []
}
