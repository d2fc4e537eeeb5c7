import { Duration, Stack, Token } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic, type ITopic } from 'aws-cdk-lib/aws-sns'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { BaseService } from 'aws-cdk-lib/aws-ecs'
import type { ApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, MetricFilter, type ILogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { metrics } from '../../aws/metrics.ts'
import { FairleadError } from '../../errors.ts'
import type { Platform } from '../../platforms.ts'
import { dashboardRows } from './dashboard-rows.ts'
import { platformMetrics, saysItsCalls } from './platform-metrics.ts'

export interface ObservabilityProps {
  /** The deployment, such as `account-summary-prod`: what `metricsEnvironment(name)` tells the server. */
  name: string
  /** Or the authorization service, which has no calls of tools. */
  platform: Platform | 'authorization'
  function?: IFunction
  /** Where the server's lines go: those of level `error` are counted. */
  logGroup?: ILogGroup
  loadBalancer?: ApplicationLoadBalancer
  service?: BaseService
  /** Of CloudFront. Its metrics are in us-east-1, so it has an alarm only in a stack there. */
  distributionId?: string
  runtimeName?: string
  /** With `runtimeName`: the ARN of the runtime. */
  runtimeArn?: string
  /** `DEFAULT` unless clients name another. */
  runtimeEndpoint?: string
  gatewayId?: string
  table?: ITable
  /** None of our code runs there, so that nothing is said of calls. A managed gateway is so by itself. */
  silent?: boolean
  /** Without them, with `false`. */
  alarms?: boolean
  dashboard?: boolean
  /** Told of every alarm. Without it alarms are seen in CloudWatch alone. */
  alarmTopicArn?: string
  /** What a tool call may take, at the 99th percentile; 10,000 by default. */
  p99DurationMs?: number
}

/** What an alarm watches, and from when on. */
export interface Watched {
  id: string
  metric: IMetric
  threshold: number
  description: string
  /** Above by default. */
  comparison?: ComparisonOperator
  /** Of five minutes each; 1 by default. */
  periods?: number
}

/**
 * Alarms and one dashboard for a deployed server, from what it says of its calls and from what its platform measures.
 * No alarm rings while nobody calls.
 */
export class Observability extends Construct {
  readonly alarms: Alarm[]
  readonly dashboard?: Dashboard

  constructor(scope: Construct, id: string, props: ObservabilityProps) {
    super(scope, id)
    const own = ownMetrics(props)
    const platform = platformMetrics(Stack.of(this), props)
    const watched =
      props.alarms === false ? [] : [...callsWatched(own, props), ...this.#logged(props), ...platform.watched]
    const topic = this.#topic(props)
    this.alarms = watched.map(({ id: alarmId, metric, threshold, description, comparison, periods = 1 }) => {
      const alarm = new Alarm(this, alarmId, {
        alarmName: `${props.name}-${props.platform}-${alarmId}`,
        alarmDescription: description,
        metric,
        threshold,
        comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      })
      if (topic) alarm.addAlarmAction(new SnsAction(topic))
      return alarm
    })
    if (props.dashboard === false) return
    this.dashboard = new Dashboard(this, 'Dashboard', {
      // Dashboards have no region: the same deployment in another one has its own.
      dashboardName: `${props.name}-${props.platform}-${Stack.of(this).region}`,
      defaultInterval: Duration.hours(3),
      widgets: dashboardRows(this.alarms, own, platform.graphs, props),
    })
  }

  /** CloudWatch tells topics of its own region alone. Throws CONFIG_INVALID. */
  #topic({ alarmTopicArn: arn }: ObservabilityProps): ITopic | undefined {
    if (arn === undefined) return undefined
    const { region } = Stack.of(this)
    if (!Token.isUnresolved(region) && !Token.isUnresolved(arn) && arn.split(':')[3] !== region)
      throw new FairleadError('CONFIG_INVALID', `\`observability.alarmTopicArn\` is not in ${region}`, {
        why: 'An alarm of CloudWatch tells a topic of its own region alone.',
        fix: `Make one there: aws sns create-topic --region ${region} --name …`,
      })
    return Topic.fromTopicArn(this, 'Topic', arn)
  }

  /** Lines of level `error`: what a tool threw, and what could not be answered. */
  #logged({ name, platform, logGroup, silent }: ObservabilityProps): Watched[] {
    if (!logGroup || silent) return []
    const filter = new MetricFilter(this, 'ErrorLines', {
      logGroup,
      filterPattern: FilterPattern.stringValue('$.level', '=', 'error'),
      metricNamespace: metrics.namespace,
      metricName: `ErrorLines/${name}/${platform}`,
      metricValue: '1',
    })
    return [
      {
        id: 'error-lines',
        metric: filter.metric({ statistic: Stats.SUM, period: Duration.minutes(5) }),
        threshold: 0,
        description: `The log of ${name} has lines of level error: fairlead logs ${platform === 'authorization' ? '--authorization' : `--platform ${platform}`}`,
      },
    ]
  }
}

export interface OwnMetrics {
  calls: Metric
  errors: Metric
  refusals: Metric
  p50: Metric
  p99: Metric
}

function ownMetrics({ name, platform }: ObservabilityProps): OwnMetrics {
  const metric = (metricName: string, statistic: string) =>
    new Metric({
      namespace: metrics.namespace,
      metricName,
      statistic,
      period: Duration.minutes(5),
      dimensionsMap: { [metrics.server]: name, [metrics.platform]: platform },
    })
  return {
    calls: metric(metrics.calls, Stats.SUM),
    errors: metric(metrics.errors, Stats.SUM),
    refusals: metric(metrics.refusals, Stats.SUM),
    p50: metric(metrics.duration, 'p50'),
    p99: metric(metrics.duration, 'p99'),
  }
}

function callsWatched(own: OwnMetrics, props: ObservabilityProps): Watched[] {
  if (!saysItsCalls(props)) return []
  const { p99DurationMs = 10_000 } = props
  const rate = new MathExpression({
    expression: 'IF(calls >= 10, 100 * errors / calls, 0)',
    usingMetrics: { calls: own.calls, errors: own.errors },
    period: Duration.minutes(5),
    label: 'errors, % of calls',
  })
  return [
    {
      id: 'errors',
      metric: rate,
      threshold: 10,
      periods: 2,
      description: 'More than a tenth of the tool calls ended with an error for ten minutes',
    },
    {
      id: 'duration',
      metric: own.p99,
      threshold: p99DurationMs,
      periods: 3,
      description: `One call in a hundred took longer than ${p99DurationMs} ms for fifteen minutes`,
    },
  ]
}
