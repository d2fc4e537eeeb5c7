import { Duration, type Stack } from 'aws-cdk-lib'
import { MathExpression, Metric, Stats, type IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { HttpCodeElb, HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { ObservabilityProps, Watched } from './observability.ts'

export interface Graph {
  title: string
  left: IMetric[]
  right?: IMetric[]
  /** Where the metrics are, when not in the stack's region. */
  region?: string
}

interface PlatformMetrics {
  watched: Watched[]
  graphs: Graph[]
}

/** A managed gateway runs none of our code, so it says nothing of its calls; the authorization service has none. */
export function saysItsCalls({ platform, gatewayId, silent }: ObservabilityProps): boolean {
  return (
    silent !== true && platform !== 'authorization' && (platform !== 'agentcore-gateway' || gatewayId === undefined)
  )
}

const period = Duration.minutes(5)
const sum = { statistic: Stats.SUM, period } as const

/** What AWS measures of the parts of a deployment: alarms for those that it has, and graphs. */
export function platformMetrics(stack: Stack, props: ObservabilityProps): PlatformMetrics {
  const parts = [
    ofFunction(props),
    ofLoadBalancer(props),
    ofService(props),
    ofDistribution(stack, props),
    ofRuntime(props),
    ofGateway(stack, props),
    ofTable(props),
  ]
  return { watched: parts.flatMap(({ watched }) => watched), graphs: parts.flatMap(({ graphs }) => graphs) }
}

const none: PlatformMetrics = { watched: [], graphs: [] }

/** @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
function ofFunction({ function: fn }: ObservabilityProps): PlatformMetrics {
  if (!fn) return none
  const [errors, throttles] = [fn.metricErrors(sum), fn.metricThrottles(sum)]
  return {
    watched: [
      {
        id: 'function-errors',
        metric: errors,
        threshold: 0,
        description: 'The function crashed, ran out of memory or out of time',
      },
      {
        id: 'throttles',
        metric: throttles,
        threshold: 0,
        description: 'Calls were refused, since as many run as the function may have environments',
      },
    ],
    graphs: [
      {
        title: 'Function',
        left: [fn.metricInvocations(sum), errors, throttles],
        right: [
          fn.metricDuration({ statistic: 'p99', period }),
          fn.metric('ConcurrentExecutions', { statistic: Stats.MAXIMUM, period }),
        ],
      },
    ],
  }
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html */
function ofLoadBalancer({ loadBalancer }: ObservabilityProps): PlatformMetrics {
  if (!loadBalancer) return none
  const { metrics } = loadBalancer
  const own = metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, sum)
  const tasks = metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, sum)
  const both = new MathExpression({
    expression: 'FILL(own, 0) + FILL(tasks, 0)',
    usingMetrics: { own, tasks },
    period,
    label: '5xx',
  })
  return {
    watched: [
      {
        id: 'answers-5xx',
        metric: both,
        threshold: 5,
        description: 'More than five answers of the load balancer or its tasks were 5xx in five minutes',
      },
    ],
    graphs: [
      {
        title: 'Load balancer',
        left: [metrics.requestCount(sum), own, tasks],
        right: [metrics.targetResponseTime({ statistic: 'p99', period })],
      },
    ],
  }
}

/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html */
function ofService({ service }: ObservabilityProps): PlatformMetrics {
  if (!service) return none
  const memory = service.metricMemoryUtilization({ statistic: Stats.MAXIMUM, period })
  return {
    watched: [
      {
        id: 'memory',
        metric: memory,
        threshold: 90,
        periods: 3,
        description: 'A task has used more than 90 % of its memory for fifteen minutes',
      },
    ],
    graphs: [
      {
        title: 'Tasks, % of CPU and memory',
        left: [service.metricCpuUtilization({ statistic: Stats.MAXIMUM, period }), memory],
      },
    ],
  }
}

