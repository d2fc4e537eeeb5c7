import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs'
import { beforeEach, describe, expect, it } from 'vitest'
import { grantCommands } from '../../src/deploy/grant-commands.ts'
import { grantingOf } from '../../src/deploy/grants.ts'
import { readLogs, type LogLine } from '../../src/deploy/logs.ts'
import { principalOf } from '../../src/deploy/principal.ts'
import { openAws, type OpenAws } from '../../src/deploy/toolkit-clients.ts'
import { fakeAwsInProcess } from './support/fake-aws/in-process.ts'
import { account, region, type FakeAws } from './support/fake-aws/start.ts'

let aws: FakeAws
let open: OpenAws
fakeAwsInProcess((started) => (aws = started))
beforeEach(async () => {
  open = await openAws({})
})

const bob = `arn:aws:iam::${account}:role/bob`
const eve = `arn:aws:iam::${account}:role/eve`
const functionArn = `arn:aws:lambda:${region}:${account}:function:hello`
const runtimeArn = `arn:aws:bedrock-agentcore:${region}:${account}:runtime/hello-ABCDEFGHIJ`
const gatewayArn = `arn:aws:bedrock-agentcore:${region}:${account}:gateway/hello-abcdefghij`

describe.each<[string, Record<string, string>, string[]]>([
  ['lambda', { Auth: 'iam', FunctionArn: functionArn }, ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction']],
  [
    'agentcore-runtime',
    { Auth: 'iam', RuntimeArn: runtimeArn, Url: 'https://example.com/invocations?qualifier=live' },
    ['bedrock-agentcore:InvokeAgentRuntime', 'bedrock-agentcore:StopRuntimeSession'],
  ],
  ['agentcore-gateway', { Auth: 'iam', GatewayArn: gatewayArn }, ['bedrock-agentcore:InvokeGateway']],
])('a grant on %s', (_platform, outputs, actions) => {
  const granting = () => grantingOf(outputs, 'hello-default', open.clients)
  beforeEach(() => void aws.functionPolicies.set('hello', []))

  it('is every statement that is needed, once, and can be taken back', async () => {
    expect(await granting().list()).toEqual([])
    expect(await granting().grant(bob)).toEqual({ changed: true })
    expect(await granting().grant(eve)).toEqual({ changed: true })
    expect(await granting().grant(bob)).toEqual({ changed: false })
    const grants = await granting().list()
    expect(grants).toEqual(
      [bob, eve].map((principal) => ({ principal, actions, complete: true, by: 'fairlead grant' })),
    )
    expect(await granting().revoke(bob)).toEqual({ changed: true })
    expect(await granting().revoke(bob)).toEqual({ changed: false })
    expect((await granting().list()).map(({ principal }) => principal)).toEqual([eve])
  })
})

it('a grant on a runtime is on its endpoint too, and half of it is said to be incomplete', async () => {
  const outputs = { Auth: 'iam', RuntimeArn: runtimeArn, Url: 'https://example.com/invocations?qualifier=live' }
  const granting = grantingOf(outputs, 'hello-default-agentcore-runtime', open.clients)
  await granting.grant(bob)
  expect([...aws.resourcePolicies.keys()]).toEqual([runtimeArn, `${runtimeArn}/runtime-endpoint/live`])
  aws.resourcePolicies.delete(`${runtimeArn}/runtime-endpoint/live`)
  expect(await granting.list()).toMatchObject([{ principal: bob, complete: false }])
  expect(await granting.grant(bob)).toEqual({ changed: true })
  expect(await granting.list()).toMatchObject([{ principal: bob, complete: true }])
})

describe('grants on a function', () => {
  const granting = () => grantingOf({ Auth: 'iam', FunctionArn: functionArn }, 'hello-default-lambda', open.clients)

  it('are of an account too', async () => {
    aws.functionPolicies.set('hello', [])
    await granting().grant(principalOf(account))
    expect(aws.functionPolicies.get('hello')!.map(({ Principal }) => Principal)).toEqual([
      { AWS: `arn:aws:iam::${account}:root` },
      { AWS: `arn:aws:iam::${account}:root` },
    ])
    expect(await granting().grant(`arn:aws:iam::${account}:root`)).toEqual({ changed: false })
  })

  it('that the stack made are left to the stack, and a half one is completed', async () => {
    const url = {
      Effect: 'Allow',
      Principal: { AWS: eve },
      Action: 'lambda:InvokeFunctionUrl',
      Resource: functionArn,
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
    }
    aws.functionPolicies.set('hello', [{ Sid: 'stack-1', ...url }])
    expect(await granting().list()).toEqual([
      { principal: eve, actions: ['lambda:InvokeFunctionUrl'], complete: false, by: 'elsewhere' },
    ])
    await expect(granting().revoke(eve)).rejects.toMatchObject({ code: 'GRANT_NOT_POSSIBLE' })
    expect(await granting().grant(eve)).toEqual({ changed: true })
    expect(await granting().list()).toMatchObject([{ principal: eve, complete: true, by: 'elsewhere' }])
    expect(aws.functionPolicies.get('hello')).toHaveLength(2)
  })

  it('name a principal that AWS does not know', async () => {
    aws.functionPolicies.set('hello', [])
    await expect(granting().grant(`arn:aws:iam::${account}:role/ghost`)).rejects.toMatchObject({
      code: 'PRINCIPAL_INVALID',
    })
  })

  it('are refused where the caller may not write them, with the action', async () => {
    aws.functionPolicies.set('hello', [])
    aws.switches.denied.add('lambda.AddPermission')
    await expect(granting().grant(bob)).rejects.toMatchObject({
      code: 'AWS_DENIED',
      message: 'AWS does not allow lambda:AddPermission',
    })
  })

  it('can be printed as commands of the AWS CLI that write the same statements', () => {
    const commands = grantCommands({ FunctionArn: functionArn }, bob, region)
    expect(commands).toHaveLength(2)
    expect(commands[0]).toContain(
      `--action lambda:InvokeFunctionUrl --principal ${bob} --function-url-auth-type AWS_IAM`,
    )
    expect(commands[1]).toContain(`--action lambda:InvokeFunction --principal ${bob} --invoked-via-function-url`)
  })

  it('are not for endpoints that OAuth guards', () => {
    expect(() => grantingOf({ Auth: 'oauth', FunctionArn: functionArn }, 's', open.clients)).toThrow(
      's is guarded by oauth, not by IAM',
    )
  })
})

describe('a principal', () => {
  it.each([
    bob,
    `arn:aws:iam::${account}:user/path/ada@example.com`,
    `arn:aws-cn:iam::${account}:role/x`,
    `arn:aws:iam::${account}:root`,
  ])('may be %s', (arn) => {
    expect(principalOf(arn)).toBe(arn)
  })

  it.each([
    '*',
    'arn:aws:iam::*:role/x',
    'arn:aws:iam::1:role/x',
    'bob',
    '',
    `${bob}\n`,
    `${bob} `,
    'arn:aws:iam::aws:policy/AdministratorAccess',
    `arn:aws:s3:::bucket`,
    'lambda.amazonaws.com',
    `arn:aws:iam::${account}:role/*`,
  ])('may not be %j', (given) => {
    expect(() => principalOf(given)).toThrow(expect.objectContaining({ code: 'PRINCIPAL_INVALID' }) as Error)
  })

  it('that is a session is named with its role', () => {
    expect(() => principalOf(`arn:aws:sts::${account}:assumed-role/bob/session`)).toThrow(
      expect.objectContaining({ fix: `fairlead grant ${bob}` }) as Error,
    )
  })
})

describe('logs', () => {
  const line = (n: number): { stream: string; at: number; message: string } => ({
    stream: 's',
    at: 1_800_000_000_000 + n,
    message: `line ${n}\n`,
  })

  it('come whole, over pages, from a time on', async () => {
    aws.logGroups.set(
      'g',
      Array.from({ length: 250 }, (_, n) => line(n)),
    )
    const found: LogLine[] = []
    for await (const each of readLogs(open.clients('cloudwatch-logs'), 'g', { since: new Date(line(10).at) }))
      found.push(each)
    expect(found.map(({ message }) => message)).toEqual(Array.from({ length: 240 }, (_, n) => `line ${n + 10}`))
  })

  it('are followed, late lines too, and none comes twice', async () => {
    aws.logGroups.set('g', [line(5), line(7)])
    const stop = new AbortController()
    const found: string[] = []
    for await (const { message } of readLogs(open.clients('cloudwatch-logs'), 'g', {
      since: new Date(0),
      follow: true,
      signal: stop.signal,
      everyMs: 10,
    })) {
      found.push(message)
      if (found.length === 2) aws.logGroups.get('g')!.push(line(6), line(9))
      if (found.length === 4) stop.abort()
    }
    expect(found).toEqual(['line 5', 'line 7', 'line 6', 'line 9'])
  })

  it('are followed while nothing comes, and still none comes twice', async () => {
    aws.logGroups.set('g', [line(0), line(100_000)])
    const asked = () => aws.log.filter(({ operation }) => operation === 'FilterLogEvents')
    const [before, found] = [asked().length, [] as string[]]
    const stop = new AbortController()
    void aws.until(() => asked().length === before + 8).then(() => aws.logGroups.get('g')!.push({ ...line(100_001), stream: 'new' })) // prettier-ignore
    for await (const { message } of readLogs(open.clients('cloudwatch-logs'), 'g', {
      since: new Date(line(-3_600_000).at),
      follow: true,
      signal: stop.signal,
      everyMs: 1,
    })) {
      found.push(message)
      if (message === 'line 100001') stop.abort()
    }
    expect(found).toEqual(['line 0', 'line 100000', 'line 100001'])
    expect(asked().at(-1)!.input['startTime']).toBe(line(70_000).at)
  })

  it('are followed on while AWS is asked too often or cannot be reached, and it is said once', async () => {
    aws.logGroups.set('g', [line(1)])
    const [stop, found, notes] = [new AbortController(), [] as string[], [] as string[]]
    // One try each, so that the client's own patience is not what is measured.
    const Logs = open.clients('cloudwatch-logs').constructor as new (options: object) => CloudWatchLogs
    const impatient = new Logs({ region, credentials: open.credentials, maxAttempts: 1 })
    for await (const { message } of readLogs(impatient, 'g', {
      since: new Date(0),
      follow: true,
      signal: stop.signal,
      everyMs: 1,
      note: (said) => notes.push(said),
    })) {
      found.push(message)
      if (message === 'line 2') stop.abort()
      if (message === 'line 2') break
      aws.logGroups.get('g')!.push(line(2))
      aws.switches.throttled.set('logs.FilterLogEvents', 2)
      aws.switches.dropped.set('logs.FilterLogEvents', 2)
    }
    expect(found).toEqual(['line 1', 'line 2'])
    expect(notes).toEqual([expect.stringMatching(/^! AWS .*; it is asked again$/)])
    aws.switches.throttled.set('logs.FilterLogEvents', 1)
    await expect(readLogs(impatient, 'g', { since: new Date(0) }).next()).rejects.toMatchObject({
      code: 'AWS_THROTTLED',
    })
  })

  it('of a group that is not there yet are waited for, and credentials that end are told', async () => {
    const notes: string[] = []
    const lines = readLogs(open.clients('cloudwatch-logs'), 'later', {
      since: new Date(0),
      follow: true,
      everyMs: 1,
      note: (said) => {
        notes.push(said)
        setTimeout(() => aws.logGroups.set('later', [line(1)]), 20)
      },
    })
    expect((await lines.next()).value).toMatchObject({ message: 'line 1' })
    expect(notes).toEqual(['! There is no log group later yet; waiting for it'])
    aws.switches.expired = true
    await expect(lines.next()).rejects.toMatchObject({ code: 'CREDENTIALS_EXPIRED' })
    aws.switches.expired = false
  })

  it('end at once when they are stopped, also while AWS is asked', async () => {
    const stop = new AbortController()
    aws.switches.waiting = { key: 'logs.FilterLogEvents', reached: () => stop.abort() }
    const lines = readLogs(open.clients('cloudwatch-logs'), 'g', { since: new Date(0), signal: stop.signal })
    expect(await lines.next()).toEqual({ done: true, value: undefined })
    delete aws.switches.waiting
  })

  it('of a group that is not there say so', async () => {
    await expect(
      readLogs(open.clients('cloudwatch-logs'), 'none', { since: new Date(0) }).next(),
    ).rejects.toMatchObject({ code: 'STACK_NOT_DEPLOYED' })
  })
})
