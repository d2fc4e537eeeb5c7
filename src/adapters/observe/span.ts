import type { Observed } from './observed.ts'
import { newSpanId } from './trace.ts'

type Value = { stringValue: string } | { intValue: string } | { boolValue: boolean }

export interface KeyValue {
  key: string
  value: Value
}

/** A span as OTLP's JSON has it. @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto */
export interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: 2
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: KeyValue[]
  links?: { traceId: string; spanId: string; attributes: KeyValue[] }[]
  status: { code?: 2; message?: string }
}

/**
 * Makes the span of a request, by the conventions for MCP. Arguments and results are never in it.
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md (read 2026-11-25, status Development)
 */
export function spanOf(observed: Observed): Span {
  const { call, startedAt, durationMs } = observed
  const errorType = errorTypeOf(observed)
  const target = call.tool ?? call.promptName
  return {
    traceId: call.traceId,
    spanId: newSpanId(),
    ...(call.parentSpanId === undefined ? {} : { parentSpanId: call.parentSpanId }),
    name: target === undefined ? call.method! : `${call.method!} ${target}`,
    kind: 2,
    startTimeUnixNano: nanos(startedAt),
    endTimeUnixNano: nanos(startedAt + durationMs),
    attributes: attributesOf({
      'mcp.method.name': call.method,
      'gen_ai.tool.name': call.tool,
      'gen_ai.prompt.name': call.promptName,
      'gen_ai.operation.name': call.method === 'tools/call' ? 'execute_tool' : undefined,
      'mcp.resource.uri': call.resourceUri,
      'jsonrpc.request.id': call.rpcId === undefined ? undefined : String(call.rpcId),
      'mcp.protocol.version': call.protocolVersion,
      'mcp.session.id': call.sessionId,
      'rpc.response.status_code': observed.rpcCode === undefined ? undefined : String(observed.rpcCode),
      'error.type': errorType,
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
    }),
    ...(call.link ? { links: [{ ...call.link, attributes: [] }] } : {}),
    status: errorType === undefined ? {} : { code: 2 },
  }
}

function errorTypeOf({ outcome, rpcCode, status, note }: Observed): string | undefined {
  if (outcome === 'ok') return undefined
  if (outcome === 'tool_error') return 'tool_error'
  if (outcome === 'aborted') return 'cancelled'
  return rpcCode === undefined ? (note.code ?? String(status)) : String(rpcCode)
}

export function attributesOf(values: Record<string, string | undefined>): KeyValue[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: { stringValue: value } }],
  )
}

/** Nanoseconds do not fit into a number. */
function nanos(ms: number): string {
  return (BigInt(Math.round(ms * 1000)) * 1000n).toString()
}
