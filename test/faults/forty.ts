import { fileURLToPath } from 'node:url'
import type { CheckId } from '../../src/doctor/checks.ts'
import type { templateRules } from '../../src/doctor/template.ts'
import type { FaultName } from '../../src/local/faults.ts'

/** What finds a fault, and where it is right and wrong on purpose. */
interface Covered {
  /** Switches of `fairlead dev --fault`: off on the healthy stack, on in the matrix. */
  faults?: readonly FaultName[]
  /** Rules of `fairlead doctor --template`: test/faults/templates.ts has a template that is right, and one that breaks each. */
  rules?: readonly (keyof typeof templateRules)[]
  /** Checks of the doctor, with the server of examples/broken that fails it; serve.ts without a switch passes. */
  checks?: readonly { id: CheckId; example: string }[]
  /** Another test, and what it is called there. */
  tests?: readonly { file: string; says: string }[]
  /** What of it cannot exist here, and why. */
  absent?: string
}

interface Row extends Covered {
  fault: string
}

/** The forty faults that people met with MCP on AWS, as they were gathered on 2026-11-22, in that order. */
export const forty: readonly Row[] = [
  {
    fault: 'Only one of the two grants of a function URL',
    faults: ['invoke-grant-missing', 'url-grant-missing'],
    rules: ['invoke-grant-missing'],
  },
  {
    fault: '`InvokedViaFunctionUrl` is missing',
    faults: ['condition-not-met'],
    rules: ['invoked-via-url-missing'],
    absent: 'Locally the grant is the one that fairlead writes, which has it.',
  },
  { fault: 'Wrong service name', faults: ['wrong-service'] },
  { fault: 'Wrong region in the scope', faults: ['wrong-region'] },
  { fault: 'Query not canonical', faults: ['query-order', 'query-encoding', 'query-plus', 'query-added'] },
  { fault: 'Host or port differs', faults: ['host-rewritten', 'port-dropped'] },
  { fault: 'Clock skew', faults: ['clock-behind', 'clock-ahead', 'presign-expired'] },
  {
    fault: 'Session token expired or absent',
    faults: ['session-token-missing', 'session-token-unsigned', 'session-token-wrong'],
  },
  {
    fault: 'Hash of the body absent (OAC)',
    faults: ['body-not-hashed', 'unsigned-payload'],
    rules: ['cloudfront-oac-bearer'],
    absent: 'The signature that CloudFront makes itself: no OAC runs here.',
  },
  {
    fault: 'Authorization overwritten by OAC',
    rules: ['cloudfront-oac-bearer'],
    absent: 'On the local stack: its CloudFront uses a secret header, as fairlead deploys it.',
  },
  { fault: 'Host forwarded by CloudFront', faults: ['host-rewritten'], rules: ['cloudfront-host'] },
  {
    fault: 'Challenge remapped',
    faults: ['challenge-missing', 'challenge-remapped'],
    rules: ['rest-challenge-remapped'],
    checks: [{ id: 'challenge-header', example: 'no-challenge' }],
  },
  { fault: 'Protected-resource metadata missing at root or path', faults: ['metadata-missing', 'metadata-no-server'] },
  {
    fault: 'Its `resource` is not the URL',
    faults: ['metadata-resource'],
    checks: [{ id: 'metadata-resource', example: 'other-resource' }],
  },
  {
    fault: 'Authorization server does not advertise PKCE',
    faults: ['pkce-not-advertised'],
    checks: [{ id: 'server-pkce', example: 'no-pkce' }],
  },
  {
    fault: 'Token without, or with a wrong, `aud`',
    faults: ['token-wrong-audience', 'token-audience-slash', 'token-claim-missing'],
    rules: ['runtime-audience'],
  },
  {
    fault: 'Cognito resource server missing',
    rules: ['resource-server-missing'],
    absent: 'On the local stack: it makes the resource server from `scopes`.',
  },
  {
    fault: 'Cognito domain in upper case',
    rules: ['cognito-domain-uppercase'],
    absent: 'On the local stack: the stand-in has no domain but its address.',
  },
  { fault: 'SigV4 where a JWT is asked for, and the reverse', faults: ['signed-for-oauth', 'token-for-iam'] },
  {
    fault: '-32005 not sent again',
    faults: ['session-busy'],
    tests: [{ file: 'test/explain/session.test.ts', says: 'has not been sent again, or has' }],
  },
  { fault: 'Session id under 33 characters', faults: ['session-id-short'] },
  { fault: 'Accept without one of the two types', faults: ['accept-one-type'] },
  {
    fault: 'Image not arm64, wrong port, bound to loopback',
    rules: ['task-image-architecture', 'container-port', 'container-on-loopback'],
    absent: 'The architecture of an image of AgentCore Runtime: it stands in the image alone, and no image runs here.',
  },
  { fault: 'Name of a runtime with a hyphen', rules: ['runtime-name'] },
  {
    fault: 'Keyword in a schema that the Gateway does not take',
    rules: ['gateway-schema-keyword'],
    tests: [{ file: 'test/gateway/definitions.test.ts', says: 'enum' }],
  },
  {
    fault: '`supportedVersions` of a gateway lacks the client’s',
    rules: ['gateway-revisions'],
  },
  {
    fault: 'Idle timeout of the load balancer under the time of a tool',
    rules: ['alb-idle-short'],
    absent: 'As a switch: its figure is the template’s.',
  },
  {
    fault: 'Keep-alive timeout of the server under that of the load balancer',
    rules: ['keep-alive-short'],
    checks: [{ id: 'keep-alive', example: 'short-keep-alive' }],
  },
  { fault: 'CloudFront waits for less than a tool takes', rules: ['cloudfront-timeout-short'] },
  {
    fault: 'Common rules of the firewall on MCP and OAuth paths',
    rules: ['waf-blocks-mcp'],
    absent: 'On the local stack: no firewall runs there.',
  },
  { fault: 'Duplicate CORS headers', faults: ['cors-duplicate'], rules: ['cors-options'] },
  {
    fault: 'Empty streamed body',
    faults: ['empty-body-sent'],
    checks: [{ id: 'notification-202', example: 'endless' }],
  },
  {
    fault: 'Buffered invoke mode with SSE',
    faults: ['stream-buffered'],
    rules: ['url-buffered'],
    checks: [{ id: 'stream-as-it-happens', example: 'buffered' }],
  },
  {
    fault: 'Edge-optimised REST API with streaming',
    rules: ['rest-edge-stream'],
    absent: 'On the local stack: no API Gateway runs there.',
  },
  {
    fault: 'Load balancer before a Lambda, over 1 MB or with SSE',
    rules: ['alb-lambda-target'],
    absent: 'On the local stack: its load balancer has tasks alone.',
  },
  { fault: 'Deregistration longer than the stop timeout', rules: ['stop-before-drained'] },
  { fault: 'Sessions in the memory of more than one target', rules: ['stateful-not-sticky'] },
  { fault: 'Self sign-up or implicit grant', rules: ['self-sign-up', 'implicit-grant'] },
  {
    fault: 'Tenant isolation with a function URL',
    rules: ['url-with-tenants'],
    absent: 'On the local stack: AWS refuses the two together when they are made.',
  },
  { fault: 'Runtime at its end of life', rules: ['runtime-ended'] },
]

