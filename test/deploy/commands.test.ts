import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Ran } from '../cli/support.ts'
import { account, region, startFakeAws, type FakeAws } from './support/fake-aws/start.ts'
import { deployProject, run, type DeployProject } from './support/run.ts'

// Each test deploys once or more, which takes a second on a quiet machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let project: DeployProject
let aws: FakeAws

beforeAll(async () => {
  project = await deployProject()
})
afterAll(() => project.remove())
beforeEach(async () => {
  await project.configure({})
  aws = await startFakeAws()
})
afterEach(async () => {
  const { faults } = aws
  await aws.close()
  // Whatever a test is about: AWS's own models have nothing against what was asked and answered.
  expect(faults).toEqual([])
})

const stack = 'hello-default-lambda'

function fairlead(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  return run([...args, '--project', project.dir], {
    ...aws.env,
    HOME: join(project.dir, 'home'),
    CDK_VALIDATION: 'false',
    FAIRLEAD_POLL_MS: '20',
    ...env,
  })
}

const deploy = (...more: string[]) => fairlead(['deploy', '--yes', '--no-doctor', ...more])

async function json(args: string[], env: Record<string, string> = {}): Promise<Record<string, never>> {
  const { stdout } = await fairlead([...args, '--json'], env)
  return JSON.parse(stdout) as Record<string, never>
}

const asked = () => aws.log.map(({ service, operation }) => `${service}.${operation}`)
const changing = /\.(Create|Execute|Delete|Update|Put|Add|Remove)/

