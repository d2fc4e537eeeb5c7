/** Codes of JSON-RPC 2.0, and of the requests that a host refuses before the protocol is reached. */
export const codes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  server: -32000,
} as const

/** A JSON-RPC error as a whole HTTP response. */
export function errorResponse(
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** Whether JSON text nests deeper than `max`. It is asked of the bytes, before a parser builds anything of them. */
export function isDeeperThan(bytes: Uint8Array, max: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === backslash) at++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > max) return true
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return false
}

/** Reads UTF-8 strictly: a body that is not UTF-8 is refused, not repaired. Throws TypeError. */
export function decodeUtf8(bytes: Uint8Array): string {
  return strict.decode(bytes)
}

const strict = new TextDecoder('utf-8', { fatal: true })
