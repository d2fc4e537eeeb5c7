import type { Principal } from '../http/fetch-handler.ts'
import type { Problem } from './schema-check.ts'

export type JsonSchema = Record<string, unknown>

/** A tool as `tools/list` has it; `name` is without its target. */
export interface Tool {
  name: string
  title?: string
  description?: string
  inputSchema: JsonSchema
  outputSchema?: JsonSchema | undefined
  annotations?: Record<string, unknown>
}

/** One call of one tool, as a target sees it. */
export interface ToolCall {
  /** Without its target. */
  tool: string
  args: Record<string, unknown>
  /** Of the client's JSON-RPC message. It is told to a Lambda, and never sent as an id to anybody. */
  messageId: string | number
  requestId: string
  principal: Principal
  /** Of the client's request; only what `metadataConfiguration` allows may go on. */
  headers: { get(name: string): string | null }
  query: URLSearchParams
  /** Aborts when the client goes away. */
  signal: AbortSignal
  /** Passes a progress notification on; absent when the client asked for none. */
  onProgress?: (params: Record<string, unknown>) => void
}

export interface ToolResult {
  content: unknown[]
  structuredContent?: unknown
  isError?: boolean
  _meta?: Record<string, unknown>
  /** Headers for the client's response, where `allowedResponseHeaders` has them. */
  responseHeaders?: Record<string, string>
  [extension: string]: unknown
}

/** What stands behind a gateway: a Lambda, a REST API, an MCP server. */
export interface Target {
  /** Of the target's definition: search reads it. */
  readonly description?: string
  readonly name: string
  /** The tools that are known, without waiting for anybody who is slow or dead. */
  tools(): Promise<readonly Tool[]>
  /** Asks again what there is. Rejects when it cannot be known; what was known stays. */
  synchronize(): Promise<void>
  /** When what there is was last asked for and had; undefined where nobody is asked. */
  readonly synchronizedAt?: Date | undefined
  /** What is wrong with arguments, where the schema of the tool is ours to check. */
  check?(tool: string, args: unknown, checker: { check(tool: Tool, args: unknown): Problem[] }): Problem[]
  /** Calls a tool. Throws TargetFailure; answers undefined when there is no such tool. */
  call(call: ToolCall): Promise<ToolResult | undefined>
  /** Changes whenever the list of tools may have. */
  readonly version: number
  /** Other lists and reads of an MCP server. */
  readonly mcp?: McpSide
  close(): Promise<void>
}

/** What an MCP server has beside tools. */
export interface McpSide {
  /** Lower wins where two servers have a resource of the same URI. */
  readonly resourcePriority: number
  request(method: string, params: Record<string, unknown>, signal: AbortSignal): Promise<Record<string, unknown>>
  list(method: string, member: string): Promise<readonly Record<string, unknown>[]>
}

/** A call that failed behind the gateway. The client is told `exception - message` only at exception level DEBUG. */
export class TargetFailure extends Error {
  readonly exception: string

  constructor(exception: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'TargetFailure'
    this.exception = exception
  }
}

/** The first `___` splits: a target's name has no underscore. */
export const separator = '___'

export function splitName(name: string): { target: string; tool: string } | undefined {
  const at = name.indexOf(separator)
  return at <= 0 ? undefined : { target: name.slice(0, at), tool: name.slice(at + separator.length) }
}
