import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { App, CfnResource, Stack } from 'aws-cdk-lib'
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize, type Template } from '../../src/deploy/app.ts'
import { LambdaMcpServer, McpWebAcl } from '../../src/deploy/cdk/index.ts'
import { unknownAccount } from '../../src/deploy/deployment.ts'
import { lintTemplate } from '../../src/doctor/template.ts'
import { platformNames } from '../../src/platforms.ts'
import { cfnLint } from './support/cfn-lint.ts'
import {
  agent,
  findingsIn,
  openWorkshop,
  place,
  reported,
  synthesizeCase,
  withNag,
  type Synthesized,
  type Workshop,
} from './support/synth.ts'

/** Each platform with each way to authenticate. */
const cases: Record<string, FairleadConfig['platforms']> = {
  'lambda with IAM': { lambda: { memoryMb: 512, timeoutS: 90, concurrency: 5 } },
  'lambda with OAuth': { lambda: { auth: 'oauth', timeoutS: 90, waf: true } },
  fargate: { fargate: { tasks: 2 } },
  'agentcore-runtime with IAM': { 'agentcore-runtime': {} },
  'agentcore-runtime with a JWT': {
    'agentcore-runtime': {
      auth: {
        customJWTAuthorizer: {
          discoveryUrl: 'https://auth.example.com/.well-known/openid-configuration',
          allowedAudience: ['https://tools.example.com/mcp'],
        },
      },
    },
  },
}

const anywhere = 'the sample, in an account that is not known yet'

let workshop: Workshop
const made: Record<string, Synthesized> = {}

beforeAll(async () => {
  workshop = await openWorkshop()
  for (const [name, platforms] of Object.entries(cases))
    made[name] = await synthesizeCase(workshop, workshop.dir, { platforms })
  const cognito = { oauth: { verifier: 'cognito' as const }, platforms: { lambda: { auth: 'oauth' as const } } }
  made['lambda with Cognito’s own tokens'] = await synthesizeCase(workshop, workshop.dir, cognito)
  const { platforms } = workshop.project.config
  const repository = `${unknownAccount}.dkr.ecr.us-east-1.amazonaws.com/fairlead`
  const image = { kind: 'registry' as const, repository, digest: `sha256:${'b'.repeat(64)}` }
  made[anywhere] = await synthesizeCase(workshop, workshop.dir, { platforms }, { images: { server: image } }, [
    'account',
  ])
  made['lambda in Python'] = await synthesizeCase(workshop.python, workshop.dir, {})
  made['lambda with OAuth, in a stack of one’s own'] = await foreign()
}, 60_000)
afterAll(() => workshop.close())

type Properties = Record<string, unknown>
const ofType = ({ Resources }: Template, type: string) =>
  Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties = {} }) => Properties)
const everyTemplate = () =>
  Object.entries(made).flatMap(([name, { templates }]) =>
    Object.entries(templates).map(([part, template]) => [`${name}: ${part}`, template] as const),
  )
const statementsOf = (template: Template) =>
  [...ofType(template, 'AWS::IAM::Policy'), ...ofType(template, 'AWS::IAM::Role').flatMap(policiesOf)].flatMap(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: Properties[] }).Statement,
  )
const policiesOf = ({ Policies = [] }: Properties) => Policies as Properties[]
const listOf = (value: unknown) => (Array.isArray(value) ? value : [value])

