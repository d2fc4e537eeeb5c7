import { headerValue, mirrored, type ParamHeader } from '../../mcp/param-headers.ts'
import { isRequest, revisionOf, type Message } from './message.ts'

/** What of a message goes into `Mcp-Name`, by method. */
const nameOf: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/**
 * Makes the headers of one POST. A modern message repeats its revision, method and name, and what its tool wants mirrored.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function headersFor(
  message: Message,
  session: { id?: string; revision?: string } | undefined,
  declared: readonly ParamHeader[] | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const revision = revisionOf(message)
  if (revision === undefined) {
    if (session?.id !== undefined) headers['mcp-session-id'] = session.id
    if (session?.revision !== undefined) headers['mcp-protocol-version'] = session.revision
    return headers
  }
  headers['mcp-protocol-version'] = headerValue(revision)
  if (message.method !== undefined) headers['mcp-method'] = headerValue(message.method)
  const name = message.params?.[nameOf[message.method ?? ''] ?? '']
  if (typeof name === 'string') headers['mcp-name'] = headerValue(name)
  if (declared && isRequest(message)) Object.assign(headers, mirrored(declared, message.params?.arguments))
  return headers
}