/** @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html */
function ofDistribution(stack: Stack, { distributionId }: ObservabilityProps): PlatformMetrics {
  if (distributionId === undefined) return none
  const region = 'us-east-1'
  const metric = (metricName: string, statistic: string, at: { region?: string }) =>
    new Metric({
      namespace: 'AWS/CloudFront',
      metricName,
      statistic,
      period,
      dimensionsMap: { DistributionId: distributionId, Region: 'Global' },
      ...at,
    })
  const graph: Graph = {
    title: 'CloudFront',
    left: [metric('Requests', Stats.SUM, { region })],
    right: [metric('4xxErrorRate', Stats.AVERAGE, { region }), metric('5xxErrorRate', Stats.AVERAGE, { region })],
    region,
  }
  if (stack.region !== region) return { watched: [], graphs: [graph] }
  return {
    watched: [
      {
        id: 'edge-5xx',
        metric: metric('5xxErrorRate', Stats.AVERAGE, {}),
        threshold: 5,
        periods: 2,
        description: 'More than 5 % of what CloudFront answered was 5xx for ten minutes',
      },
    ],
    graphs: [graph],
  }
}

/** @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/observability-runtime-metrics.html */
function ofRuntime({ runtimeName, runtimeArn, runtimeEndpoint = 'DEFAULT' }: ObservabilityProps): PlatformMetrics {
  if (runtimeName === undefined && runtimeArn === undefined) return none
  if (runtimeName === undefined || runtimeArn === undefined)
    throw new TypeError('The metrics of a runtime are found by runtimeName and runtimeArn together')
  return ofAgentcore({
    Operation: 'InvokeAgentRuntime',
    Name: `${runtimeName}::${runtimeEndpoint}`,
    Resource: runtimeArn,
  })
}

/** @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-advanced-observability-metrics.html */
function ofGateway(stack: Stack, { gatewayId }: ObservabilityProps): PlatformMetrics {
  if (gatewayId === undefined) return none
  const resource = stack.formatArn({ service: 'bedrock-agentcore', resource: 'gateway', resourceName: gatewayId })
  return ofAgentcore({ Operation: 'InvokeGateway', Protocol: 'MCP', Resource: resource })
}

/** Dimensions as the constructs of aws-cdk-lib 2.276 have them. */
function ofAgentcore(dimensionsMap: Record<string, string>): PlatformMetrics {
  const metric = (metricName: string, statistic: string) =>
    new Metric({ namespace: 'AWS/Bedrock-AgentCore', metricName, statistic, period, dimensionsMap })
  const [errors, throttles] = [metric('SystemErrors', Stats.SUM), metric('Throttles', Stats.SUM)]
  return {
    watched: [
      { id: 'system-errors', metric: errors, threshold: 0, description: 'AgentCore answered with 5xx' },
      { id: 'throttles', metric: throttles, threshold: 0, description: 'AgentCore refused calls: a quota was reached' },
    ],
    graphs: [
      {
        title: 'AgentCore',
        left: [metric('Invocations', Stats.SUM), errors, metric('UserErrors', Stats.SUM), throttles],
        right: [metric('Latency', 'p99')],
      },
    ],
  }
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html */
function ofTable({ table }: ObservabilityProps): PlatformMetrics {
  if (!table) return none
  const metric = (metricName: string) =>
    new Metric({
      namespace: 'AWS/DynamoDB',
      metricName,
      ...sum,
      dimensionsMap: { TableName: table.tableName },
    })
  const [reads, writes] = [metric('ReadThrottleEvents'), metric('WriteThrottleEvents')]
  const both = new MathExpression({
    expression: 'FILL(reads, 0) + FILL(writes, 0)',
    usingMetrics: { reads, writes },
    period,
    label: 'throttled',
  })
  return {
    watched: [{ id: 'table-throttles', metric: both, threshold: 0, description: 'DynamoDB refused reads or writes' }],
    graphs: [
      {
        title: 'Table',
        left: [metric('ConsumedReadCapacityUnits'), metric('ConsumedWriteCapacityUnits'), reads, writes],
      },
    ],
  }
}