describe('every synthesized stack', () => {
  it('has no finding of cdk-nag or of CloudFormation’s schemas that is not acknowledged', () => {
    expect(Object.entries(made).flatMap(([name, { findings }]) => findings.map((each) => ({ name, ...each })))).toEqual(
      [],
    )
  })

  it('has no fault that doctor knows, but a function URL that only CloudFront’s secret header opens', () => {
    const found = everyTemplate().flatMap(([name, template]) =>
      lintTemplate(JSON.stringify(template)).map(({ id, resource }) => `${name}: ${id} at ${resource}`),
    )
    expect(found.filter((each) => !each.includes('url-open'))).toEqual([])
  })

  it('lets no role do everything, and all resources only where the configuration says so', () => {
    for (const [name, template] of everyTemplate())
      for (const { Action, Resource } of statementsOf(template)) {
        const actions = listOf(Action) as string[]
        expect(
          actions.filter((each) => /^\*|:\*/.test(each)),
          name,
        ).toEqual([])
        if (!listOf(Resource).includes('*')) continue
        const written = (workshop.project.config.permissions ?? []).flatMap((each) => each.actions)
        expect(
          actions.filter((each) => !written.includes(each) && !withoutResource.includes(each)),
          name,
        ).toEqual([])
      }
  })

  it('has no secret in it', () => {
    for (const [name, template] of everyTemplate()) {
      for (const { GenerateSecretString, SecretString } of ofType(template, 'AWS::SecretsManager::Secret')) {
        // Made by AWS itself: at random, or for an app client of the user pool.
        const made = GenerateSecretString ?? (SecretString as Properties)['Fn::GetAtt']
        expect(made, name).toBeDefined()
      }
      for (const { Environment } of ofType(template, 'AWS::Lambda::Function')) {
        const variables = Object.keys((Environment as { Variables: Properties } | undefined)?.Variables ?? {})
        expect(
          variables.filter((each) => /SECRET|PASSWORD|TOKEN/.test(each) && !each.endsWith('_FROM')),
          name,
        ).toEqual([])
      }
    }
  })

  it('says its outputs', () => {
    for (const [name, template] of everyTemplate())
      if (!name.endsWith('authorization')) expect(Object.keys(template.Outputs!), name).toContain('Url')
  })

  it('is the same, byte for byte, from artifacts in another folder', async () => {
    const copied = Object.entries(workshop.artifacts).map(([name, artifact]) => {
      const dir = join(workshop.dir, 'elsewhere', name)
      cpSync(artifact.dir, dir, { recursive: true })
      return [name, { ...artifact, dir }]
    })
    const { platforms } = workshop.project.config
    const [one, two] = [workshop.artifacts, Object.fromEntries(copied) as Workshop['artifacts']].map((artifacts) =>
      synthesizeCase({ ...workshop, artifacts }, workshop.dir, { platforms }, {}, [], false),
    )
    expect((await two!).templates).toEqual((await one!).templates)
    expect((await one!).stacks.map(({ part }) => part)).toEqual(['authorization', ...platformNames])
  })

  it('keeps its logs for a month', () => {
    for (const [name, template] of everyTemplate())
      for (const { RetentionInDays } of ofType(template, 'AWS::Logs::LogGroup')) expect(RetentionInDays, name).toBe(30)
  })

  it.skipIf(!cfnLint.there)(
    `has no finding of cfn-lint${cfnLint.note}`,
    () => {
      const files = Object.values(made).flatMap(({ dir, stacks }) =>
        stacks.map(({ name }) => join(dir, `${name}.template.json`)),
      )
      // CDK says of a role what a reference to it says already.
      const { stdout } = spawnSync(cfnLint.command, ['--ignore-checks', 'W3005', '--', ...files], { encoding: 'utf8' })
      expect(stdout).toBe('')
    },
    60_000,
  )

  it('tells nobody which CDK made it', () => {
    for (const [name, template] of everyTemplate()) expect(ofType(template, 'AWS::CDK::Metadata'), name).toEqual([])
  })
})

/** Actions that AWS gives no resource. @see https://docs.aws.amazon.com/service-authorization/latest/reference/ (read 2026-11-25) */
const withoutResource = [
  'ec2:DescribeSecurityGroups',
  'ecr:GetAuthorizationToken',
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'cloudwatch:PutMetricData',
]

describe('fargate', () => {
  it('may pull its image in an account that is not known yet too', () => {
    for (const name of ['fargate', anywhere]) {
      const pulls = statementsOf(made[name]!.templates.fargate!).filter(({ Action }) =>
        listOf(Action).includes('ecr:BatchGetImage'),
      )
      expect(pulls, name).toHaveLength(1)
      expect(JSON.stringify(pulls[0]!.Resource), name).toContain(':repository/fairlead')
    }
  })
})

