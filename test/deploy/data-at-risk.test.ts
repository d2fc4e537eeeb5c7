import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inUse } from '../../src/deploy/in-use.ts'
import { retainedBy } from '../../src/deploy/retained.ts'
import { deployStacks } from '../../src/deploy/toolkit-deploy.ts'
import { deployHost } from '../../src/deploy/toolkit-host.ts'
import { dataAtRisk, planAgainstAws } from '../../src/deploy/toolkit-plan.ts'
import { openToolkit } from '../../src/deploy/toolkit.ts'
import { account, region, startFakeAws, type FakeAws } from './support/fake-aws/start.ts'

let aws: FakeAws
let dir: string
const before = { ...process.env }

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-risk-'))
  aws = await startFakeAws()
  Object.assign(process.env, aws.env, { HOME: dir, CDK_VALIDATION: 'false' })
})
afterAll(async () => {
  const { faults } = aws
  await aws.close()
  for (const key of Object.keys(aws.env)) delete process.env[key]
  Object.assign(process.env, before)
  await rm(dir, { recursive: true, force: true })
  expect(faults).toEqual([])
})

let made = 0

/** A stack with a table that is kept, by another key each time. */
function assembly(key: string | undefined): string {
  const out = join(dir, `out-${made++}`)
  const app = new App({ outdir: out, analyticsReporting: false })
  const stack = new Stack(app, 'data', { env: { account, region } })
  if (key !== undefined)
    new Table(stack, 'State', {
      partitionKey: { name: key, type: AttributeType.STRING },
      removalPolicy: RemovalPolicy.RETAIN,
    })
  new CfnOutput(stack, 'Url', { value: 'https://example.com' })
  // Something else, so that the stack is not empty.
  new Table(stack, 'Other', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    removalPolicy: RemovalPolicy.DESTROY,
  })
  app.synth()
  return out
}

async function open(allowReplace = false) {
  const host = deployHost({ step: () => {}, note: () => {}, allowReplace })
  return { host, toolkit: await openToolkit({ host: host.host }) }
}

it('a table that would be replaced, or lost sight of, is refused twice: by the plan, and by the change set', async () => {
  const first = await open()
  await deployStacks(first.toolkit, assembly('pk'), first.host, 20)
  expect(await retainedBy(first.toolkit.clients('cloudformation'), 'data')).toMatchObject([
    { stack: 'data', type: 'AWS::DynamoDB::Table' },
  ])

  const replaced = assembly('other')
  const plan = async (out: string) =>
    dataAtRisk((await planAgainstAws(first.toolkit, out, ['data'], 'template'))[0]!.changes)
  expect(await plan(assembly('pk'))).toEqual([])
  expect(await plan(replaced)).toMatchObject([
    { verb: 'replace', type: 'AWS::DynamoDB::Table', properties: ['AttributeDefinitions', 'KeySchema'] },
  ])
  expect(await plan(assembly(undefined))).toMatchObject([{ verb: 'keep', type: 'AWS::DynamoDB::Table' }])

  const second = await open()
  await expect(deployStacks(second.toolkit, replaced, second.host, 20)).rejects.toMatchObject({
    code: 'DATA_AT_RISK',
    message: expect.stringMatching(/^This would replace State\w+ \(AWS::DynamoDB::Table/) as string,
  })
  expect(aws.log.filter(({ operation }) => operation === 'ExecuteChangeSet')).toHaveLength(1)
  expect(aws.stacks.get('data')!.changeSets.size).toBe(0)

  const third = await open(true)
  expect(await deployStacks(third.toolkit, replaced, third.host, 20)).toEqual([
    { name: 'data', outputs: { Url: 'https://example.com' } },
  ])
  expect(aws.stacks.get('data')!.status).toBe('UPDATE_COMPLETE')
}, 60_000)

it('who may not read templates is not kept from deploying: CloudFormation tells what is in use', async () => {
  aws.switches.denied.add('cloudformation.GetTemplate')
  const { toolkit } = await open()
  const found = await inUse(toolkit.clients, [{ name: 'data', template: {} }], [{ name: 'data', region }])
  aws.switches.denied.clear()
  expect(found).toMatchObject({ first: [], refusals: [], deployed: new Map() })
})

it('what our stacks delete is at risk where people would miss it: not a table whose items end within hours', () => {
  const removed = (type: string) => dataAtRisk([{ verb: 'remove', id: 'It', type }])
  expect(removed('AWS::DynamoDB::Table')).toEqual([])
  expect(removed('AWS::Cognito::UserPool')).toHaveLength(1)
  expect(removed('AWS::BedrockAgentCore::Memory')).toHaveLength(1)
  expect(dataAtRisk([{ verb: 'may-replace', id: 'It', type: 'AWS::DynamoDB::Table' }])).toHaveLength(1)
})
