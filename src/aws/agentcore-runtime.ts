import { createHash } from 'node:crypto'

/** Headers of the Runtime's data plane, and those that it adds for the server. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_InvokeAgentRuntime.html (read 2026-11-22) */
export const runtimeHeaders = {
  mcpSession: 'mcp-session-id',
  session: 'x-amzn-bedrock-agentcore-runtime-session-id',
  user: 'x-amzn-bedrock-agentcore-runtime-user-id',
  request: 'x-amzn-bedrock-agentcore-runtime-request-id',
  /** The workload access token: the newer name, which AWS's own SDK for Python prefers, and the older one. */
  identity: 'x-amz-bedrock-agentcore-identity-wat',
  legacyIdentity: 'workloadaccesstoken',
} as const

/** Request headers that are part of the API, so that they reach the server without being on the allowlist. */
export const boundHeaders = [
  'content-type',
  'accept',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'x-amzn-trace-id',
  'traceparent',
  'tracestate',
  'baggage',
] as const

/** Response headers that are part of the API: no other one of the server reaches the client. */
export const answeredHeaders = [
  'content-type',
  'mcp-protocol-version',
  'x-amzn-trace-id',
  'traceparent',
  'tracestate',
  'baggage',
] as const

export const runtimeArnPattern =
  /^arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime\/[a-zA-Z][a-zA-Z0-9_]{0,47}-[a-zA-Z0-9]{10}$/
export const runtimeIdPattern = /^[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}$/

/** The name of a runtime: it takes no hyphen. @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreateAgentRuntime.html (read 2026-11-22) */
export function runtimeName(name: string): string {
  return name.replaceAll('-', '_')
}

/**
 * The name of a runtime that is deployed, `account_summary_prod`. A name that is longer than AWS takes ends in a digest
 * instead, so that two deployments never have one name.
 */
export function deployedRuntimeName(name: string, environment?: string): string {
  const whole = runtimeName(environment === undefined ? name : `${name}-${environment}`)
  if (whole.length <= longestName) return whole
  return `${whole.slice(0, longestName - 9)}_${createHash('sha256').update(`${name}/${environment}`).digest('hex').slice(0, 8)}`
}

const longestName = 48

/** An id of the form that the service makes; the same for the same name, so that a client's configuration stays good. */
export function localRuntimeId(name: string): string {
  return `${runtimeName(name)}-${createHash('sha256').update(name).digest('hex').slice(0, 10)}`
}

/**
 * What the Runtime says: the HTTP status of its own API, and what an MCP client gets instead, which is mostly an error inside HTTP 200.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html (error handling, read 2026-11-22)
 */
export const runtimeErrors = {
  UnauthorizedException: {
    status: 401,
    code: -32001,
    mcpStatus: 401,
    message: 'Authentication error - Invalid credentials',
  },
  AccessDeniedException: {
    status: 403,
    code: -32002,
    mcpStatus: 403,
    message: 'Authorization error - Insufficient permissions',
  },
  ThrottlingException: {
    status: 429,
    code: -32003,
    mcpStatus: 200,
    message: 'Rate limit exceeded - Too many requests',
  },
  ServiceQuotaExceededException: {
    status: 402,
    code: -32003,
    mcpStatus: 200,
    message: 'Rate limit exceeded - Too many requests',
  },
  ResourceNotFoundException: {
    status: 404,
    code: -32004,
    mcpStatus: 200,
    message: 'Resource not found - Requested resource does not exist',
  },
  RetryableConflictException: {
    status: 409,
    code: -32005,
    mcpStatus: 200,
    message: 'Session operation in progress, please retry',
  },
  ValidationException: {
    status: 400,
    code: -32006,
    mcpStatus: 200,
    message: 'Validation error - Invalid request data',
  },
  RuntimeClientError: {
    status: 424,
    code: -32010,
    mcpStatus: 200,
    message: 'Tool execution error - Please check your CloudWatch logs for more information',
  },
  McpRequestUnacceptableException: {
    status: 406,
    code: -32011,
    mcpStatus: 406,
    message: 'Accept Header Error - MCP protocol requires Accept header: application/json, text/event-stream',
  },
  InternalServerException: { status: 500, code: -32603, mcpStatus: 200, message: 'Internal error - Server error' },
} as const

export type RuntimeError = keyof typeof runtimeErrors

/** @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html (read 2026-11-22) */
export const runtimeLimits = {
  payloadBytes: 100_000_000,
  requestMs: 15 * 60_000,
  streamMs: 60 * 60_000,
  memoryMb: 8192,
  idleS: 900,
  lifetimeS: 28_800,
  headerValueBytes: 4096,
} as const

/**
 * Whether a header may be on `requestHeaderAllowlist`. `Authorization` may where a JWT authorizer is.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-header-allowlist.html (read 2026-11-22)
 */
export function isForwardable(header: string): boolean {
  const name = header.toLowerCase()
  if (!/^[a-z][a-z0-9_-]{0,255}$/.test(name)) return false
  if (name.startsWith('x-amzn-')) return name.startsWith('x-amzn-bedrock-agentcore-runtime-custom-')
  if (name.startsWith('x-amz-')) return false
  return !restricted.has(name) && !/^(access-control-|sec-websocket-|x-forwarded-|cf-)/.test(name)
}

const restricted = new Set(
  `accept accept-charset accept-encoding accept-language accept-ranges accept-ch accept-ch-lifetime cache-control
  clear-site-data connection content-encoding content-language content-length content-location content-range
  content-security-policy content-security-policy-report-only content-type cookie cross-origin-embedder-policy
  cross-origin-opener-policy cross-origin-resource-policy date downlink dpr ect etag expect-ct expires feature-policy
  forwarded from host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified link
  location origin permissions-policy pragma proxy-authorization proxy-connection public-key-pins
  public-key-pins-report-only range referer referrer-policy retry-after rtt save-data server set-cookie
  strict-transport-security te trailer transfer-encoding true-client-ip upgrade user-agent vary via viewport-width width
  www-authenticate x-cache x-client-ip x-cluster-client-ip x-content-type-options x-csrf-token x-frame-options
  x-original-host x-original-url x-originating-ip x-real-ip x-requested-with x-rewrite-url x-served-by x-source-ip
  x-xss-protection`.split(/\s+/),
)
