import { parseJson } from '../../mcp/read-json.ts'

/**
 * The scopes that the tools need which a request calls, one or more of them in a batch; none when it calls none.
 * Undefined: the body cannot be read, so nobody can say what it calls.
 */
export async function scopesCalled(
  request: Request,
  tools: Readonly<Record<string, readonly string[]>>,
): Promise<readonly string[] | undefined> {
  if (request.method !== 'POST') return []
  const body = await parseJson(request)
  if (body === undefined) return undefined
  const messages = Array.isArray(body.value) ? (body.value as unknown[]) : [body.value]
  return [...new Set(messages.flatMap((message) => scopesOf(message, tools)))]
}

function scopesOf(message: unknown, tools: Readonly<Record<string, readonly string[]>>): readonly string[] {
  if (!named(message, 'method').includes('tools/call')) return []
  const names = named(message, 'params').flatMap((params) => named(params, 'name'))
  return names.flatMap((name) => (typeof name === 'string' && Object.hasOwn(tools, name) ? tools[name]! : []))
}

/** The server may be in a language whose JSON reader takes names in any case, as Go's does, for which ſ is an s too: every spelling counts. */
function named(object: unknown, name: string): unknown[] {
  const values: unknown[] = []
  if (typeof object !== 'object' || object === null) return values
  for (const [key, value] of Object.entries(object))
    if (key.length === name.length && key.toUpperCase() === name.toUpperCase()) values.push(value)
  return values
}
