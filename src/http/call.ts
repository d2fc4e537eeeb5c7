/** What is known of a request as it is answered, for whoever observes it. It carries no token, argument or result. */
export interface Call {
  requestId: string
  traceId: string
  /** Of the caller's span, where it named one. */
  parentSpanId?: string
  /** The span of the HTTP request, where it is another than the parent. */
  link?: { traceId: string; spanId: string }
  sampled: boolean
  /** The JSON-RPC method: `tools/call`; `batch` for several. */
  method?: string
  tool?: string
  rpcId?: string | number
  protocolVersion?: string
  sessionId?: string
  resourceUri?: string
  promptName?: string
  principal?: string
  clientId?: string
}

const calls = new WeakMap<object, Call>()

/** Remembers what a request is, for code that sees the request alone. */
export function rememberCall(request: object, call: Call): void {
  calls.set(request, call)
}

export function callOf(request: object | undefined): Call | undefined {
  return request && calls.get(request)
}
