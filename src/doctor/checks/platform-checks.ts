import { aws, legacy, newest, type Check } from './check.ts'

/** What single platforms and clients ask for beside the specification. */
export const platformChecks = {
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
