import type { Problem } from './schema-check.ts'
import { TargetFailure, type ToolResult } from './tool.ts'

/**
 * What a client is told of a call that failed behind the gateway: nothing of it, unless the gateway is at exception level DEBUG.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-debug-messages.html (read 2026-11-22)
 */
export function failed(error: unknown, debug: boolean): ToolResult {
  const text =
    error instanceof TargetFailure
      ? `${error.exception} - ${error.message}`
      : 'InternalException - the gateway itself failed'
  if (!debug)
    return { isError: true, content: [{ type: 'text', text: 'An internal error occurred. Please retry later.' }] }
  return { isError: true, content: [{ type: 'text', text }], _meta: { debug: { type: 'text', text } } }
}

/** What a client is told of wrong arguments: always all of it, in the service's words. */
export function invalidArguments(problems: readonly Problem[]): ToolResult {
  const lines = problems.map(
    ({ path, message }) => `- Field '${fieldOf(path)}' ${kindOf(message)}: ${path}: ${message}`,
  )
  const text = `JsonSchemaException - Parameter validation failed: Invalid request parameters:\n${lines.join('\n')}`
  return { isError: true, content: [{ type: 'text', text }] }
}

function fieldOf(path: string): string {
  return path === '$' ? '$' : path.slice(2)
}

function kindOf(message: string): string {
  if (message.includes(' expected')) return 'has invalid type'
  if (message.startsWith('required property')) return 'is required'
  return 'is invalid'
}
