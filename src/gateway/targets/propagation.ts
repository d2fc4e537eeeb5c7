import type { MetadataConfiguration } from '../definitions/types.ts'
import type { ToolCall } from '../tool.ts'

/** Values longer than this, or with more than printable ASCII, do not go on. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-headers.html (read 2026-11-22) */
const printable = /^[\x20-\x7e]{0,4096}$/

/** What of a client's request may reach the target: only what `metadataConfiguration` names. */
export function propagated(
  { allowedRequestHeaders = [], allowedQueryParameters = [] }: MetadataConfiguration,
  call: ToolCall,
): {
  headers: Record<string, string>
  query: [string, string][]
} {
  const headers: Record<string, string> = {}
  for (const name of allowedRequestHeaders) {
    const value = call.headers.get(name)
    if (value !== null && printable.test(value)) headers[name.toLowerCase()] = value
  }
  const query = allowedQueryParameters.flatMap((name) => {
    const value = call.query.get(name)
    return value === null ? [] : [[name, value] as [string, string]]
  })
  return { headers, query }
}

/** What of a target's answer may reach the client. */
export function returned(
  { allowedResponseHeaders = [] }: MetadataConfiguration,
  headers: Record<string, string | string[] | undefined>,
): { responseHeaders?: Record<string, string> } {
  const found = allowedResponseHeaders.flatMap((name) => {
    const value = headers[name.toLowerCase()]
    return value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]]
  })
  return found.length === 0 ? {} : { responseHeaders: Object.fromEntries(found) as Record<string, string> }
}
