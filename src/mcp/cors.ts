/** Headers that an MCP client in a browser sends, and those that it must be able to read. */
const allowed = [
  'content-type',
  'accept',
  'authorization',
  'dpop',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'mcp-session-id',
  'last-event-id',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
]
const exposed = [
  'www-authenticate',
  'mcp-session-id',
  'mcp-protocol-version',
  'x-amzn-remapped-www-authenticate',
  'x-amzn-requestid',
]

/** Answers a preflight. The `mcp-param-*` headers that it asks for are allowed too: tools name them. */
export function preflight(request: Request, methods: readonly string[]): Response {
  const wanted = (request.headers.get('access-control-request-headers') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const parameters = wanted.filter((name) => /^mcp-param-[a-z0-9-]{1,64}$/.test(name)).slice(0, 32)
  return new Response(null, {
    status: 204,
    headers: {
      ...originHeaders(request),
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': [...allowed, ...parameters].join(', '),
      'access-control-max-age': '600',
    },
  })
}

/** What lets a page at an allowed origin read an answer; nothing for a request that comes from no page. */
export function originHeaders(request: Request): Record<string, string> {
  const origin = request.headers.get('origin')
  return origin === null
    ? {}
    : { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed.join(', '), vary: 'origin' }
}