describe('a deployment', () => {
  it('shows account and plan, makes each resource with a line, and gives endpoint and entries', async () => {
    const { code, stdout, stderr } = await deploy()
    expect(code).toBe(0)
    expect(stderr).toContain(`environment default, account ${account} as arn:aws:iam::${account}:user/ada, ${region}`)
    expect(stderr).toMatch(/\+ AWS::Lambda::Function +ServerFunction/)
    expect(stderr).toMatch(/allow lambda:InvokeFunctionUrl on .* for\s+AWS:arn:aws:iam::111122223333:role\/agent/)
    expect(stderr).toMatch(/\d\d:\d\d:\d\d {2}CREATE_COMPLETE +AWS::Lambda::Url +Server/)
    expect(stdout).toMatch(/^lambda {2}https:\/\/\w+\.lambda-url\.eu-central-1\.on\.aws\/mcp {2}\(iam\)/)
    expect(stdout).toContain('--auth sigv4 --service lambda --region eu-central-1')
    expect(aws.stacks.get(stack)!.status).toBe('CREATE_COMPLETE')
  })

  it('done twice changes nothing, and status says that it is the same as here until the source changes', async () => {
    await deploy()
    const before = aws.stacks.get(stack)!.events.length
    expect((await deploy()).code).toBe(0)
    expect(aws.stacks.get(stack)!.events).toHaveLength(before)
    const same = await json(['status'])
    expect(same).toMatchObject({
      data: { stacks: [{ state: 'CREATE_COMPLETE', local: { same: true, artifact: 'same' } }] },
    })
    await writeFile(
      join(project.dir, 'server.ts'),
      `import { McpServer } from '@modelcontextprotocol/server'\nexport default () => new McpServer({ name: 'hello', version: '2.0.0' })\n`,
    )
    expect(await json(['status'])).toMatchObject({
      data: { stacks: [{ local: { same: false, artifact: 'differs' } }] },
    })
    // A platform that is not deployed is not built, and nothing of it is missing.
    await project.configure({ platforms: { lambda: {}, fargate: {} } })
    const { stdout, stderr } = await fairlead(['status'])
    expect(stderr).not.toContain('Not compared')
    expect(stdout).toMatch(/hello-default-lambda {2}CREATE_COMPLETE .*\n {2}differs from here, the artifact too/)
    expect(stdout).toContain('hello-default-fargate  not deployed')
    expect((await fairlead(['outputs', '--platform', 'fargate'])).stderr).toContain('STACK_NOT_DEPLOYED')
    const outputs = await fairlead(['outputs'])
    expect(outputs.stdout).toMatch(/^lambda\.Url=https:/m)
    expect(outputs.stdout).toMatch(/^lambda\.FunctionArn=arn:aws:lambda:eu-central-1:111122223333:function:/m)
  })

  it('that fails names the resource, its reason and what helps, and leaves nothing behind', async () => {
    aws.failing.set(
      'AWS::Lambda::Function',
      'Resource handler returned message: "Specified ReservedConcurrentExecutions for function decreases account\'s UnreservedConcurrentExecution below its minimum value of [100]."',
    )
    const { code, stderr } = await deploy()
    expect(code).toBe(7)
    expect(stderr).toMatch(
      /QUOTA_EXCEEDED {2}ServerFunction\w+ \(AWS::Lambda::Function\) of hello-default-lambda could not be made/,
    )
    expect(stderr).toMatch(/Why {3}.*decreases account's UnreservedConcurrentExecution/)
    expect(stderr).toContain('--quota-code L-B99A9384')
    expect(stderr).toMatch(/CREATE_FAILED +AWS::Lambda::Function .*\n +Resource handler returned/)
    expect(aws.stacks.get(stack)!.status).toBe('ROLLBACK_COMPLETE')
    expect(aws.stacks.get(stack)!.resources.size).toBe(0)
    aws.failing.clear()
    const again = await deploy()
    expect(again.stderr).toContain(
      'ROLLBACK_COMPLETE: it was never made. Deploying deletes what is left of it and makes it again.',
    )
    expect(again.stderr).toMatch(/\+ AWS::Lambda::Function/)
    expect(again.code).toBe(0)
  })

  it.each([
    [
      'Policy statement: User is not authorized to perform: iam:CreateRole on resource: role x',
      /Fix .*Allow iam:CreateRole/,
    ],
    [
      'Resource of type AWS::IAM::Role with identifier hello already exists.',
      /Fix .*Something outside of this stack has that name/,
    ],
    [
      `Resource handler returned message: "User: arn:aws:sts::111122223333:assumed-role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-central-1/AWSCloudFormation is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/hello-default-lambda-ServerRole5EA5FAF5-AbCdEfGhIjKl with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-abc/service_control_policy/p-lastword (Service: Iam, Status Code: 403, Request ID: 0)"`, // prettier-ignore
      /Why .*p-lastword[^]*Fix .*iam:CreateRole is denied by a policy above the role \(service control policy\)/,
    ],
  ])('knows what helps against %s', async (reason, fix) => {
    aws.failing.set('AWS::IAM::Role', reason)
    const { code, stderr } = await deploy()
    expect(code).toBe(7)
    expect(stderr).toMatch(fix)
  })

  it('that fails over one that is there names the resource, is taken back, and goes on when the reason is gone', async () => {
    await deploy()
    const before = { ...aws.stacks.get(stack)!.outputs }
    await project.configure({ platforms: { lambda: { memoryMb: 2048 } } })
    aws.failing.set('AWS::Lambda::Function', 'MemorySize value failed to satisfy constraint')
    const { code, stderr } = await deploy()
    expect(code).toBe(7)
    const last = stderr.slice(stderr.indexOf('DEPLOY_FAILED'))
    expect(last).toMatch(
      /^DEPLOY_FAILED {2}ServerFunction\w+ \(AWS::Lambda::Function\) of hello-default-lambda could not be changed\n {2}Why {3}MemorySize value failed/,
    )
    expect(aws.stacks.get(stack)).toMatchObject({ status: 'UPDATE_ROLLBACK_COMPLETE', outputs: before })
    aws.failing.clear()
    expect((await deploy()).code).toBe(0)
    expect(aws.stacks.get(stack)!.status).toBe('UPDATE_COMPLETE')
  })

  it('that ended between a change set and its execution is made whole by the next one', async () => {
    aws.switches.denied.add('cloudformation.ExecuteChangeSet')
    const { code, stderr } = await deploy()
    expect(stderr).toContain('AWS_DENIED  AWS does not allow cloudformation:ExecuteChangeSet')
    expect(code).toBe(3)
    expect(aws.stacks.get(stack)!.status).toBe('REVIEW_IN_PROGRESS')
    aws.switches.denied.clear()
    expect((await deploy()).code).toBe(0)
    expect(aws.stacks.get(stack)!.status).toBe('CREATE_COMPLETE')
  })

  it('waits when AWS is asked too often, and asks again when a connection is dropped', async () => {
    aws.switches.throttled.set('cloudformation.DescribeStackEvents', 1)
    aws.switches.dropped.set('cloudformation.ExecuteChangeSet', 1)
    expect((await deploy()).code).toBe(0)
    expect(asked().filter((each) => each === 'cloudformation.ExecuteChangeSet')).toHaveLength(2)
  })

  it('whose credentials end in the middle says so, and done again sees it through', async () => {
    const held = aws.hold('AWS::Lambda::Function')
    const running = deploy()
    const letGo = await held
    aws.switches.expired = true
    const { code, stderr } = await running
    expect(code).toBe(3)
    expect(stderr).toContain('CREDENTIALS_EXPIRED  The AWS credentials have ended')
    aws.switches.expired = false
    aws.log.length = 0
    const again = deploy()
    await aws.until(() => asked().includes('cloudformation.DescribeStackEvents'))
    letGo()
    const { code: second, stderr: said } = await again
    expect(said).toContain(`${stack} is CREATE_IN_PROGRESS, from a deployment before; waiting for it`)
    expect(second).toBe(0)
  })

  it('prepares the account only when it is told to', async () => {
    await aws.close()
    aws = await startFakeAws({ bootstrapped: [] })
    const { code, stderr } = await deploy()
    expect(code).toBe(7)
    expect(stderr).toContain(`NOT_BOOTSTRAPPED  Account ${account} is not prepared for CDK in ${region}`)
    expect(asked().filter((each) => changing.test(each))).toEqual([])
    aws.log.length = 0
    expect((await deploy('--bootstrap')).code).toBe(0)
    expect(aws.stacks.get('CDKToolkit')!.status).toBe('CREATE_COMPLETE')
    // Another region of the same account is not, and the web ACL is in it.
    aws.log.length = 0
    const scopes = { scopes: { read: { description: 'read' } }, baseScopes: ['read'] }
    await project.configure({ ...scopes, platforms: { lambda: { auth: 'oauth', waf: true } } })
    const second = await deploy()
    expect(second.stderr).toContain(`NOT_BOOTSTRAPPED  Account ${account} is not prepared for CDK in us-east-1`)
    expect(asked().filter((each) => changing.test(each))).toEqual([])
  })
})

it('stacks of two regions are deployed in order, granted, and destroyed the other way round', async () => {
  const agent = `arn:aws:iam::${account}:role/agent`
  const bob = `arn:aws:iam::${account}:role/bob`
  const scopes = { scopes: { read: { description: 'read' } }, baseScopes: ['read'] }
  const platforms = { lambda: { auth: 'oauth', waf: true }, 'agentcore-runtime': {} }
  await project.configure({ ...scopes, platforms })
  expect((await deploy()).code).toBe(0)
  const parts = ['edge-eu-central-1', 'authorization', 'lambda', 'agentcore-runtime']
  const all = parts.map((part) => `hello-default-${part}`)
  // Only the web ACL is in us-east-1, where CloudFront looks for it.
  expect([...aws.stacks].map(([key, { id }]) => [key, id.split(':')[3]])).toEqual([
    [`us-east-1/${all[0]}`, 'us-east-1'],
    ...all.slice(1).map((name) => [name, region]),
  ])
  expect((await fairlead(['outputs'])).stdout).toMatch(/^edge\.WebAclArn=/m)
  const executed = () =>
    aws.log.flatMap(({ operation, input }) => (operation === 'ExecuteChangeSet' ? [String(input['StackName'])] : []))
  expect(executed()).toEqual(all)

  // The log of the service that both sign in at is a log of its own.
  const group = aws.stacks.get(all[1]!)!.outputs['LogGroup']!
  aws.logGroups.get(group)!.push({ stream: 'a', at: Date.now(), message: 'a sign-in\n' })
  expect((await fairlead(['logs'])).stderr).toMatch(
    /USAGE {2}Which log\?[^]*Fix {3}--platform lambda, or --authorization\n/,
  )
  expect((await fairlead(['logs', '--authorization'])).stdout).toMatch(/Z {2}a sign-in\n$/)
  expect((await fairlead(['logs', '--authorization', '--platform', 'lambda'])).stderr).toContain(
    'USAGE  One log is read',
  )

  // Cognito's own tokens are those of another pool, and need no table.
  await project.configure({ ...scopes, platforms, oauth: { verifier: 'cognito' } })
  const risk =
    /DATA_AT_RISK {2}This would let go of \w+ \(AWS::Cognito::UserPool\), let go of \w+ \(AWS::DynamoDB::Table\)/
  for (const how of [['--yes', '--no-doctor'], ['--dry-run']])
    expect((await fairlead(['deploy', ...how])).stderr).toMatch(risk)
  const { stdout: told } = await fairlead(['plan'])
  expect(told).toMatch(risk)
  expect(told).toMatch(/! deploy would refuse this: DATA_AT_RISK .*\n {2}Why .*\n {2}Fix .*--allow-replace/)
  expect(executed()).toEqual(all)
  await project.configure({ ...scopes, platforms })

  const grants = async () =>
    (await json(['grants'])) as unknown as { data: { stacks: { part: string; grants: object[] }[] } }
  const byStack = { principal: agent, complete: true, by: 'elsewhere', configured: true }
  expect((await grants()).data.stacks).toMatchObject([{ part: 'agentcore-runtime', grants: [byStack] }])
  aws.log.length = 0
  expect((await fairlead(['grant', bob])).stderr).toContain('NOT_CONFIRMED  The grant was not confirmed')
  expect((await fairlead(['revoke', bob])).stderr).toContain('NOT_CONFIRMED')
  expect(asked()).toEqual([])
  const dry = await fairlead(['grant', bob, '--dry-run'])
  expect(dry.stdout).toBe(
    `environment default, account ${account} as arn:aws:iam::${account}:user/ada, ${region}\nagentcore-runtime  ${bob} would be let in\nNothing was changed.\n`,
  )
  expect(asked().filter((each) => changing.test(each))).toEqual([])
  const granted = await fairlead(['grant', bob, '--yes'])
  expect(granted.stderr).toContain(`account ${account} as`)
  expect(granted.stdout).toBe(`agentcore-runtime  ${bob} may call it now\n`)
  expect(await json(['revoke', bob, '--dry-run'])).toMatchObject({ data: { account, dryRun: true, stacks: [{ changed: true }] } }) // prettier-ignore
  expect((await grants()).data.stacks).toMatchObject([
    { grants: [byStack, { principal: bob, complete: true, by: 'fairlead grant', configured: false }] },
  ])
  expect((await fairlead(['revoke', agent, '--yes'])).stderr).toContain('GRANT_NOT_POSSIBLE')
  expect((await fairlead(['revoke', bob, '--yes'])).stdout).toBe(`agentcore-runtime  ${bob} may not call it any more\n`)
  expect((await fairlead(['grant', bob, '--yes', '--platform', 'lambda'])).stderr).toContain(
    'is guarded by oauth, not by IAM',
  )

  await project.configure({ platforms: { 'agentcore-runtime': {} } })
  const nowhere = await fairlead(['logs', '--authorization'])
  expect(nowhere.stderr).toMatch(/USAGE {2}Nobody signs in at an authorization service here[^]*Fix {3}fairlead logs --platform agentcore-runtime\n/) // prettier-ignore
  const { stdout: status } = await fairlead(['status', '--no-compare'])
  expect(status).toMatch(
    /hello-default-edge-eu-central-1 {2}CREATE_COMPLETE .*\n {2}! not in the configuration any more/,
  )
  const { code, stdout } = await fairlead(['destroy', '--yes'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/These stay, since they hold data.*\n +AWS::Cognito::UserPool .*\n +AWS::DynamoDB::Table /)
  const gone = aws.log.flatMap(({ operation, input }) =>
    operation === 'DeleteStack' ? [String(input['StackName']).split('/')[1]] : [],
  )
  expect(gone).toEqual(all.toReversed())
})

it('what a stack gives up is let go of first by the one that takes it; where that cannot be, it is told before', async () => {
  const scopes = { scopes: { read: { description: 'read' } }, baseScopes: ['read'] }
  const executed = () =>
    aws.log.flatMap(({ operation, input }) => (operation === 'ExecuteChangeSet' ? [String(input['StackName'])] : []))
  await project.configure({ ...scopes, platforms: { lambda: { auth: 'oauth', waf: true } } })
  expect((await deploy()).code).toBe(0)
  aws.log.length = 0
  await project.configure({ ...scopes, platforms: { lambda: { auth: 'oauth' } } })
  expect((await deploy()).code).toBe(0)
  expect(executed().map((name) => name.split('/').at(-1))).toEqual([stack, 'hello-default-authorization'])

  // Cognito's own tokens: the server would need what is not there yet, and still takes what is to go.
  aws.log.length = 0
  await project.configure({ ...scopes, platforms: { lambda: { auth: 'oauth' } }, oauth: { verifier: 'cognito' } })
  const { code, stderr } = await deploy('--allow-replace')
  expect(stderr).toMatch(
    /STACK_IN_USE {2}hello-default-authorization gives up what hello-default-lambda takes from it\n/,
  )
  expect(stderr).toMatch(/Fix .*fairlead destroy --platform/)
  expect(code).toBe(2)
  expect(asked().filter((each) => changing.test(each))).toEqual([])
})

describe('at the end of a deployment', () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill()
  })

  /** A server of examples/broken, or the one that is right, as a deployed endpoint. */
  async function endpoint(name: string): Promise<string> {
    const cwd = fileURLToPath(new URL('../../examples/broken/', import.meta.url))
    const right = ['--input-type=module', '-e', "import('./serve.ts').then(({ serve }) => serve({}))"]
    const child = spawn(process.execPath, name === '' ? right : [`${name}.ts`], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    return (JSON.parse(chunk.toString()) as { url: string }).url
  }

  it('the doctor looks at the endpoint, and an endpoint that is not right ends it with 6', async () => {
    aws.outputs.set(stack, { Url: await endpoint(''), Auth: 'none' })
    const right = await json(['deploy', '--yes'])
    expect(right).toMatchObject({
      ok: true,
      data: { endpoints: [{ platform: 'lambda', auth: 'none', doctor: { ok: true }, connect: [{ via: 'native' }] }] },
    })
    aws.stacks.get(stack)!.outputs['Url'] = await endpoint('other-resource')
    const { code, stdout } = await fairlead(['deploy', '--yes'])
    expect(stdout).toMatch(/✗ metadata-resource: .*\n +Fix: /)
    expect(code).toBe(6)
  })
})

