import type { Observed } from './observed.ts'
import { newSpanId } from './trace.ts'

/**
 * Makes the span of a request by the conventions for MCP, as OTLP's JSON. Arguments and results are never in it.
 * Written as text at once: it is made for each call, and only sent.
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md (read 2026-11-25, status Development)
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
 */
export function spanOf(observed: Observed): string {
  const { call, startedAt, durationMs } = observed
  const { traceId, parentSpanId, link, method = '' } = call
  const errorType = errorTypeOf(observed)
  const target = call.tool ?? call.promptName
  const attributes = attributesOf([
    ['mcp.method.name', method],
    ['gen_ai.tool.name', call.tool],
    ['gen_ai.prompt.name', call.promptName],
    ['gen_ai.operation.name', method === 'tools/call' ? 'execute_tool' : undefined],
    ['mcp.resource.uri', call.resourceUri],
    ['jsonrpc.request.id', call.rpcId],
    ['mcp.protocol.version', call.protocolVersion],
    ['mcp.session.id', call.sessionId],
    ['rpc.response.status_code', observed.rpcCode],
    ['error.type', errorType],
    ['network.transport', 'tcp'],
    ['network.protocol.name', 'http'],
  ])
  const parent = parentSpanId === undefined ? '' : `"parentSpanId":"${parentSpanId}",`
  const links = link ? `"links":[{"traceId":"${link.traceId}","spanId":"${link.spanId}","attributes":[]}],` : ''
  const name = JSON.stringify(target === undefined ? method : `${method} ${target}`)
  const status = errorType === undefined ? '{}' : '{"code":2}'
  const times = `"startTimeUnixNano":"${nanos(startedAt)}","endTimeUnixNano":"${nanos(startedAt + durationMs)}"`
  return `{"traceId":"${traceId}","spanId":"${newSpanId()}",${parent}"name":${name},"kind":2,${times},"attributes":${attributes},${links}"status":${status}}`
}

function errorTypeOf({ outcome, rpcCode, status, note }: Observed): string | undefined {
  if (outcome === 'ok') return undefined
  if (outcome === 'tool_error') return 'tool_error'
  if (outcome === 'aborted') return 'cancelled'
  return rpcCode === undefined ? (note.code ?? String(status)) : String(rpcCode)
}

/** Attributes as OTLP's JSON has them, without those that are undefined. All are text. */
export function attributesOf(values: readonly (readonly [string, string | number | undefined])[]): string {
  let text = ''
  for (const [key, value] of values)
    if (value !== undefined)
      text += `,{"key":${JSON.stringify(key)},"value":{"stringValue":${JSON.stringify(String(value))}}}`
  return `[${text.slice(1)}]`
}

/** Nanoseconds do not fit into a number: microseconds do. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