describe('lambda with IAM', () => {
  const template = () => made['lambda with IAM']!.templates.lambda!

  it('runs the artifact under Node 24 on arm64, as the configuration says', () => {
    expect(ofType(template(), 'AWS::Lambda::Function')).toMatchObject([
      {
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        MemorySize: 512,
        Timeout: 90,
        ReservedConcurrentExecutions: 5,
        Environment: { Variables: { FAIRLEAD_PLATFORM: 'lambda' } },
      },
    ])
  })

  it('has a function URL that streams and leaves CORS to the server', () => {
    const [url] = ofType(template(), 'AWS::Lambda::Url')
    expect(url).toMatchObject({ AuthType: 'AWS_IAM', InvokeMode: 'RESPONSE_STREAM' })
    expect(url).not.toHaveProperty('Cors')
  })

  it('lets the callers in by two statements each, and nobody else', () => {
    const permissions = ofType(template(), 'AWS::Lambda::Permission')
    expect(permissions.map((each) => ({ ...each, FunctionName: undefined }))).toEqual([
      { Action: 'lambda:InvokeFunctionUrl', FunctionUrlAuthType: 'AWS_IAM', Principal: agent },
      { Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true, Principal: agent },
    ])
  })

  it('gives its role its own log and what the configuration says', () => {
    expect(statementsOf(template()).map(({ Action }) => Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      ['ce:GetCostAndUsage', 'tag:GetResources', 'tag:TagResources'],
    ])
  })

  it('says its calls under the name of the deployment', () => {
    const [fn] = ofType(template(), 'AWS::Lambda::Function')
    expect(fn!.Environment).toMatchObject({
      Variables: { FAIRLEAD_METRICS: 'emf', FAIRLEAD_SERVER: 'account-summary-prod' },
    })
  })

  it('has nothing that costs while nobody calls, but for its alarms and its dashboard', () => {
    const types = new Set(Object.values(template().Resources).map(({ Type }) => Type))
    expect([...types].toSorted()).toEqual([
      'AWS::CloudWatch::Alarm',
      'AWS::CloudWatch::Dashboard',
      'AWS::IAM::Policy',
      'AWS::IAM::Role',
      'AWS::Lambda::Function',
      'AWS::Lambda::Permission',
      'AWS::Lambda::Url',
      'AWS::Logs::LogGroup',
      'AWS::Logs::MetricFilter',
    ])
  })

  it('keeps the names of a caller’s permissions when another caller goes', async () => {
    const ids = async (callers: string[]) => {
      const { templates } = await synthesizeCase(workshop, workshop.dir, { callers, platforms: { lambda: {} } })
      return Object.entries(templates.lambda!.Resources).flatMap(([id, { Properties = {} }]) =>
        Properties.Principal === agent ? [id] : [],
      )
    }
    expect(await ids([agent])).toEqual(await ids(['arn:aws:iam::111122223333:role/other', agent]))
  })

  it('has a secret when the server seals what it gives to its clients, and may read that', async () => {
    const dir = join(workshop.dir, 'sealing')
    await mkdir(dir)
    await writeFile(join(dir, 'index.js'), 'derive("request-state")')
    const artifacts = { ...workshop.artifacts, server: { ...workshop.artifacts.server, dir } }
    const { templates, findings } = await synthesizeCase({ ...workshop, artifacts }, workshop.dir, {
      platforms: { lambda: {} },
    })
    const [fn] = ofType(templates.lambda!, 'AWS::Lambda::Function')
    expect(fn!.Environment).toMatchObject({
      Variables: { FAIRLEAD_SECRET_FROM: { Ref: expect.stringContaining('Secret') as string } },
    })
    expect(statementsOf(templates.lambda!).map(({ Action }) => Action)).toContain('secretsmanager:GetSecretValue')
    expect(findings).toEqual([])
  })

  it('is refused with everyone as a caller', async () => {
    await expect(
      synthesizeCase(workshop, workshop.dir, { callers: ['*'], platforms: { lambda: {} } }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('everyone who has an AWS account') as string,
    })
  })
})