describe('nothing is touched', () => {
  const untouched = () => expect(asked().filter((each) => changing.test(each))).toEqual([])

  it.each<[string, string[], Record<string, string>, Record<string, unknown>, number, RegExp]>([
    ['without a terminal and without --yes', [], {}, {}, 2, /NOT_CONFIRMED/],
    [
      'without credentials',
      ['--yes'],
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
      {},
      3,
      /CREDENTIALS_MISSING {2}There are no AWS credentials/,
    ],
    [
      'with a key that nobody has',
      ['--yes'],
      { AWS_ACCESS_KEY_ID: 'AKIANOBODY0000000000' },
      {},
      3,
      /CREDENTIALS_MISSING {2}AWS does not know/,
    ],
    [
      'in a region that the account has not enabled',
      ['--yes', '--region', 'eu-south-2'],
      { AWS_ACCESS_KEY_ID: 'AKIANOBODY0000000000' },
      {},
      3,
      /CREDENTIALS_MISSING[^]*has to enable eu-south-2[^]*get-region-opt-status --region-name eu-south-2/,
    ],
    [
      'with a secret that is wrong',
      ['--yes'],
      { AWS_SECRET_ACCESS_KEY: 'wrong' },
      {},
      3,
      /CREDENTIALS_MISSING {2}AWS does not know/,
    ],
    [
      'in another account than the environment’s',
      ['--yes'],
      {},
      { environments: { prod: { account: '999988887777', region } } },
      3,
      /ACCOUNT_WRONG {2}prod is account 999988887777, and these credentials are of 111122223333/,
    ],
    [
      'in a region that is none',
      ['--yes', '--region', 'eu-centrl-1'],
      {},
      {},
      2,
      /REGION_UNKNOWN .*did you mean eu-central-1/,
    ],
    [
      'in a region without AgentCore',
      ['--yes', '--region', 'ap-east-1'],
      {},
      { platforms: { 'agentcore-runtime': {} } },
      2,
      /REGION_WITHOUT_AGENTCORE/,
    ],
    [
      'in an environment that is not there',
      ['--yes', '--env', 'prdo'],
      {},
      { environments: { prod: { account, region } } },
      2,
      /did you mean prod/,
    ],
    ['with a name that AWS refuses', ['--yes'], {}, { name: 'x'.repeat(140) }, 2, /NAME_REFUSED|CONFIG_INVALID/],
    ['on a platform that the project has not', ['--yes', '--platform', 'lamda'], {}, {}, 2, /did you mean lambda/],
  ])('%s', async (_title, args, env, config, exit, says) => {
    await project.configure(config)
    const { code, stderr } = await fairlead(['deploy', '--no-doctor', ...args], env)
    expect(stderr).toMatch(says)
    expect(stderr).toMatch(/ {2}Fix {3}/)
    expect(code).toBe(exit)
    // What is wrong wherever it is looked at from; without credentials these two say what can be said without them.
    if (!/CREDENTIALS|NOT_CONFIRMED/.test(says.source))
      for (const command of [['plan'], ['deploy', '--dry-run']]) {
        const other = await fairlead([...command, ...args.filter((each) => each !== '--yes')], env)
        expect(other.stderr).toMatch(says)
        expect(other.code).toBe(exit)
      }
    untouched()
  })

  it('when the account cannot reserve what the function asks for', async () => {
    await project.configure({ platforms: { lambda: { concurrency: 5 } } })
    aws.switches.unreserved = 10
    const { code, stderr } = await deploy()
    expect(stderr).toContain('QUOTA_EXCEEDED  5 concurrent executions cannot be reserved: 10 are not reserved')
    expect(code).toBe(7)
    untouched()
    aws.switches.denied.add('lambda.GetAccountSettings')
    expect((await deploy()).code).toBe(0)
    // Of a function that is there, only what it grows by is asked for.
    aws.switches.denied.clear()
    aws.log.length = 0
    await project.configure({ platforms: { lambda: { concurrency: 8 } } })
    expect((await deploy()).stderr).toContain('QUOTA_EXCEEDED  3 concurrent executions cannot be reserved')
    untouched()
  })

  it('when a new account has no runtimes of AgentCore', async () => {
    await project.configure({ platforms: { 'agentcore-runtime': {} } })
    aws.switches.quotas.set('L-F4575653', 0)
    const says = 'QUOTA_EXCEEDED  1 more are needed of “Total Agents per Account”: 0 are there, and the quota is 0'
    expect((await deploy()).stderr).toContain(says)
    expect((await fairlead(['deploy', '--dry-run'])).stderr).toContain(says)
    expect((await fairlead(['plan'])).stdout).toContain(`! deploy would refuse this: ${says}`)
    untouched()
  })

  it('when a memory has the name that a destroyed stack kept; and a change that lets go of one is refused', async () => {
    await project.configure({ platforms: { 'agentcore-runtime': { memory: true } } })
    expect((await deploy()).code).toBe(0)
    await project.configure({ platforms: { 'agentcore-runtime': {} } })
    aws.log.length = 0
    expect((await deploy()).stderr).toMatch(
      /DATA_AT_RISK {2}This would let go of \w+ \(AWS::BedrockAgentCore::Memory\)/,
    )
    untouched()
    await project.configure({ platforms: { 'agentcore-runtime': { memory: true } } })
    expect((await fairlead(['destroy', '--yes'])).stdout).toMatch(/These stay.*\n +AWS::BedrockAgentCore::Memory /)
    aws.log.length = 0
    const { code, stderr } = await deploy()
    expect(stderr).toMatch(
      /NAME_REFUSED {2}"hello_default" cannot be the name of \w+: the memory hello_default-AbCdEfGhIj/,
    )
    expect(stderr).toMatch(/Fix .*delete-memory --memory-id hello_default-AbCdEfGhIj/)
    expect(code).toBe(2)
    expect((await fairlead(['plan'])).stdout).toContain('! deploy would refuse this: NAME_REFUSED')
    untouched()
  })

  it('when AWS cannot be reached', async () => {
    const { code, stderr } = await fairlead(['deploy', '--yes'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' })
    expect(stderr).toContain('UNREACHABLE')
    expect(code).toBe(4)
  })

  it('when the credentials have ended', async () => {
    aws.switches.expired = true
    const { code, stderr } = await deploy()
    expect(stderr).toContain('CREDENTIALS_EXPIRED')
    expect(code).toBe(3)
  })

  it('when the caller may not even look', async () => {
    aws.switches.denied.add('cloudformation.DescribeStacks')
    const { code, stderr } = await deploy()
    expect(stderr).toContain('AWS_DENIED  AWS does not allow cloudformation:DescribeStacks')
    expect(code).toBe(3)
  })

  it.each(['UPDATE_ROLLBACK_FAILED', 'DELETE_FAILED', 'ROLLBACK_FAILED'])('over a stack that is %s', async (status) => {
    await deploy()
    aws.log.length = 0
    Object.assign(aws.stacks.get(stack)!, { status, reason: 'Something was in the way' })
    const { code, stderr } = await deploy()
    expect(stderr).toContain(`STACK_HALF_MADE  ${stack} is ${status}`)
    expect(stderr).toContain('Something was in the way')
    expect(stderr).toMatch(/Fix {3}.*aws cloudformation .*--region eu-central-1/)
    expect(code).toBe(7)
    expect((await fairlead(['deploy', '--dry-run'])).stderr).toContain(`STACK_HALF_MADE  ${stack} is ${status}`)
    expect(await json(['plan'])).toMatchObject({ data: { refusals: [{ code: 'STACK_HALF_MADE' }] } })
    untouched()
    expect((await fairlead(['status', '--no-compare'])).code).toBe(7)
  })

  it('by a plan over a stack that another deployment changes, or that was never made; that one is deployed then', async () => {
    await deploy()
    const there = aws.stacks.get(stack)!
    const planned = async (status: string) => {
      there.status = status
      return (await fairlead(['plan'])).stdout
    }
    aws.log.length = 0
    expect(await planned('UPDATE_IN_PROGRESS')).toContain('! A deployment is under way; deploy waits for it.')
    there.resources.clear()
    expect(await planned('ROLLBACK_COMPLETE')).toContain('! It was never made; deploy deletes what is left of it')
    Object.assign(there, { template: '{}', outputs: {} })
    expect(await planned('REVIEW_IN_PROGRESS')).toMatch(/\+ AWS::Lambda::Function/)
    untouched()
    expect((await deploy()).code).toBe(0)
    expect(there.status).toBe('CREATE_COMPLETE')
  })

  it('by a dry run: its change sets are shown and deleted', async () => {
    const { code, stdout } = await fairlead(['deploy', '--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/\+ AWS::Lambda::Function/)
    expect(stdout).toContain('Nothing was deployed.')
    expect(asked()).toContain('cloudformation.CreateChangeSet')
    expect(asked()).not.toContain('cloudformation.ExecuteChangeSet')
    expect(aws.stacks.get(stack)!.status).toBe('DELETE_COMPLETE')
    const offline = await fairlead(['deploy', '--dry-run'], { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
    expect(offline.code).toBe(0)
    expect(offline.stdout).toContain('Not shown to CloudFormation: There are no AWS credentials.')
  })

  it('by a plan, with credentials and without', async () => {
    const online = await json(['plan'])
    expect(online).toMatchObject({
      ok: true,
      data: {
        account,
        region,
        compared: 'aws',
        idleUsdPerMonth: expect.any(Number) as number,
        stacks: [{ name: stack, state: null }],
      },
    })
    const offline = await json(['plan'], { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
    expect(offline).toMatchObject({
      ok: true,
      data: { account: null, compared: 'nothing', notCompared: 'There are no AWS credentials' },
    })
    const changes = (found: unknown) =>
      (found as { data: { stacks: { changes: unknown[] }[] } }).data.stacks[0]!.changes
    expect(changes(offline)).toEqual(changes(online))
    untouched()
  })
})

describe('destroying', () => {
  it('takes the stacks away and says what stays', async () => {
    await deploy()
    const resources = JSON.parse(aws.stacks.get(stack)!.template) as {
      Resources: Record<string, { Type: string; DeletionPolicy?: string }>
    }
    const [id] = Object.entries(resources.Resources).find(([, { Type: type }]) => type === 'AWS::Logs::LogGroup')!
    resources.Resources[id]!.DeletionPolicy = 'Retain'
    aws.stacks.get(stack)!.template = JSON.stringify(resources)
    const dry = await fairlead(['destroy', '--dry-run'])
    expect(dry.stdout).toMatch(/- hello-default-lambda\nThese stay.*\n +AWS::Logs::LogGroup[^]*Nothing was destroyed/)
    expect(aws.stacks.get(stack)!.status).toBe('CREATE_COMPLETE')
    expect((await fairlead(['destroy'])).stderr).toContain('NOT_CONFIRMED')
    const { code, stdout } = await fairlead(['destroy', '--yes'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Destroyed: hello-default-lambda\nThese stay/)
    expect(aws.stacks.get(stack)!.status).toBe('DELETE_COMPLETE')
    expect((await fairlead(['destroy', '--yes'])).stdout).toBe('There is nothing to destroy.\n')
    expect((await fairlead(['outputs'])).stderr).toContain('STACK_NOT_DEPLOYED')
  })
})

it('a stack that is not there is told with the command that makes it, in its environment', async () => {
  const commands = [['outputs'], ['logs'], ['grants'], ['grant', account, '--yes']]
  for (const command of commands)
    expect((await fairlead(command)).stderr).toMatch(/STACK_NOT_DEPLOYED {2}There is no stack hello-default-lambda\n.*\n {2}Fix {3}fairlead deploy\n/) // prettier-ignore
  await project.configure({ environments: { dev: { account, region }, prod: { account, region } } })
  for (const command of commands)
    expect((await fairlead([...command, '--env', 'prod'])).stderr).toMatch(/There is no stack hello-prod-lambda\n.*\n {2}Fix {3}fairlead deploy --env prod\n/) // prettier-ignore
})

it('synth takes the region that it is for, where the environment does not say another', async () => {
  const synth = (...args: string[]) => json(['synth', '--dry-run', ...args])
  expect(await synth('--region', 'eu-west-1')).toMatchObject({ data: { region: 'eu-west-1' } })
  expect(await synth('--region', 'eu-wst-1')).toMatchObject({ error: { code: 'REGION_UNKNOWN' } })
  expect(await synth('--region', 'eu-west-1', '--format', 'sam')).toMatchObject({
    error: { code: 'USAGE', message: 'A template of AWS SAM is of no region' },
  })
  await project.configure({ environments: { prod: { account, region } } })
  const other = `The environment prod is in ${region}, not in eu-west-1`
  for (const command of [['synth', '--dry-run'], ['plan']])
    expect((await fairlead([...command, '--region', 'eu-west-1'])).stderr).toContain(other)
})

describe('every command about a deployment', () => {
  const names = ['build', 'synth', 'plan', 'deploy', 'destroy', 'status', 'outputs', 'logs', 'grant', 'revoke', 'grants'] // prettier-ignore

  it.each(names)('%s takes --platform, --env, --json, --yes and --dry-run, and says what they do', async (name) => {
    const module = (await import(`../../src/cli/commands/${name}.ts`)) as Record<string, () => Command>
    const { options } = module[`${name}Command`]!()
    for (const long of [
      '--platform',
      '--env',
      '--json',
      '--yes',
      '--dry-run',
      ...(name === 'build' ? [] : ['--region']),
    ])
      expect(options.find((each) => each.long === long)?.description).toMatch(/\w/)
  })

  it('that reads does the same with --yes and --dry-run', async () => {
    await deploy()
    for (const name of ['plan', 'status', 'outputs', 'grants']) {
      const { code, stdout } = await fairlead([name, '--json'])
      expect(code).toBe(0)
      expect((await fairlead([name, '--json', '--yes', '--dry-run'])).stdout).toBe(stdout)
    }
  })

  it('build makes what a platform of an environment runs, and writes nothing in a dry run', async () => {
    const environments = { dev: { account, region }, prod: { account, region, config: { platforms: { lambda: { auth: 'oauth' } } } } } // prettier-ignore
    const gateway = { gateway: './gateway.json', targets: [] }
    await writeFile(join(project.dir, 'gateway.json'), JSON.stringify({ name: 'hello', roleArn: `arn:aws:iam::${account}:role/gateway`, protocolType: 'MCP', authorizerType: 'NONE' })) // prettier-ignore
    await project.configure({ environments, platforms: { lambda: {}, 'agentcore-gateway': gateway }, scopes: { read: { description: 'read' } }, baseScopes: ['read'] }) // prettier-ignore
    const out = join(project.dir, 'built')
    const built = (...args: string[]) => json(['build', '--out', out, ...args]) as Promise<Record<'data', Record<string, unknown>>> // prettier-ignore
    const dry = await built('--env', 'dev', '--platform', 'lambda', '--dry-run')
    expect(existsSync(out)).toBe(false)
    const { data } = await built('--env', 'dev', '--check')
    expect(data).toMatchObject({ dir: out, reproducible: true })
    expect(data).not.toHaveProperty('authorizationService')
    const prod = await built('--env', 'prod', '--platform', 'lambda')
    expect(prod.data).toMatchObject({ authorizationService: { dir: `${out}-authorization-service` } })
    expect(prod.data['digest']).not.toBe(data['digest'])
    expect(dry.data).toMatchObject({ digest: data['digest'], dir: out, dryRun: true })
    const managed = await fairlead(['build', '--env', 'dev', '--platform', 'agentcore-gateway'])
    expect(managed.stderr).toMatch(/USAGE {2}There is nothing to build\n.*The managed gateway runs no artifact/)
    expect((await fairlead(['build', '--platform', 'lamda'])).stderr).toContain('did you mean lambda?')
    expect((await fairlead(['synth', '--env', 'dev', '--platform', 'lamda'])).stderr).toContain('did you mean lambda?')
  })
})
