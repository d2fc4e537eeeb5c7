import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../../../src/config.ts'
import { LambdaMcpServer } from '../../../src/deploy/cdk/lambda-mcp-server.ts'
import { observeServer } from '../../../src/deploy/cdk/observe-server.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { resources, stacksOf } from '../support/stacks-of.ts'

const config = (platforms: FairleadConfig['platforms'], more: Partial<FairleadConfig> = {}): FairleadConfig => ({
  name: 'sample',
  server: { kind: 'module', entry: './server.ts' },
  callers: ['arn:aws:iam::111122223333:role/agent'],
  platforms,
  ...more,
})
const alarms = (template: Parameters<typeof resources>[0]) =>
  resources(template, 'AWS::CloudWatch::Alarm').map(({ AlarmName }) => String(AlarmName).replace('sample-prod-', ''))
const told = { FAIRLEAD_METRICS: 'emf', FAIRLEAD_SERVER: 'sample-prod' }

describe('a deployment', () => {
  it('says its calls and is watched, on every platform that runs our code', async () => {
    const { templates, findings } = await stacksOf(config({ lambda: {}, fargate: {}, 'agentcore-runtime': {} }))
    expect(findings).toEqual([])
    const { lambda, fargate, 'agentcore-runtime': runtime } = templates
    expect(alarms(lambda)).toEqual([
      'lambda-errors',
      'lambda-duration',
      'lambda-error-lines',
      'lambda-function-errors',
      'lambda-throttles',
    ])
    expect(resources(lambda, 'AWS::Lambda::Function')[0]).toMatchObject({ Environment: { Variables: told } })
    expect(alarms(fargate).toSorted()).toEqual([
      'fargate-answers-5xx',
      'fargate-duration',
      'fargate-edge-5xx',
      'fargate-error-lines',
      'fargate-errors',
      'fargate-memory',
      'fargate-table-throttles',
    ])
    const [task] = resources(fargate, 'AWS::ECS::TaskDefinition') as [
      { ContainerDefinitions: [{ Environment: { Name: string; Value: string }[] }] },
    ]
    const { Environment } = task.ContainerDefinitions[0]
    for (const [Name, Value] of Object.entries(told)) expect(Environment).toContainEqual({ Name, Value })
    expect(alarms(runtime)).toEqual([
      'agentcore-runtime-errors',
      'agentcore-runtime-duration',
      'agentcore-runtime-error-lines',
      'agentcore-runtime-system-errors',
      'agentcore-runtime-throttles',
    ])
    expect(resources(runtime, 'AWS::BedrockAgentCore::Runtime')[0]).toMatchObject({ EnvironmentVariables: told })
    // Clients name the endpoint `live`, and the metrics are of it.
    expect(JSON.stringify(resources(runtime, 'AWS::CloudWatch::Alarm'))).toContain('::live')
  })

  it('is left alone with `observability: false`', async () => {
    const { templates } = await stacksOf(config({ lambda: {} }, { observability: false }))
    expect(JSON.stringify(templates.lambda)).not.toMatch(/CloudWatch::|MetricFilter|FAIRLEAD_METRICS/)
  })

  it('has what is asked for: a dashboard without alarms, alarms that go to a topic', async () => {
    const quiet = await stacksOf(config({ lambda: {} }, { observability: { alarms: false } }))
    expect(alarms(quiet.templates.lambda)).toEqual([])
    expect(resources(quiet.templates.lambda, 'AWS::Logs::MetricFilter')).toEqual([])
    expect(resources(quiet.templates.lambda, 'AWS::CloudWatch::Dashboard')).toHaveLength(1)
    const alarmTopicArn = 'arn:aws:sns:us-east-1:111122223333:alarms'
    const loud = await stacksOf(config({ lambda: {} }, { observability: { dashboard: false, alarmTopicArn } }))
    expect(resources(loud.templates.lambda, 'AWS::CloudWatch::Dashboard')).toEqual([])
    for (const alarm of resources(loud.templates.lambda, 'AWS::CloudWatch::Alarm'))
      expect(alarm).toMatchObject({ AlarmActions: [alarmTopicArn] })
  })

  it('in a language of its own is watched by what Lambda measures', async () => {
    const python = config(
      { lambda: { runtime: 'python3.13' } },
      { server: { kind: 'http', command: 'python', args: ['server.py'] } },
    )
    const { templates } = await stacksOf(python)
    expect(alarms(templates.lambda)).toEqual(['lambda-function-errors', 'lambda-throttles'])
    expect(JSON.stringify(templates.lambda)).not.toContain('FAIRLEAD_METRICS')
  })
})

describe('a construct in an app of one’s own', () => {
  it('is observed by one call', async () => {
    process.env.CDK_VALIDATION = 'false'
    const folder = await temporaryFolder()
    await mkdir(`${folder.path}/artifact`)
    await writeFile(`${folder.path}/artifact/index.js`, '')
    const stack = new Stack(new App({ analyticsReporting: false }), 'Theirs')
    const own = config({ lambda: {} })
    const server = new LambdaMcpServer(stack, 'Mcp', { config: own, artifact: `${folder.path}/artifact` })
    observeServer(server, { config: own, environment: 'prod', platform: 'lambda' })
    const template = Template.fromStack(stack)
    template.hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: told } })
    template.resourceCountIs('AWS::CloudWatch::Alarm', 5)
    await folder.remove()
  })
})