describe('lambda with OAuth', () => {
  const template = () => made['lambda with OAuth, in a stack of one’s own']!.templates.lambda!
  const config = () =>
    ofType(template(), 'AWS::CloudFront::Distribution')[0]!.DistributionConfig as {
      DefaultCacheBehavior: Properties
      Origins: { CustomOriginConfig: Properties; OriginCustomHeaders: { HeaderName: string; HeaderValue: unknown }[] }[]
      [key: string]: unknown
    }

  it('stands behind a distribution that caches and compresses nothing and does not pass the Host on', () => {
    expect(config().DefaultCacheBehavior).toMatchObject({
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
      Compress: false,
      ViewerProtocolPolicy: 'https-only',
    })
    expect(config().Origins[0]!.CustomOriginConfig.OriginReadTimeout).toBe(90)
  })

  it('answers a request without a token at the edge, with the scopes that it needs', () => {
    const [{ FunctionCode }] = ofType(template(), 'AWS::CloudFront::Function') as [{ FunctionCode: string }]
    expect(FunctionCode).toContain('scope=\\"account-summary/read\\"')
    expect(config().DefaultCacheBehavior.FunctionAssociations).toMatchObject([{ EventType: 'viewer-request' }])
  })

  it('adds a secret header whose value CloudFormation puts in', () => {
    const [{ HeaderName, HeaderValue }] = config().Origins[0]!.OriginCustomHeaders as [
      { HeaderName: string; HeaderValue: unknown },
    ]
    expect(HeaderName).toBe('x-origin-verify')
    expect(JSON.stringify(HeaderValue)).toContain('{{resolve:secretsmanager:')
  })

  it('tells the function where to read its place and its secret, and lets it read those alone', () => {
    const [{ Environment }] = ofType(template(), 'AWS::Lambda::Function') as [
      { Environment: { Variables: Properties } },
    ]
    expect(Object.keys(Environment.Variables).toSorted()).toEqual([
      'FAIRLEAD_OAUTH_FROM',
      'FAIRLEAD_ORIGIN_SECRET_FROM',
      'FAIRLEAD_PLATFORM',
      'FAIRLEAD_TABLE',
    ])
    expect(statementsOf(template()).map(({ Action }) => Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      ['ce:GetCostAndUsage', 'tag:GetResources', 'tag:TagResources'],
      'dynamodb:UpdateItem',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
    ])
  })

  it('writes down where it is, for itself and for the authorization service', () => {
    const parameters = ofType(template(), 'AWS::SSM::Parameter')
    expect(parameters.map(({ Name }) => Name)).toEqual([
      '/fairlead/account-summary/default/lambda',
      '/fairlead/account-summary/default/resources/lambda',
    ])
    expect(JSON.stringify(parameters[0]!.Value)).toContain('https://auth.example.com')
    expect(JSON.stringify(parameters[1]!.Value)).toContain('scopes')
  })

  it('is known to the pool, and knows its clients, where Cognito’s own tokens are taken', () => {
    const { lambda } = made['lambda with Cognito’s own tokens']!.templates
    expect(ofType(lambda!, 'AWS::Cognito::UserPoolResourceServer')).toHaveLength(1)
    const parameters = ofType(lambda!, 'AWS::SSM::Parameter')
    expect(parameters.map(({ Name }) => Name)).toEqual(['/fairlead/account-summary/prod/lambda'])
    expect(JSON.stringify(parameters[0]!.Value)).toContain('clients')
  })

  it('has a web ACL that counts on /mcp what it blocks elsewhere, with the rate limit first', () => {
    const { authorization, lambda } = made['lambda with OAuth']!.templates
    for (const each of [authorization!, lambda!])
      expect(JSON.stringify(ofType(each, 'AWS::CloudFront::Distribution'))).toContain('WebACLId')
    const [{ Rules, Scope }] = ofType(authorization!, 'AWS::WAFv2::WebACL') as [{ Rules: Properties[]; Scope: string }]
    expect(Scope).toBe('CLOUDFRONT')
    expect(Rules.map(({ Name, Priority }) => [Priority, Name])).toEqual([
      [0, 'rate'],
      [1, 'reputation'],
      [2, 'bad-inputs'],
      [3, 'common'],
      [4, 'common-mcp'],
    ])
    expect(JSON.stringify(Rules)).not.toContain('"Allow"')
  })

  it('has no callers to grant', () => {
    const stack = new Stack(new App(), 'Other', { env: place })
    const server = new LambdaMcpServer(stack, 'Mcp', oauthServer())
    expect(() => server.grantInvoke(agent)).toThrow('Callers sign in')
  })
})

