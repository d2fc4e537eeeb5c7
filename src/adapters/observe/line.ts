import { metrics } from '../../aws/metrics.ts'
import type { Observed } from './observed.ts'

/** A tool's name becomes a dimension of metrics, each of which costs: only so many, and only names that have worked. */
const maxTools = 50

export interface LineOptions {
  /** The deployment, as FAIRLEAD_SERVER says. */
  server: string
  platform: string
}

/**
 * Makes the line of a request: who called which tool, and how it ended, first as audit, then for logs, then as metrics in
 * CloudWatch's embedded metric format, all in one. A line is a whole JSON object, as the format asks.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function lineMaker({ server, platform }: LineOptions): (observed: Observed) => string {
  const tools = new Set<string>()
  return (observed) => {
    const { call, note, status, outcome, rpcCode, startedAt, durationMs } = observed
    const { requestId, traceId, method, tool } = call
    const duration = Math.round(durationMs * 1000) / 1000
    const principal = call.principal ?? note.principal
    const known = tool !== undefined && isKnown(tool, outcome, tools)
    const values = valuesOf(observed, duration)
    return JSON.stringify({
      audit: {
        requestId,
        status,
        ...(principal === undefined ? {} : { principal }),
        ...(call.clientId === undefined ? {} : { client: call.clientId }),
        ...(method === undefined ? {} : { method }),
        ...(tool === undefined ? {} : { tool }),
        outcome,
        durationMs: duration,
        ...(rpcCode === undefined ? {} : { rpcCode }),
        ...(note.code === undefined ? {} : { code: note.code }),
        ...(note.why === undefined ? {} : { why: note.why }),
      },
      level: levelOf(observed),
      message: [method ?? 'refused', tool].filter((each) => each !== undefined).join(' '),
      requestId,
      traceId,
      ...(values
        ? {
            _aws: {
              Timestamp: Math.round(startedAt + durationMs),
              CloudWatchMetrics: [
                {
                  Namespace: metrics.namespace,
                  Dimensions: [
                    [metrics.server, metrics.platform],
                    ...(known ? [[metrics.server, metrics.platform, metrics.tool]] : []),
                  ],
                  Metrics: Object.keys(values).map((Name) => ({ Name, Unit: unitOf(Name) })),
                },
              ],
            },
            [metrics.server]: server,
            [metrics.platform]: platform,
            ...(known ? { [metrics.tool]: tool } : {}),
            ...values,
          }
        : {}),
    })
  }
}

function isKnown(tool: string, outcome: Observed['outcome'], tools: Set<string>): boolean {
  if (tools.has(tool)) return true
  if (outcome !== 'ok' || tools.size >= maxTools || !/^[\x21-\x7e]+$/.test(tool)) return false
  tools.add(tool)
  return true
}

/** What is counted: tool calls, refusals, and what the server failed. */
function valuesOf({ call, outcome, status }: Observed, duration: number): Record<string, number> | undefined {
  if (outcome === 'refused') return { [metrics.refusals]: 1 }
  const failed = outcome === 'error' || outcome === 'tool_error'
  if (call.method === 'tools/call')
    return { [metrics.calls]: 1, [metrics.errors]: failed ? 1 : 0, [metrics.duration]: duration }
  return status >= 500 ? { [metrics.errors]: 1 } : undefined
}

function unitOf(name: string): string {
  return name === metrics.duration ? 'Milliseconds' : 'Count'
}

/** `error` rings an alarm: only what the server itself did wrong is one. */
function levelOf({ outcome, status }: Observed): 'info' | 'warn' | 'error' {
  if (status >= 500) return 'error'
  return outcome === 'ok' || outcome === 'aborted' ? 'info' : 'warn'
}
