import { revisions, type Era } from '../../mcp/revisions.ts'

/** A JSON-RPC message as it travels. What it holds is the business of its two ends. */
export interface Message {
  jsonrpc: '2.0'
  id?: string | number | null
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: RpcError
}

export interface RpcError {
  code: number
  message: string
  data?: unknown
}

export type Request = Message & { id: string | number; method: string }

export const metaKeys = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const

export function isRequest(message: Message): message is Request {
  return message.method !== undefined && message.id !== undefined && message.id !== null
}

export function isResponse(message: Message): boolean {
  return message.method === undefined && (message.result !== undefined || message.error !== undefined)
}

export function metaOf(message: Message): Record<string, unknown> {
  return (message.params?._meta ?? {}) as Record<string, unknown>
}

/** The revision that a request names itself: only modern ones do. */
export function revisionOf(message: Message): string | undefined {
  const named = metaOf(message)[metaKeys.protocolVersion]
  return typeof named === 'string' ? named : undefined
}

/** `legacy` unless the message names its revision. */
export function eraOf(message: Message): Era {
  return revisionOf(message) === undefined ? 'legacy' : 'modern'
}

export function isLegacyRevision(named: unknown): named is string {
  return typeof named === 'string' && revisions[named as keyof typeof revisions]?.era === 'legacy'
}

export function errorFor(id: Message['id'], error: RpcError): Message {
  return { jsonrpc: '2.0', id: id ?? null, error }
}

/** Whether doing it twice is as doing it once: then a lost answer may be asked for again. */
export function isSafe({ method = '' }: Message): boolean {
  return /^(?:[a-z]+\/(?:list|templates\/list|read|get)|server\/discover|ping|completion\/complete|subscriptions\/listen|initialize)$/.test(
    method,
  )
}