export const fortyPage = fileURLToPath(new URL('../../docs/faults-of-aws.md', import.meta.url))

/** The page docs/faults-of-aws.md. */
export function fortyText(): string {
  const rows = forty.map((row, at) => `| ${at + 1} | ${row.fault} | ${findersOf(row)} | ${row.absent ?? ''} |`)
  return `# Forty faults of MCP on AWS

What people met, gathered on 2026-11-22, and what finds it here. \`npm run faults\` makes this page from
\`test/faults/forty.ts\`, and a test holds it against the tables of faults, rules and checks.

- **fault**: \`fairlead dev --fault NAME\` makes it, and \`explain\` or \`doctor\` names it: [the matrix](faults.md). The same
  stack without it is the fixture that passes.
- **rule**: \`fairlead doctor --template FILE\` names it. \`test/faults/templates.ts\` has a template that is right, and breaks
  it in this one way.
- **check**: \`fairlead doctor URL\` names it, of the server in \`examples/broken/\` that is named. \`serve.ts\` there passes.

| | fault | what finds it | what of it cannot exist here |
|---|---|---|---|
${rows.join('\n')}
`
}

function findersOf({ faults = [], rules = [], checks = [], tests = [] }: Covered): string {
  const named = (kind: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${kind} ${ids.map((id) => `\`${id}\``).join(', ')}`]
  return [
    ...named('fault', faults),
    ...named('rule', rules),
    ...checks.map(({ id, example }) => `check \`${id}\` (\`${example}.ts\`)`),
    ...tests.map(({ file }) => `\`${file}\``),
  ].join('; ')
}
