const version = 'io.modelcontextprotocol/protocolVersion'
const modern = (
  method: string,
  params: object = {},
  meta: object = { [version]: '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} },
) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } })
const headers = (method: string, name?: string) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name ? { 'mcp-name': name } : {}),
})

/** Requests that are refused before a tool is reached: body, headers, HTTP status and JSON-RPC code. */
export const contractSuiteRefusals: [string, string, Record<string, string>, number, number][] = [
  ['a list of nothing', '[]', {}, 400, -32600],
  [
    'a batch of fifty-one',
    JSON.stringify(Array.from({ length: 51 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }))),
    {},
    400,
    -32600,
  ],
  [
    'a batch of a revision without batches',
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    { 'mcp-protocol-version': '2025-11-25' },
    400,
    -32600,
  ],
  ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', {}, 400, -32600],
  [
    'a name in a header that is not the one in the body',
    modern('tools/call', { name: 'a', arguments: {} }),
    headers('tools/call', 'b'),
    400,
    -32020,
  ],
  [
    'a revision in a header that is not the one in the body',
    modern('tools/list'),
    { ...headers('tools/list'), 'mcp-protocol-version': '2025-11-25' },
    400,
    -32020,
  ],
  [
    'a modern request without capabilities',
    modern('tools/list', {}, { [version]: '2026-07-28' }),
    headers('tools/list'),
    400,
    -32602,
  ],
  [
    'a modern request without _meta',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    headers('tools/list'),
    400,
    -32602,
  ],
  ['text that is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), {}, 400, -32700],
  [
    'a body that is too large',
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { a: 'x'.repeat(6_400_000) } }),
    {},
    413,
    -32000,
  ],
]
