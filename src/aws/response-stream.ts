/** Says that a streamed response begins with metadata. @see https://docs.aws.amazon.com/lambda/latest/dg/response-streaming-tutorial.html */
export const integrationResponse = 'application/vnd.awslambda.http-integration-response'

/** What stands before the body: JSON, then eight NUL bytes. */
export interface Prelude {
  statusCode: number
  headers: Record<string, string>
  cookies?: string[]
}

const separator = Buffer.alloc(8)
const maxPreludeBytes = 64 * 1024

export function encodePrelude(prelude: Prelude): Buffer {
  return Buffer.concat([Buffer.from(JSON.stringify(prelude)), separator])
}

/**
 * Reads the prelude off a stream's beginning: undefined until it is whole, then the prelude and the bytes behind it.
 * Throws when it is not a prelude, or longer than 64 kB.
 */
export function readPrelude(bytes: Buffer): { prelude: Prelude; rest: Buffer } | undefined {
  const end = bytes.indexOf(separator)
  if (end < 0) {
    if (bytes.length > maxPreludeBytes) throw new Error('the metadata prelude does not end')
    return undefined
  }
  const parsed = JSON.parse(bytes.subarray(0, end).toString()) as {
    statusCode?: unknown
    headers?: Record<string, unknown>
    cookies?: unknown
  }
  const headers = Object.fromEntries(Object.entries(parsed.headers ?? {}).map(([name, value]) => [name, String(value)]))
  const prelude = {
    statusCode: Number(parsed.statusCode ?? 200),
    headers,
    ...(Array.isArray(parsed.cookies) ? { cookies: parsed.cookies.map(String) } : {}),
  }
  return { prelude, rest: bytes.subarray(end + separator.length) }
}
