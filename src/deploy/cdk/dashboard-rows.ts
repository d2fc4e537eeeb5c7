import { AlarmStatusWidget, GraphWidget, MathExpression, type Alarm, type IWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { metrics } from '../../aws/metrics.ts'
import type { ObservabilityProps, OwnMetrics } from './observability.ts'
import { saysItsCalls, type Graph } from './platform-metrics.ts'

/** The rows of a dashboard: the alarms, the calls, the calls by tool, then what the platform measures, two beside each other. */
export function dashboardRows(
  alarms: Alarm[],
  own: OwnMetrics,
  graphs: Graph[],
  props: ObservabilityProps,
): IWidget[][] {
  const rows: IWidget[][] =
    alarms.length > 0 ? [[new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 3 })]] : []
  if (saysItsCalls(props)) {
    rows.push([
      graph({ title: 'Tool calls', left: [own.calls, own.errors, own.refusals] }),
      graph({ title: 'Duration, ms', left: [own.p50, own.p99] }),
    ])
    rows.push([
      byTool('Calls by tool', metrics.calls, 'Sum', props),
      byTool('p99 by tool, ms', metrics.duration, 'p99', props),
    ])
  }
  for (let at = 0; at < graphs.length; at += 2) rows.push(graphs.slice(at, at + 2).map(graph))
  return rows
}

function graph({ title, left, right = [], region }: Graph): GraphWidget {
  return new GraphWidget({ title, left, right, width: 12, height: 6, ...(region === undefined ? {} : { region }) })
}

/** A search: tools that come later are found without a deployment. */
function byTool(
  title: string,
  metricName: string,
  statistic: string,
  { name, platform }: ObservabilityProps,
): GraphWidget {
  const dimensions = `{${metrics.namespace},${metrics.platform},${metrics.server},${metrics.tool}}`
  const wanted = `MetricName="${metricName}" ${metrics.server}="${name}" ${metrics.platform}="${platform}"`
  const expression = `SEARCH('${dimensions} ${wanted}', '${statistic}', 300)`
  return new GraphWidget({ title, left: [new MathExpression({ expression, label: '' })], width: 12, height: 6 })
}