describe('lambda in Python', () => {
  it('runs the command behind the Lambda Web Adapter of the region', () => {
    const [fn] = ofType(made['lambda in Python']!.templates.lambda!, 'AWS::Lambda::Function')
    expect(fn).toMatchObject({
      Runtime: 'python3.13',
      Handler: 'run.sh',
      Layers: ['arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerArm64:30'],
      Environment: {
        Variables: {
          AWS_LAMBDA_EXEC_WRAPPER: '/opt/bootstrap',
          AWS_LWA_INVOKE_MODE: 'response_stream',
          AWS_LWA_PORT: '8081',
          AWS_LWA_READINESS_CHECK_PROTOCOL: 'tcp',
          PORT: '8080',
        },
      },
    })
  })

  it('is refused where the adapter is not published', async () => {
    await expect(synthesizeCase(workshop.python, workshop.dir, {}, { region: 'cn-north-1' })).rejects.toMatchObject({
      code: 'DEPLOY_REGION',
    })
  })
})

describe('the checks themselves', () => {
  it('end a synthesis that was asked for them', async () => {
    const { platforms } = workshop.project.config
    const deployment = {
      project: { ...workshop.project, config: { ...workshop.project.config, callers: [agent], platforms } },
      environment: 'prod',
      ...place,
      platforms: ['lambda' as const],
      artifacts: workshop.artifacts,
    }
    const prepare = (app: App) =>
      new CfnResource(app.node.findChild('account-summary-prod-lambda'), 'Wrong', {
        type: 'AWS::Lambda::Url',
        properties: { TargetFunctionArn: 'x', AuthType: 'OPEN' },
      })
    const dir = join(workshop.dir, 'refused')
    await expect(synthesize(deployment, dir, { prepare, validate: true })).rejects.toMatchObject({
      code: 'DEPLOY_TEMPLATE',
      why: expect.stringContaining('OPEN') as string,
    })
  })

  it('find what is wrong', () => {
    const out = join(workshop.dir, 'wrong')
    const app = new App({ outdir: out, context: reported })
    const stack = new Stack(app, 'Wrong', { env: place })
    new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }).addManagedPolicy(
      ManagedPolicy.fromAwsManagedPolicyName('AdministratorAccess'),
    )
    new CfnResource(stack, 'Url', {
      type: 'AWS::Lambda::Url',
      properties: { TargetFunctionArn: 'x', AuthType: 'OPEN' },
    })
    withNag(app)
    app.synth()
    const rules = findingsIn(out).map(({ rule }) => rule)
    expect(rules.filter((each) => each.startsWith('AwsSolutions-IAM4'))).not.toEqual([])
    expect(rules.filter((each) => !each.startsWith('AwsSolutions-'))).not.toEqual([])
  })
})

function oauthServer() {
  const { config } = workshop.project
  return {
    config: { ...config, platforms: { lambda: { auth: 'oauth' as const, timeoutS: 90 } } },
    artifact: workshop.artifacts.server.dir,
    authorization: { issuer: 'https://auth.example.com' },
  }
}

/** The construct in an app that is not ours. */
async function foreign(): Promise<Synthesized> {
  const dir = join(workshop.dir, 'foreign')
  const app = new App({ outdir: dir, context: reported, analyticsReporting: false })
  const stack = new Stack(app, 'Foreign', { env: place })
  const acl = new McpWebAcl(stack, 'Acl', { scope: 'CLOUDFRONT', paths: ['/mcp'] })
  const server = new LambdaMcpServer(stack, 'Mcp', { ...oauthServer(), webAclArn: acl.arn })
  stack.exportValue(server.url, { name: 'Url' })
  withNag(app)
  const template = app.synth().getStackByName('Foreign').template as Template
  return {
    dir,
    config: oauthServer().config,
    stacks: [],
    findings: findingsIn(dir),
    templates: { lambda: { ...template, Outputs: { Url: {} } } },
  }
}
