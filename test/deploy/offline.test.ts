import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { priceBook } from '../../src/choose/price-book.ts'
import { checkNames } from '../../src/deploy/aws-names.ts'
import { asAwsError } from '../../src/deploy/aws-error.ts'
import { idleCost } from '../../src/deploy/idle-cost.ts'
import { onAgentcore } from '../../src/deploy/deployment.ts'
import { checkPlace, whoAmI } from '../../src/deploy/preflight.ts'
import { openAws } from '../../src/deploy/toolkit-clients.ts'
import { spawnSync } from 'node:child_process'

describe('the idle cost', () => {
  it('counts what is paid for being there, and names what it does not know', () => {
    const found = idleCost(
      {
        Balancer: {
          Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
          Properties: { Scheme: 'internal', Subnets: ['a', 'b'] },
        },
        Tasks: {
          Type: 'AWS::ECS::TaskDefinition',
          Properties: { Cpu: '512', Memory: '1024', RuntimePlatform: { CpuArchitecture: 'ARM64' } },
        },
        Service: { Type: 'AWS::ECS::Service', Properties: { DesiredCount: 2, TaskDefinition: { Ref: 'Tasks' } } },
        Function: { Type: 'AWS::Lambda::Function' },
        Thing: { Type: 'AWS::IoT::Thing' },
      },
      priceBook('us-east-1'),
    )
    // 730 h × $0.0225; 2 × 730 h × (0.5 × $0.03238 + 1 × $0.00356).
    expect(found).toEqual({
      usd: 45.27,
      items: [
        { id: 'Balancer', type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', usd: 16.43 },
        { id: 'Service', type: 'AWS::ECS::Service', usd: 28.84 },
      ],
      unknown: ['AWS::IoT::Thing'],
    })
  })

  it('counts an alarm for each metric that it reads', () => {
    const alarm = (Metrics?: object[]) => ({ Type: 'AWS::CloudWatch::Alarm', Properties: Metrics ? { Metrics } : {} })
    const rate = alarm([{ Expression: 'a / b' }, { MetricStat: {} }, { MetricStat: {} }])
    expect(idleCost({ One: alarm(), Rate: rate }, priceBook('us-east-1')).items.map(({ usd }) => usd)).toEqual([
      0.1, 0.2,
    ])
  })

  it('is not known where no price was read for the region', () => {
    const found = idleCost({ Nat: { Type: 'AWS::EC2::NatGateway' } }, priceBook('ap-south-2'))
    expect(found).toEqual({
      usd: undefined,
      items: [{ id: 'Nat', type: 'AWS::EC2::NatGateway', usd: undefined }],
      unknown: [],
    })
  })
})

it('our own gateway needs no AgentCore in its region; the managed one does', () => {
  const needs = (deployAs?: 'managed' | 'lambda' | 'fargate') =>
    onAgentcore(
      {
        name: 'x',
        platforms: { 'agentcore-gateway': { gateway: 'g', targets: [], ...(deployAs ? { deployAs } : {}) } },
      },
      ['lambda', 'agentcore-gateway'],
    )
  expect([needs(), needs('managed')]).toEqual([['agentcore-gateway'], ['agentcore-gateway']])
  expect([needs('lambda'), needs('fargate')]).toEqual([[], []])
  expect(() => checkPlace('ap-east-1', needs())).toThrow('ap-east-1 has no AgentCore')
})

describe('a name that AWS refuses', () => {
  const stack = (Type: string, Properties: Record<string, unknown>, name = 'a-stack') => [
    { name, template: { Resources: { It: { Type, Properties } } } },
  ]

  it.each([
    ['AWS::BedrockAgentCore::Runtime', { AgentRuntimeName: 'my-server' }, 'no hyphen'],
    ['AWS::BedrockAgentCore::RuntimeEndpoint', { Name: 'live-1' }, 'no hyphen'],
    ['AWS::BedrockAgentCore::Memory', { Name: 'my-server' }, 'no hyphen'],
    ['AWS::BedrockAgentCore::PolicyEngine', { Name: '1st' }, 'a letter, then'],
    ['AWS::BedrockAgentCore::Policy', { Name: 'a'.repeat(49) }, 'at most 48'],
    ['AWS::BedrockAgentCore::Gateway', { Name: 'a--b' }, 'single hyphens'],
    ['AWS::BedrockAgentCore::Gateway', { Name: 'a'.repeat(49) }, 'at most 48'],
    ['AWS::Cognito::UserPoolGroup', { GroupName: 'finance team' }, 'no space'],
    ['AWS::Cognito::UserPoolClient', { ClientName: 'https://app.example.com/client' }, '_+=,.@-'],
    ['AWS::Lambda::Function', { FunctionName: 'a'.repeat(65) }, 'at most 64'],
    ['AWS::Cognito::UserPoolDomain', { Domain: 'My-Domain' }, 'lower case'],
    ['AWS::Cognito::UserPoolDomain', { Domain: 'my-aws-tools' }, 'without aws'],
    ['AWS::ElasticLoadBalancingV2::LoadBalancer', { Name: 'internal-x' }, 'at most 32'],
  ])('of %s is named, with what it takes', (type, properties, says) => {
    expect(() => checkNames(stack(type, properties))).toThrow(
      expect.objectContaining({ code: 'NAME_REFUSED', why: expect.stringContaining(says) as string }) as Error,
    )
  })

  it('is of a stack too, and a name that is made by AWS is none', () => {
    expect(() => checkNames(stack('X', {}, '1stack'))).toThrow('cannot be the name of a stack')
    expect(() => checkNames(stack('X', {}, 'under_score'))).toThrow('cannot be the name of a stack')
    expect(() => checkNames(stack('AWS::Lambda::Function', { FunctionName: { Ref: 'Other' } }))).not.toThrow()
    expect(() => checkNames(stack('AWS::BedrockAgentCore::Runtime', { AgentRuntimeName: 'my_server' }))).not.toThrow()
  })
})

describe('what AWS says', () => {
  it('loses its secrets on the way to a person', () => {
    const { message, why } = asAwsError(
      Object.assign(new Error('bad x-amz-security-token=SECRET Signature=0123456789abcdef0123'), { name: 'Odd' }),
      'It',
    )
    expect(`${message}${why}`).not.toMatch(/SECRET|0123456789abcdef/)
  })

  it('is found however deep it lies', () => {
    const inner = Object.assign(new Error('Rate exceeded'), { name: 'Throttling' })
    const outer = new Error('failed', { cause: new AggregateError([new Error('x', { cause: inner })]) })
    expect(asAwsError(outer, 'It').code).toBe('AWS_THROTTLED')
  })
})

describe('who signs in by a browser', () => {
  const before = { ...process.env }
  let home: string
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'fairlead-home-'))
    const cache = join(home, '.aws/sso/cache')
    await mkdir(cache, { recursive: true })
    const account = 'sso_account_id = 111122223333\nsso_role_name = Admin\nregion = eu-central-1\n'
    const place = 'sso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n'
    await writeFile(
      join(home, '.aws/config'),
      `[profile old]\n${place}${account}[profile new]\nsso_session = corp\n${account}[sso-session corp]\n${place}` +
        `[profile never]\nsso_session = another\n${account}[sso-session another]\n${place}` +
        '[profile chained]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = new\n' +
        '[profile login]\nlogin_session = arn:aws:iam::111122223333:user/ada\nregion = eu-central-1\n',
    )
    const token = JSON.stringify({ accessToken: 'x', expiresAt: '2026-01-01T00:00:00Z', region: 'eu-central-1' })
    for (const each of ['corp', 'https://corp.awsapps.com/start'])
      await writeFile(join(cache, `${createHash('sha1').update(each).digest('hex')}.json`), token)
    Object.assign(process.env, {
      HOME: home,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      AWS_EC2_METADATA_DISABLED: 'true',
    })
  })
  afterAll(async () => {
    for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key]
    Object.assign(process.env, before)
    await rm(home, { recursive: true, force: true })
  })

  it.each([
    ['old', 'aws sso login --profile old'],
    ['new', 'aws sso login --profile new'],
    ['never', 'aws sso login --profile never'],
    ['chained', 'aws sso login --profile chained'],
    ['login', 'aws login --profile login'],
  ])('is told how, with the profile %s', async (profile, command) => {
    const { clients, region } = await openAws({ profile, region: 'eu-central-1' })
    await expect(whoAmI(clients, region)).rejects.toMatchObject({
      code: 'CREDENTIALS_EXPIRED',
      fix: `${command}, then run the same command again`,
    })
  })

  it('and whose credentials are in the environment is told that, since a sign-in would not be looked at', () => {
    const expired = () => asAwsError(Object.assign(new Error('x'), { name: 'ExpiredToken' }), 'It').fix
    expect(expired()).toContain('aws sso login')
    process.env.AWS_SESSION_TOKEN = 'session'
    expect(expired()).toMatch(/AWS_SESSION_TOKEN/)
    delete process.env.AWS_SESSION_TOKEN
  })
})

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('without the packages of CDK', () => {
  it('every command says what to install', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fairlead-without-'))
    try {
      for (const each of ['dist', 'bin', 'package.json'])
        await cp(join(root, each), join(dir, each), { recursive: true })
      await mkdir(join(dir, 'node_modules'))
      for (const each of await readdir(join(root, 'node_modules')))
        if (!/^(@aws-cdk|aws-cdk-lib|constructs|fairlead|\..*)$/.test(each))
          await symlink(join(root, 'node_modules', each), join(dir, 'node_modules', each))
      await cp(join(root, 'test/fixtures/contract-server.ts'), join(dir, 'server.ts'))
      await cp(join(root, 'test/deploy/support/plain.config.mjs'), join(dir, 'fairlead.config.mjs'))
      for (const args of [
        ['plan'],
        ['deploy', '--yes'],
        ['destroy', '--yes'],
        ['status'],
        ['outputs'],
        ['logs'],
        ['grant', '111122223333', '--yes'],
        ['revoke', '111122223333', '--yes'],
        ['grants'],
      ]) {
        const { status, stderr } = spawnSync(process.execPath, ['bin/fairlead.js', ...args], {
          cwd: dir,
          encoding: 'utf8',
        })
        expect(stderr).toContain('CDK_MISSING  @aws-cdk/toolkit-lib is not installed')
        expect(stderr).toContain('npm install --save-dev @aws-cdk/toolkit-lib@1.40 aws-cdk-lib@2 constructs@10')
        expect(status).toBe(2)
      }
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }, 60_000)
})

