import { App, Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { Table } from 'aws-cdk-lib/aws-dynamodb'
import { Vpc, type IVpc } from 'aws-cdk-lib/aws-ec2'
import { Cluster, ContainerImage, FargateService, FargateTaskDefinition, type ICluster } from 'aws-cdk-lib/aws-ecs'
import { ApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Function } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { beforeAll, describe, expect, it } from 'vitest'
import { metricsEnvironment } from '../../../src/aws/metrics.ts'
import { Observability, type ObservabilityProps } from '../../../src/deploy/cdk/observability.ts'
import type { Platform } from '../../../src/platforms.ts'

beforeAll(() => {
  process.env.CDK_VALIDATION = 'false'
})

const arn = 'arn:aws:lambda:eu-west-1:111122223333:function:f'
type Given = Omit<ObservabilityProps, 'name' | 'platform'>

function synthesized(
  platform: Platform,
  props: (stack: Stack) => Given,
  region = 'eu-west-1',
): { template: Template; body: Body } {
  const stack = new Stack(new App({ analyticsReporting: false }), 'stack', {
    env: { account: '111122223333', region },
  })
  new Observability(stack, 'Observability', { name: 'sample-prod', platform, ...props(stack) })
  const template = Template.fromStack(stack)
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'))
  return { template, body: JSON.parse(flat(dashboard!.Properties.DashboardBody)) as Body }
}

interface Body {
  widgets: { type: string; properties: { title: string; region?: string; metrics?: unknown[][]; alarms?: string[] } }[]
}

/** A text with references in it, with each reference as one word. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value
  const { 'Fn::Join': join } = value as { 'Fn::Join': [string, unknown[]] }
  return join[1].map((part) => (typeof part === 'string' ? part : 'REF')).join('')
}

const alarmsOf = (template: Template) =>
  Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties as { AlarmName: string } & Record<string, unknown>,
  )
const titlesOf = ({ widgets }: Body) => widgets.map(({ properties }) => properties.title)

const fargateParts = (stack: Stack): Given => {
  const vpc = new Vpc(stack, 'Vpc', { natGateways: 0 }) as IVpc
  const taskDefinition = new FargateTaskDefinition(stack, 'Task')
  taskDefinition.addContainer('c', { image: ContainerImage.fromRegistry('public.ecr.aws/docker/library/node:24') })
  return {
    loadBalancer: new ApplicationLoadBalancer(stack, 'Lb', { vpc }),
    service: new FargateService(stack, 'Service', {
      cluster: new Cluster(stack, 'Cluster', { vpc }) as ICluster,
      taskDefinition,
      minHealthyPercent: 50,
    }),
    logGroup: new LogGroup(stack, 'Log'),
    table: Table.fromTableName(stack, 'Table', 'state'),
    distributionId: 'E123',
  }
}
const functionParts = (stack: Stack): Given => ({
  function: Function.fromFunctionArn(stack, 'F', arn),
  logGroup: new LogGroup(stack, 'Log'),
})

describe('alarms', () => {
  it.each<[Platform, (stack: Stack) => Given, string, string[]]>([
    ['lambda', functionParts, 'eu-west-1', ['errors', 'duration', 'error-lines', 'function-errors', 'throttles']],
    [
      'fargate',
      fargateParts,
      'eu-west-1',
      ['errors', 'duration', 'error-lines', 'answers-5xx', 'memory', 'table-throttles'],
    ],
    [
      'fargate',
      fargateParts,
      'us-east-1',
      ['errors', 'duration', 'error-lines', 'answers-5xx', 'memory', 'edge-5xx', 'table-throttles'],
    ],
    [
      'agentcore-runtime',
      () => ({ runtimeName: 'r', runtimeArn: 'arn:aws:bedrock-agentcore:eu-west-1:111122223333:runtime/r-1' }),
      'eu-west-1',
      ['errors', 'duration', 'system-errors', 'throttles'],
    ],
    ['agentcore-gateway', () => ({ gatewayId: 'g-1' }), 'eu-west-1', ['system-errors', 'throttles']],
    [
      'agentcore-gateway',
      functionParts,
      'eu-west-1',
      ['errors', 'duration', 'error-lines', 'function-errors', 'throttles'],
    ],
  ])('of %s are for what it has', (platform, parts, region, ids) => {
    const { template, body } = synthesized(platform, parts, region)
    const alarms = alarmsOf(template)
    expect(alarms.map(({ AlarmName }) => AlarmName).toSorted()).toEqual(
      ids.map((id) => `sample-prod-${platform}-${id}`).toSorted(),
    )
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ TreatMissingData: 'notBreaching', ComparisonOperator: 'GreaterThanThreshold' })
      expect(alarm).not.toHaveProperty('AlarmActions')
      expect(alarm.AlarmDescription).toMatch(/^[A-Z].+/)
    }
    expect(body.widgets[0]!.properties.alarms).toHaveLength(ids.length)
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1)
    template.resourceCountIs('AWS::SNS::Topic', 0)
  })

  it('watch the metrics that the adapters write, by the name that they were given', () => {
    const { template } = synthesized('lambda', (stack) => ({ ...functionParts(stack), p99DurationMs: 2500 }))
    const dimensions = Match.arrayWith([{ Name: 'Server', Value: metricsEnvironment('sample-prod').FAIRLEAD_SERVER }])
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'sample-prod-lambda-duration',
      Namespace: 'fairlead',
      MetricName: 'Duration',
      ExtendedStatistic: 'p99',
      Threshold: 2500,
      Dimensions: dimensions,
    })
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'sample-prod-lambda-errors',
      Metrics: Match.arrayWith([Match.objectLike({ Expression: 'IF(calls >= 10, 100 * errors / calls, 0)' })]),
    })
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ $.level = "error" }',
      MetricTransformations: [
        { MetricNamespace: 'fairlead', MetricName: 'ErrorLines/sample-prod/lambda', MetricValue: '1' },
      ],
    })
  })

  it('of AgentCore find their metrics by the dimensions that AWS writes', () => {
    const runtimeArn = 'arn:aws:bedrock-agentcore:eu-west-1:111122223333:runtime/r-1'
    synthesized('agentcore-runtime', () => ({ runtimeName: 'r', runtimeArn })).template.hasResourceProperties(
      'AWS::CloudWatch::Alarm',
      {
        Namespace: 'AWS/Bedrock-AgentCore',
        MetricName: 'SystemErrors',
        Dimensions: [
          { Name: 'Name', Value: 'r::DEFAULT' },
          { Name: 'Operation', Value: 'InvokeAgentRuntime' },
          { Name: 'Resource', Value: runtimeArn },
        ],
      },
    )
    expect(() => synthesized('agentcore-runtime', () => ({ runtimeName: 'r' }))).toThrow(/runtimeArn/)
  })

  it('go to a topic only where one is named', () => {
    const alarmTopicArn = 'arn:aws:sns:eu-west-1:111122223333:alarms'
    const { template } = synthesized('lambda', (stack) => ({ ...functionParts(stack), alarmTopicArn }))
    for (const alarm of alarmsOf(template)) expect(alarm.AlarmActions).toEqual([alarmTopicArn])
    template.resourceCountIs('AWS::SNS::Topic', 0)
    expect(() => synthesized('lambda', (stack) => ({ ...functionParts(stack), alarmTopicArn }), 'us-east-1')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: '`observability.alarmTopicArn` is not in us-east-1' }),
    )
  })
})

describe('the dashboard', () => {
  it('has the region in its name: dashboards are of the account, and another region has its own', () => {
    synthesized('lambda', functionParts).template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
      DashboardName: 'sample-prod-lambda-eu-west-1',
    })
  })

  it('has the calls, the calls by tool as a search, and what the platform measures', () => {
    const { body } = synthesized('lambda', functionParts)
    expect(titlesOf(body)).toEqual([
      'Alarms',
      'Tool calls',
      'Duration, ms',
      'Calls by tool',
      'p99 by tool, ms',
      'Function',
    ])
    const search = JSON.stringify(body.widgets[3]!.properties.metrics)
    expect(search).toContain('SEARCH(\'{fairlead,Platform,Server,Tool} MetricName=\\"Calls\\" Server=\\"sample-prod\\"')
  })

  it('shows CloudFront from us-east-1, wherever the stack is', () => {
    const { body } = synthesized('fargate', fargateParts)
    expect(titlesOf(body)).toContain('Load balancer')
    expect(body.widgets.find(({ properties }) => properties.title === 'CloudFront')!.properties.region).toBe(
      'us-east-1',
    )
  })

  it('of a managed gateway has no calls of ours: none of our code runs there', () => {
    expect(titlesOf(synthesized('agentcore-gateway', () => ({ gatewayId: 'g-1' })).body)).toEqual([
      'Alarms',
      'AgentCore',
    ])
  })
})
