const mcp = 'https://modelcontextprotocol.io/specification'
const newest = `${mcp}/2026-07-28`
const legacy = `${mcp}/2025-11-25`
const aws = 'https://docs.aws.amazon.com'

interface Check {
  /** A MUST fails, a SHOULD warns. */
  level: 'MUST' | 'SHOULD'
  title: string
  /** Where it is written, read 2026-11-22. */
  section: string
  fix: string
}

/** Every check of the doctor: one id, what is asked, where that is written, and what to do. */
export const checks = {
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

  'tools-list': {
    level: 'MUST',
    title: 'tools/list gives tools',
    section: `${newest}/server/tools#listing-tools`,
    fix: 'Answer {"tools": […]}.',
  },
  'tool-schemas': {
    level: 'MUST',
    title: 'every tool has a name and an inputSchema of type object',
    section: `${newest}/server/tools#tool`,
    fix: 'Give each tool an inputSchema of {"type":"object"}.',
  },
  'tool-names': {
    level: 'SHOULD',
    title: 'names of tools are unique, of A-Z a-z 0-9 _ - . /, at most 128',
    section: `${newest}/server/tools#tool-names`,
    fix: 'Rename the tool that is named.',
  },
  'tool-descriptions': {
    level: 'SHOULD',
    title: 'every tool has a description',
    section: `${newest}/server/tools#tool`,
    fix: 'Say in a sentence what the tool does: a model chooses by that.',
  },
  'unknown-tool': {
    level: 'MUST',
    title: 'a call of an unknown tool is an error',
    section: `${newest}/server/tools#error-handling`,
    fix: 'Answer with the JSON-RPC error -32602.',
  },
  'stream-as-it-happens': {
    level: 'SHOULD',
    title: 'events arrive one by one, as they are written',
    section: `${newest}/basic/transports`,
    fix: 'Look for a hop that buffers: invoke mode RESPONSE_STREAM, X-Accel-Buffering: no, compression off; an ALB in front of a Lambda cannot stream.',
  },

  'challenge-401': {
    level: 'MUST',
    title: 'without a token: 401',
    section: `${newest}/basic/authorization#error-handling`,
    fix: 'Answer 401 with WWW-Authenticate when the token is missing or invalid.',
  },
  'challenge-header': {
    level: 'MUST',
    title: 'the 401 has WWW-Authenticate: Bearer',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-5.1',
    fix: 'Send WWW-Authenticate: Bearer resource_metadata="…". A function URL and API Gateway rename it: answer at CloudFront’s viewer-request.',
  },
  'challenge-not-remapped': {
    level: 'MUST',
    title: 'WWW-Authenticate keeps its name',
    section: `${aws}/apigateway/latest/developerguide/api-gateway-known-issues.html`,
    fix: 'No client reads the new name. Answer the 401 at CloudFront’s viewer-request, as fairlead’s lambda platform with OAuth does.',
  },
  'challenge-metadata': {
    level: 'SHOULD',
    title: 'the challenge names the metadata',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-5.1',
    fix: 'Add resource_metadata="https://HOST/.well-known/oauth-protected-resource/mcp".',
  },
  'challenge-scope': {
    level: 'SHOULD',
    title: 'the challenge names the scopes',
    section: `${newest}/basic/authorization#scope-selection-strategy`,
    fix: 'Add scope="…" with the scopes that a first sign-in needs.',
  },
  'metadata-found': {
    level: 'MUST',
    title: 'protected-resource metadata is there',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-3',
    fix: 'Serve /.well-known/oauth-protected-resource with and without the path of the endpoint.',
  },
  'metadata-both-places': {
    level: 'SHOULD',
    title: 'metadata is at the path and at the root',
    section: `${newest}/basic/authorization#protected-resource-metadata-discovery-requirements`,
    fix: 'Serve it at both: some clients look in one place only.',
  },
  'metadata-resource': {
    level: 'MUST',
    title: 'its resource is the URL of the endpoint',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-3.3',
    fix: 'Set resource to exactly the URL that clients call: scheme, port, path and last slash.',
  },
  'metadata-servers': {
    level: 'MUST',
    title: 'it names an authorization server',
    section: `${newest}/basic/authorization#authorization-server-location`,
    fix: 'Add authorization_servers with at least one issuer.',
  },
  'metadata-scopes': {
    level: 'SHOULD',
    title: 'it lists the scopes',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-2',
    fix: 'Add scopes_supported: Kiro does not sign in without it.',
  },
  'server-metadata': {
    level: 'MUST',
    title: 'the authorization server has metadata',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-3',
    fix: 'Serve /.well-known/oauth-authorization-server at the issuer, or OpenID discovery.',
  },
  'server-issuer': {
    level: 'MUST',
    title: 'its issuer is the one that was asked',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-3.3',
    fix: 'Make issuer the same text in both documents.',
  },
  'server-endpoints': {
    level: 'MUST',
    title: 'it has an authorization and a token endpoint',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-2',
    fix: 'Add authorization_endpoint and token_endpoint.',
  },
  'server-pkce': {
    level: 'MUST',
    title: 'it advertises PKCE with S256',
    section: `${newest}/basic/authorization#authorization-code-protection`,
    fix: 'Add code_challenge_methods_supported: ["S256"]. Cognito does not: put the authorization service in front.',
  },
  'server-registration': {
    level: 'SHOULD',
    title: 'a new client can become known',
    section: `${newest}/basic/authorization#client-registration-approaches`,
    fix: 'Offer client_id_metadata_document_supported or a registration_endpoint; else every client needs an id by hand.',
  },
  'server-iss': {
    level: 'SHOULD',
    title: 'it names itself in its answers (iss)',
    section: 'https://www.rfc-editor.org/rfc/rfc9207#section-3',
    fix: 'Add iss to authorization responses and authorization_response_iss_parameter_supported: true.',
  },
  'token-bogus-401': {
    level: 'MUST',
    title: 'a token that is none is refused with 401',
    section: `${newest}/basic/authorization#token-handling`,
    fix: 'Verify signature, issuer, audience and expiry of every token.',
  },
  'token-not-in-query': {
    level: 'MUST',
    title: 'a token in the query is not taken',
    section: `${newest}/basic/authorization#access-token-usage`,
    fix: 'Read tokens from the Authorization header alone.',
  },
  'token-taken': {
    level: 'MUST',
    title: 'the token at hand is taken',
    section: `${newest}/basic/authorization#token-handling`,
    fix: 'fairlead explain --last says why it was not, where the endpoint is fairlead’s; else sign in again for exactly this resource.',
  },

  'sigv4-unsigned-refused': {
    level: 'MUST',
    title: 'an unsigned request is refused with 403',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set the auth type of the function URL to AWS_IAM.',
  },
  'sigv4-taken': {
    level: 'MUST',
    title: 'a signed request is let in',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-create-signed-request.html`,
    fix: 'fairlead explain --last says why it was not, where the endpoint is fairlead’s. Both grants are needed: lambda:InvokeFunctionUrl and lambda:InvokeFunction.',
  },
  'sigv4-body': {
    level: 'MUST',
    title: 'a changed body is refused',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-create-signed-request.html`,
    fix: 'Verify the hash of the body.',
  },
  'sigv4-clock': {
    level: 'MUST',
    title: 'a signature of twenty minutes ago is refused',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-troubleshooting.html`,
    fix: 'Refuse what is more than five minutes off.',
  },

  'accept-both': {
    level: 'MUST',
    title: 'agentcore-runtime: Accept must have both types',
    section: `${aws}/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html`,
    fix: 'Send: Accept: application/json, text/event-stream',
  },
  health: {
    level: 'MUST',
    title: 'fargate: the health check answers without authentication',
    section: `${aws}/elasticloadbalancing/latest/application/target-group-health-checks.html`,
    fix: 'Answer GET /healthz with 200, without authentication.',
  },
  'keep-alive': {
    level: 'SHOULD',
    title: 'fargate: connections are kept for longer than a load balancer keeps them',
    section: `${aws}/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout`,
    fix: 'Set keepAliveTimeout above the idle timeout of the load balancer (60 s, or what is set there): Node’s own is 5 s. What the server closes first makes a 502.',
  },
  'no-payload-over-6mb': {
    level: 'SHOULD',
    title: 'lambda: a request over 6 MB is refused with 413',
    section: `${aws}/lambda/latest/dg/gettingstarted-limits.html`,
    fix: 'Nothing larger reaches a function: send less.',
  },

  'client-remote': {
    level: 'MUST',
    title: 'the client can reach this address',
    section: 'https://support.claude.com/en/articles/11175166',
    fix: 'Its remote servers are called from the vendor’s cloud: give it a public HTTPS address, or connect by stdio: fairlead proxy.',
  },
  'client-registration': {
    level: 'MUST',
    title: 'the client can register',
    section: `${newest}/basic/authorization#client-registration-approaches`,
    fix: 'Offer registration or client metadata documents, or give the client an id.',
  },
  'client-scopes': {
    level: 'MUST',
    title: 'the client finds the scopes',
    section: 'https://github.com/kirodotdev/Kiro/issues/3911',
    fix: 'Add scopes_supported to the protected-resource metadata.',
  },
  'client-signs': {
    level: 'MUST',
    title: 'the client can authenticate',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv.html`,
    fix: 'No MCP client signs with SigV4: put fairlead’s stdio proxy between.',
  },
  'client-revision': {
    level: 'MUST',
    title: 'the client’s revision is served',
    section: `${legacy}/basic/lifecycle`,
    fix: 'The client begins with initialize: serve 2025-11-25 or older too.',
  },
} as const satisfies Record<string, Check>

export type CheckId = keyof typeof checks

export interface Finding {
  id: CheckId
  ok: boolean
  /** What was seen. */
  says: string
}