describe('grant --print', () => {
  const grant = (...words: string[]) => {
    const bin = fileURLToPath(new URL('../../bin/fairlead.js', import.meta.url))
    const { AWS_REGION: _, AWS_DEFAULT_REGION: __, ...env } = process.env
    const args = [bin, 'grant', 'arn:aws:iam::111122223333:role/agent', '--json', ...words]
    return JSON.parse(spawnSync(process.execPath, args, { env, encoding: 'utf8' }).stdout) as {
      ok: boolean
      data: { commands: string[] }
      error: { code: string }
    }
  }

  it('shows both statements for a function that SAM or Terraform deployed, without credentials', () => {
    const { commands } = grant('--print', '--function', 'arn:aws:lambda:eu-central-1:111122223333:function:hello').data
    expect(commands).toHaveLength(2)
    for (const each of commands)
      expect(each).toMatch(
        /^aws lambda add-permission --function-name arn:aws:lambda:eu-central-1:111122223333:function:hello --region eu-central-1 /,
      )
    expect(commands[0]).toContain('lambda:InvokeFunctionUrl')
    expect(commands[1]).toContain('--invoked-via-function-url')
  })

  it('asks for the region that nothing says, and --function means nothing without --print', () => {
    expect(grant('--print', '--function', 'hello').error.code).toBe('REGION_UNKNOWN')
    expect(grant('--function', 'hello').error.code).toBe('USAGE')
  })
})
