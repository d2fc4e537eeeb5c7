import { expect, it } from 'vitest'
import { exceededQuotas, quotas } from '../../src/deploy/quotas.ts'
import { tooManyCallers } from '../../src/deploy/policy-size.ts'
import { openAws } from '../../src/deploy/toolkit-clients.ts'
import { fakeAwsInProcess } from './support/fake-aws/in-process.ts'
import { region, type FakeAws } from './support/fake-aws/start.ts'

let aws: FakeAws
fakeAwsInProcess((started) => (aws = started))

const template = {
  Resources: {
    Vpc: { Type: 'AWS::EC2::VPC' },
    One: { Type: 'AWS::CloudFront::Distribution' },
    Two: { Type: 'AWS::CloudFront::Distribution' },
    Runtime: { Type: 'AWS::BedrockAgentCore::Runtime' },
    Service: { Type: 'AWS::ECS::Service', Properties: { TaskDefinition: { Ref: 'Task' } } },
    Scaled: { Type: 'AWS::ApplicationAutoScaling::ScalableTarget', Properties: { MinCapacity: 4, ResourceId: { 'Fn::Join': ['/', ['service', { Ref: 'Cluster' }, { 'Fn::GetAtt': ['Service', 'Name'] }]] } } }, // prettier-ignore
    Task: { Type: 'AWS::ECS::TaskDefinition', Properties: { Cpu: '2048', Memory: '4096' } },
  },
}

async function asked(added = Object.keys(template.Resources)) {
  const found = await exceededQuotas(await openAws({}), [{ region, template, added }])
  return found.map(({ message, fix }) => `${message}. ${fix}`)
}

it('each quota that is exceeded is told with what is there, what it is and how to ask for more', async () => {
  aws.switches.others.set('AWS::EC2::VPC', 5)
  aws.switches.quotas.set('L-24B04930', 300)
  aws.switches.others.set('AWS::CloudFront::Distribution', 299)
  // As a new account has it.
  aws.switches.quotas.set('L-F4575653', 0)
  const found = await asked()
  expect(found).toEqual([
    expect.stringMatching(/^1 more are needed of “VPCs per Region”: 5 are there, and the quota is 5 in eu-central-1\. .*--quota-code L-F678F1CE --desired-value 6$/), // prettier-ignore
    expect.stringMatching(/^2 more .*: 299 are there, and the quota is 300 in us-east-1\. .*--region us-east-1 .*--desired-value 301$/), // prettier-ignore
    expect.stringMatching(/^1 more .*Total Agents per Account”: 0 are there, and the quota is 0 /),
    expect.stringMatching(/^8 more .*Fargate On-Demand vCPU resource count”: the quota is 6 /),
  ])
})

it('what is there already takes only what it grows by', async () => {
  const before = structuredClone(template)
  Object.assign(before.Resources.Scaled.Properties, { MinCapacity: 1 })
  aws.switches.quotas.set('L-3032A538', 5)
  const found = async (then: typeof template) =>
    (await exceededQuotas(await openAws({}), [{ region, template, before: then, added: [] }])).map(({ message }) => message) // prettier-ignore
  expect(await found(template)).toEqual([])
  expect(await found(before)).toEqual([expect.stringMatching(/^6 more .*the quota is 5 /)])
})

it('nothing is said of what fits, of what is there already, and of what is not made', async () => {
  aws.switches.quotas.set('L-3032A538', 8)
  aws.switches.others.set('AWS::EC2::VPC', 4)
  expect(await asked()).toEqual([])
  aws.switches.others.set('AWS::EC2::VPC', 5)
  aws.log.length = 0
  expect(await asked([])).toEqual([])
  expect(aws.log).toEqual([])
})

it.each(['servicequotas.GetServiceQuota', 'cloudcontrolapi.ListResources'])(
  'nothing is said where the caller may not look: %s',
  async (operation) => {
    aws.switches.quotas.set('L-3032A538', 100)
    aws.switches.others.set('AWS::EC2::VPC', 5)
    aws.switches.denied.add(operation)
    expect(await asked()).toEqual([])
  },
)

it('callers are as many as the policy of a function holds', () => {
  const permissions = (count: number) => ({
    Resources: Object.fromEntries(
      Array.from({ length: 2 * count }, (_, at) => [
        `ServerCaller${at}`,
        {
          Type: 'AWS::Lambda::Permission',
          Properties: { Action: 'lambda:InvokeFunction', Principal: `arn:aws:iam::111122223333:role/agent-${at}`, FunctionName: { Ref: 'F' } }, // prettier-ignore
        },
      ]),
    ),
  })
  const found = (count: number) => tooManyCallers([{ name: 'hello-prod-lambda', region, template: permissions(count) }])
  expect(found(20)).toEqual([])
  expect(found(60)).toMatchObject([{ code: 'QUOTA_EXCEEDED', fix: expect.stringContaining('one role') as string }])
})

it('every quota says where it was read, and when', () => {
  for (const { code, source, date } of Object.values(quotas)) {
    expect(code).toMatch(/^L-[0-9A-F]{8}$/)
    expect(source).toMatch(/^docs\.aws\.amazon\.com\//)
    expect(date).toMatch(/^2026-\d\d-\d\d$/)
  }
})
