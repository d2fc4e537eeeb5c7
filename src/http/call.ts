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
