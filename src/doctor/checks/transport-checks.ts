import { aws, legacy, mcp, newest, type Check } from './check.ts'

/** Reachability, revisions, sessions, limits and CORS. */
export const transportChecks = {
  reachable: {
    level: 'MUST',
    title: 'something answers HTTP in time',
    section: `${newest}/basic/transports`,
    fix: 'Check the address, the port, the certificate, and that the server runs.',
  },
  'no-redirect': {
    level: 'MUST',
    title: 'the endpoint itself answers, without a redirect',
    section: `${newest}/basic/transports`,
    fix: 'Give clients the final URL: a redirect drops the body of a POST, and a signature is good for one URL alone.',
  },
  'https-or-loopback': {
    level: 'MUST',
    title: 'HTTPS, or loopback',
    section: `${newest}/basic/authorization`,
    fix: 'Serve it over HTTPS.',
  },
  'answers-in-time': {
    level: 'SHOULD',
    title: 'a first answer within 3 s',
    section: `${newest}/basic/transports`,
    fix: 'Look at cold starts: bundle the server, give it more memory.',
  },

  'some-revision': {
    level: 'MUST',
    title: 'speaks a revision of MCP',
    section: `${newest}/basic/lifecycle`,
    fix: 'Serve MCP with Streamable HTTP at this URL; most servers have it at /mcp.',
  },
  'revision-2026-07-28': {
    level: 'SHOULD',
    title: '2026-07-28, without initialize',
    section: `${newest}/basic/lifecycle`,
    fix: 'Take an SDK that serves 2026-07-28 beside the older revisions.',
  },
  'revision-2025-11-25': {
    level: 'SHOULD',
    title: '2025-11-25',
    section: `${legacy}/basic/lifecycle`,
    fix: 'Most clients still begin with initialize: serve 2025-11-25 too.',
  },
  'revision-2025-06-18': {
    level: 'SHOULD',
    title: '2025-06-18',
    section: `${mcp}/2025-06-18/basic/lifecycle`,
    fix: 'Serve 2025-06-18 for clients that do not know newer ones.',
  },
  'revision-2025-03-26': {
    level: 'SHOULD',
    title: '2025-03-26',
    section: `${mcp}/2025-03-26/basic/lifecycle`,
    fix: 'Serve 2025-03-26 for clients that do not know newer ones.',
  },
  'server-info': {
    level: 'MUST',
    title: 'says its name and what it can',
    section: `${legacy}/basic/lifecycle#initialization`,
    fix: 'Answer initialize with protocolVersion, capabilities and serverInfo {name, version}.',
  },
  'content-type': {
    level: 'MUST',
    title: 'answers are JSON or an event stream',
    section: `${legacy}/basic/transports#sending-messages-to-the-server`,
    fix: 'Send Content-Type: application/json or text/event-stream; look for a hop that changes it.',
  },
  'notification-202': {
    level: 'MUST',
    title: 'a notification is answered 202 without a body, at once',
    section: `${legacy}/basic/transports#sending-messages-to-the-server`,
    fix: 'Answer 202 and end the answer. On Lambda, end a stream that has no body with a zero-length write.',
  },
  'get-stream-or-405': {
    level: 'MUST',
    title: 'GET opens a stream or is answered 405',
    section: `${legacy}/basic/transports#listening-for-messages-from-the-server`,
    fix: 'Answer GET with 405 when there is no stream to listen to.',
  },
  'unknown-revision-400': {
    level: 'MUST',
    title: 'a revision that nobody has is refused with 400',
    section: `${legacy}/basic/transports#protocol-version-header`,
    fix: 'Check MCP-Protocol-Version.',
  },
  'session-id-visible': {
    level: 'MUST',
    title: 'the session id is visible ASCII',
    section: `${legacy}/basic/transports#session-management`,
    fix: 'Take a UUID, or another random text of visible ASCII.',
  },
  'session-unknown-404': {
    level: 'MUST',
    title: 'an unknown session is answered 404',
    section: `${legacy}/basic/transports#session-management`,
    fix: 'Answer 404, so that the client starts a new session. Behind more than one instance sessions must be shared, or sticky.',
  },
  'session-id-stable': {
    level: 'SHOULD',
    title: 'later answers name the session of the first, or none',
    section: `${legacy}/basic/transports#session-management`,
    fix: 'Send Mcp-Session-Id with the answer to initialize alone, or always the same one: a client that takes the newest is lost.',
  },
  'origin-checked': {
    level: 'MUST',
    title: 'a foreign Origin is refused with 403',
    section: `${legacy}/basic/transports#security-warning`,
    fix: 'Check Origin: any web page can call a server on its visitor’s machine or network.',
  },
  'host-checked': {
    level: 'SHOULD',
    title: 'on loopback, a foreign Host is refused',
    section: `${legacy}/basic/transports#security-warning`,
    fix: 'Check Host too: DNS rebinding makes a foreign page same-origin.',
  },
  'loopback-only': {
    level: 'SHOULD',
    title: 'a local server listens on loopback alone',
    section: `${legacy}/basic/transports#security-warning`,
    fix: 'Bind to 127.0.0.1, not to 0.0.0.0.',
  },
  'bad-json-400': {
    level: 'MUST',
    title: 'what is not JSON is refused with 400',
    section: 'https://www.jsonrpc.org/specification#error_object',
    fix: 'Answer 400 with the JSON-RPC error -32700.',
  },
  'unknown-method': {
    level: 'MUST',
    title: 'an unknown method is answered -32601',
    section: 'https://www.jsonrpc.org/specification#error_object',
    fix: 'Answer with the JSON-RPC error -32601.',
  },
  'large-body-refused': {
    level: 'SHOULD',
    title: 'a body of 256 MB is refused before it is read',
    section: `${newest}/basic/transports`,
    fix: 'Limit the body (4 MiB is usual) by its Content-Length, and while it is read.',
  },
  'large-headers-refused': {
    level: 'SHOULD',
    title: '64 kB of headers are refused',
    section: 'https://www.rfc-editor.org/rfc/rfc6585#section-5',
    fix: 'Limit headers: Node does so by itself (431).',
  },
  'cors-once': {
    level: 'MUST',
    title: 'Access-Control-Allow-Origin has one value',
    section: 'https://fetch.spec.whatwg.org/#http-access-control-allow-origin',
    fix: 'Let one place own CORS: the function URL’s configuration or the server, never both.',
  },
  'cors-headers': {
    level: 'SHOULD',
    title: 'a browser may send and read what it needs',
    section: `${aws}/lambda/latest/dg/urls-configuration.html#urls-cors`,
    fix: 'Allow authorization, content-type, mcp-protocol-version and mcp-session-id; expose mcp-session-id and www-authenticate.',
  },
} as const satisfies Record<string, Check>
