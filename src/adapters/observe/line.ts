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
  const place = `${member(metrics.server, server)},${member(metrics.platform, platform)}`
  return (observed) => {
    const { requestId, traceId, method, tool } = observed.call
    const known = tool !== undefined && isKnown(tool, observed.outcome, tools)
    const audit = auditOf(observed)
    const message = tool === undefined ? (method ?? 'refused') : `${method} ${tool}`
    const own = JSON.stringify({ audit, level: levelOf(observed), message, requestId, traceId })
    const values = valuesOf(observed, audit.durationMs)
    if (!values) return own
    const at = Math.round(observed.startedAt + observed.durationMs)
    const dimension = known ? `,${member(metrics.tool, tool)}` : ''
    const directive = directiveOf(Object.keys(values), known)
    return `${own.slice(0, -1)},"_aws":{"Timestamp":${at},${directive}},${place}${dimension},${JSON.stringify(values).slice(1)}`
  }
}

function auditOf({ call, note, status, outcome, rpcCode, durationMs }: Observed) {
  const { requestId, clientId: client, method, tool } = call
  // What is undefined is not written.
  return {
    requestId,
    status,
    principal: call.principal ?? note.principal,
    client,
    method,
    tool,
    outcome,
    durationMs: Math.round(durationMs * 1000) / 1000,
    rpcCode,
    code: note.code,
    why: note.why,
    policies: note.policies,
  }
}

function member(name: string, value: string): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}

const directives = new Map<string, string>()

/** The same few over and over. */
function directiveOf(names: string[], known: boolean): string {
  const key = `${names.join()} ${known}`
  let text = directives.get(key)
  if (text === undefined) {
    const Dimensions = [
      [metrics.server, metrics.platform],
      ...(known ? [[metrics.server, metrics.platform, metrics.tool]] : []),
    ]
    const Metrics = names.map((Name) => ({ Name, Unit: unitOf(Name) }))
    text = JSON.stringify({ CloudWatchMetrics: [{ Namespace: metrics.namespace, Dimensions, Metrics }] }).slice(1, -1)
    directives.set(key, text)
  }
  return text
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
