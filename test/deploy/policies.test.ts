import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGateway } from '../../src/build/agentcore-gateway.ts'
import { buildAuthorizationService } from '../../src/build/authorization-service.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import { readProject, type Project } from '../../src/build/project.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import { stacks } from '../../src/deploy/cdk/stacks.ts'
import { partsOf, type Deployment, type Part } from '../../src/deploy/deployment.ts'
import { platformNames } from '../../src/platforms.ts'
import { tableShape } from '../../src/state/dynamodb.ts'
import { sample } from '../cli/support.ts'
import {
  account,
  fill,
  functionPolicy,
  isAllowed,
  ofType,
  policiesOf,
  region,
  type Filled,
  type Question,
  type Statement,
} from './support/simulate.ts'

const agent = `arn:aws:iam::${account}:role/agent`
const stranger = `arn:aws:iam::${account}:role/stranger`
const elsewhere = `arn:aws:iam::444455556666:role/agent`
const permissions = [{ actions: ['ce:GetCostAndUsage', 'tag:GetResources'], resources: ['*'] }]
const dir = mkdtempSync(join(tmpdir(), 'fairlead-policies-'))
const image = {
  kind: 'registry',
  repository: `${account}.dkr.ecr.${region}.amazonaws.com/account-summary`,
  digest: `sha256:${'a'.repeat(64)}`,
} as const

/** Each deployment that is simulated; a further stack joins by a line. */
const cases: Record<string, FairleadConfig['platforms']> = {
  'lambda behind IAM': { lambda: {} },
  'lambda behind OAuth': { lambda: { auth: 'oauth' } },
  fargate: { fargate: {} },
  'agentcore-runtime with a memory': { 'agentcore-runtime': { memory: true } },
  'agentcore-runtime from an image': { 'agentcore-runtime': { package: 'image' } },
  'agentcore-gateway': {
    'agentcore-gateway': {
      gateway: 'gateway.json',
      targets: ['orders.json', 'inventory.json'],
      policies: ['policies/*.cedar'],
    },
  },
  'agentcore-gateway as a function': {
    'agentcore-gateway': {
      gateway: 'gateway.json',
      targets: ['orders.json', 'inventory.json'],
      bindings: 'bindings.json',
      deployAs: 'lambda',
    },
  },
  'agentcore-gateway as a function that takes tokens': {
    'agentcore-gateway': {
      gateway: 'tokens.json',
      targets: ['orders.json', 'inventory.json'],
      bindings: 'bindings.json',
      deployAs: 'lambda',
      lambda: { waf: true },
    },
  },
  'agentcore-gateway as tasks': {
    'agentcore-gateway': {
      gateway: 'tokens.json',
      targets: ['orders.json', 'inventory.json'],
      bindings: 'bindings.json',
      deployAs: 'fargate',
    },
  },
}

let project: Project
let artifacts: Deployment['artifacts']
const deployments = new Map<string, Map<Part, Filled>>()

beforeAll(async () => {
  process.env.CDK_VALIDATION = 'false'
  project = await readProject(sample)
  writeGateway()
  const everything = { ...project.config, platforms: { lambda: { auth: 'oauth' as const }, fargate: {} } }
  const [server, authorizationService] = await Promise.all([
    buildForAws({ projectDir: project.dir, config: everything, outDir: join(dir, 'server') }),
    buildAuthorizationService(join(dir, 'authorization-service')),
  ])
  artifacts = { server, authorizationService }
  for (const [name, platforms] of Object.entries(cases)) {
    if (platforms['agentcore-gateway']?.deployAs)
      artifacts.gateway = await buildGateway({
        projectDir: join(dir, 'gateway'),
        config: { name: 'tools', platforms },
        outDir: join(dir, `artifact of ${name}`),
      })
    const filled = await synthesizeAndFill(name, platforms)
    if (filled) deployments.set(name, filled)
  }
}, 60_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function writeGateway(): void {
  const files = {
    gateway: { name: 'tools', roleArn: `arn:aws:iam::${account}:role/x`, authorizerType: 'AWS_IAM' },
    tokens: {
      name: 'tools',
      roleArn: `arn:aws:iam::${account}:role/x`,
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: {
          discoveryUrl: 'https://login.example.com/.well-known/openid-configuration',
          allowedAudience: ['tools'],
        },
      },
    },
    orders: {
      name: 'orders',
      targetConfiguration: {
        mcp: {
          lambda: {
            lambdaArn: `arn:aws:lambda:${region}:${account}:function:orders`,
            toolSchema: { inlinePayload: [{ name: 'get', description: 'gets', inputSchema: { type: 'object' } }] },
          },
        },
      },
      credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
    },
    inventory: {
      name: 'inventory',
      targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://inventory.example.com/mcp' } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'OAUTH',
          credentialProvider: {
            oauthCredentialProvider: {
              providerArn: `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/default/oauth2credentialprovider/shop`,
              scopes: ['read'],
            },
          },
        },
      ],
    },
  }
  const providers = {
    [files.inventory.credentialProviderConfigurations[0]!.credentialProvider.oauthCredentialProvider.providerArn]: {
      clientId: 'gateway',
      clientSecretConfig: { secretId: 'shop-client', jsonKey: 'secret' },
      discoveryUrl: 'https://auth.example.com/.well-known/openid-configuration',
    },
  }
  mkdirSync(join(dir, 'gateway'))
  mkdirSync(join(dir, 'gateway', 'policies'))
  writeFileSync(
    join(dir, 'gateway', 'policies', 'agents.cedar'),
    'permit(principal is AgentCore::IamEntity, action == AgentCore::Action::"orders___get",\n  resource == AgentCore::Gateway::"${GatewayArn}");\n',
  )
  for (const [name, body] of Object.entries({ ...files, bindings: { credentialProviders: providers } }))
    writeFileSync(join(dir, 'gateway', `${name}.json`), JSON.stringify(body))
}

/** Undefined while one of its parts has no stack. */
async function synthesizeAndFill(
  name: string,
  platforms: FairleadConfig['platforms'],
): Promise<Map<Part, Filled> | undefined> {
  const config: FairleadConfig = { ...project.config, callers: [agent], permissions, platforms }
  const deployment: Deployment = {
    project: { ...project, config, dir: platforms['agentcore-gateway'] ? join(dir, 'gateway') : project.dir },
    environment: 'prod',
    account,
    region,
    platforms: platformNames.filter((each) => platforms[each]),
    artifacts,
    images: { server: image, gateway: image },
  }
  if (partsOf(deployment).some((part) => !stacks[part])) return undefined
  const assembly = await synthesize(deployment, join(dir, name.replaceAll(' ', '-')))
  return new Map(assembly.stacks.map(({ part, name: stack, template }) => [part, fill(stack, template as never)]))
}

function stackOf(name: string, part: Part): Filled | undefined {
  return deployments.get(name)?.get(part)
}

/** What answers for fairlead in a stack, and the role that it has. */
interface Workload {
  what: keyof typeof mayDo
  role: string
  env: Record<string, string>
}

/** What the function of a stack is, where it is not the server. */
const functions: Partial<Record<Part, Workload['what']>> = {
  authorization: 'authorization service',
  'agentcore-gateway': 'own gateway',
}

function workloadsOf(part: Part, stack: Filled): Workload[] {
  const pairs = (list: unknown) =>
    Object.fromEntries(((list ?? []) as { Name: string; Value: string }[]).map(({ Name, Value }) => [Name, Value]))
  return [
    ...ofType(stack, 'AWS::Lambda::Function').flatMap(({ properties }): Workload[] => {
      const env = ((properties.Environment as { Variables?: object } | undefined)?.Variables ?? {}) as Record<
        string,
        string
      >
      if (!Object.keys(env).some((key) => key.startsWith('FAIRLEAD_'))) return []
      return [{ what: functions[part] ?? 'server', role: String(properties.Role), env }]
    }),
    ...ofType(stack, 'AWS::ECS::TaskDefinition').flatMap(({ properties }): Workload[] => {
      const [container] = properties.ContainerDefinitions as { Environment?: unknown }[]
      return [
        { what: functions[part] ?? 'server', role: String(properties.TaskRoleArn), env: pairs(container!.Environment) },
        { what: 'start of a task', role: String(properties.ExecutionRoleArn), env: {} },
      ]
    }),
    ...ofType(stack, 'AWS::BedrockAgentCore::Runtime').map(({ properties }): Workload => ({
      what: 'session of a runtime',
      role: String(properties.RoleArn),
      env: properties.EnvironmentVariables as Record<string, string>,
    })),
    ...ofType(stack, 'AWS::BedrockAgentCore::Gateway').map(({ properties }): Workload => ({
      what: 'gateway',
      role: String(properties.RoleArn),
      env: {},
    })),
  ]
}

const logs = ['logs:CreateLogStream', 'logs:PutLogEvents']
const settings = [
  'secretsmanager:GetSecretValue',
  'secretsmanager:DescribeSecret',
  'ssm:GetParameter',
  'ssm:GetParametersByPath',
]
const items = ['GetItem', 'UpdateItem', 'DeleteItem'].map((each) => `dynamodb:${each}`)
const index = tableShape.GlobalSecondaryIndexes[0].IndexName
const pull = [
  'ecr:BatchGetImage',
  'ecr:GetDownloadUrlForLayer',
  'ecr:BatchCheckLayerAvailability',
  'ecr:GetAuthorizationToken',
]
const configured = permissions.flatMap(({ actions }) => actions)

/** Every action that a role may have at all: what a policy says beyond it fails the test. */
const mayDo = {
  server: [...configured, ...logs, ...settings, ...items, 'dynamodb:Query'],
  'authorization service': [
    ...logs,
    ...settings,
    ...items,
    'dynamodb:Query',
    'cognito-idp:AdminGetUser',
    'cognito-idp:AdminListGroupsForUser',
  ],
  'start of a task': [...logs, ...pull, ...settings],
  'session of a runtime': [
    ...configured,
    ...logs,
    ...pull,
    'logs:CreateLogGroup',
    'logs:DescribeLogStreams',
    's3:GetObject',
    ...['GetWorkloadAccessToken', 'GetWorkloadAccessTokenForJWT', 'GetWorkloadAccessTokenForUserId']
      .concat('CreateEvent', 'GetEvent', 'ListEvents', 'ListActors', 'ListSessions')
      .concat('GetMemoryRecord', 'ListMemoryRecords', 'RetrieveMemoryRecords')
      .map((each) => `bedrock-agentcore:${each}`),
  ],
  'own gateway': [...logs, 'lambda:InvokeFunction', 'secretsmanager:GetSecretValue', 'ssm:GetParameter'],
  gateway: [
    'lambda:InvokeFunction',
    's3:GetObject',
    'secretsmanager:GetSecretValue',
    'bedrock-agentcore:GetResourceApiKey',
    'bedrock-agentcore:GetResourceOauth2Token',
    'bedrock-agentcore:GetWorkloadAccessToken',
    'bedrock-agentcore:GetPolicyEngine',
    'bedrock-agentcore:AuthorizeAction',
    'bedrock-agentcore:PartiallyAuthorizeActions',
  ],
} as const satisfies Record<string, readonly string[]>

/** What nobody's server needs. */
const dangerous: readonly [action: string, resource: string][] = [
  ['iam:PassRole', `arn:aws:iam::${account}:role/admin`],
  ['iam:CreateUser', `arn:aws:iam::${account}:user/mallory`],
  ['iam:AttachRolePolicy', `arn:aws:iam::${account}:role/agent`],
  ['sts:AssumeRole', `arn:aws:iam::${account}:role/admin`],
  ['s3:GetObject', 'arn:aws:s3:::payroll/2026.csv'],
  ['s3:PutObject', `arn:aws:s3:::cdk-hnb659fds-assets-${account}-${region}/x.zip`],
  ['dynamodb:GetItem', `arn:aws:dynamodb:${region}:${account}:table/customers`],
  ['dynamodb:DeleteTable', `arn:aws:dynamodb:${region}:${account}:table/customers`],
  ['secretsmanager:GetSecretValue', `arn:aws:secretsmanager:${region}:${account}:secret:payroll-AbCdEf`],
  ['secretsmanager:PutSecretValue', `arn:aws:secretsmanager:${region}:${account}:secret:payroll-AbCdEf`],
  ['ssm:GetParameter', `arn:aws:ssm:${region}:${account}:parameter/payroll/key`],
  ['ssm:PutParameter', `arn:aws:ssm:${region}:${account}:parameter/fairlead/account-summary/prod/x`],
  ['kms:Decrypt', `arn:aws:kms:${region}:${account}:key/11111111-1111-4111-8111-111111111111`],
  ['lambda:InvokeFunction', `arn:aws:lambda:${region}:${account}:function:payroll`],
  ['lambda:UpdateFunctionCode', `arn:aws:lambda:${region}:${account}:function:orders`],
  ['logs:DeleteLogGroup', `arn:aws:logs:${region}:${account}:log-group:/aws/bedrock-agentcore/runtimes/x`],
  ['logs:GetLogEvents', `arn:aws:logs:${region}:${account}:log-group:payroll:log-stream:x`],
  ['ec2:RunInstances', `arn:aws:ec2:${region}:${account}:instance/*`],
  ['ecr:PutImage', `arn:aws:ecr:${region}:${account}:repository/account-summary`],
  ['cognito-idp:AdminSetUserPassword', `arn:aws:cognito-idp:${region}:${account}:userpool/${region}_AbCdEfGhI`],
  ['bedrock-agentcore:InvokeAgentRuntime', `arn:aws:bedrock-agentcore:${region}:${account}:runtime/other-abcdefghij`],
  [
    'bedrock-agentcore:GetResourceApiKey',
    `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/default/apikeycredentialprovider/other`,
  ],
  ['bedrock-agentcore:DeleteMemory', `arn:aws:bedrock-agentcore:${region}:${account}:memory/other-abcdefghij`],
  ['bedrock-agentcore:CreateEvent', `arn:aws:bedrock-agentcore:${region}:${account}:memory/other-abcdefghij`],
  ['cloudformation:UpdateStack', `arn:aws:cloudformation:${region}:${account}:stack/x/1`],
]

type Asked = Pick<Question, 'action' | 'resource' | 'context' | 'resourcePolicy'>

/** What a call asks IAM on each platform that has callers of IAM. */
const entrances: Partial<Record<string, { part: Part; asks: (stack: Filled) => Asked[] }>> = {
  'lambda behind IAM': { part: 'lambda', asks: functionAsks },
  'agentcore-gateway as a function': { part: 'agentcore-gateway', asks: functionAsks },
  'agentcore-runtime with a memory': {
    part: 'agentcore-runtime',
    asks: (stack) => agentcoreAsks(stack, ['InvokeAgentRuntime', 'StopRuntimeSession'], 2),
  },
  'agentcore-gateway': { part: 'agentcore-gateway', asks: (stack) => agentcoreAsks(stack, ['InvokeGateway'], 1) },
}

function functionAsks(stack: Filled): Asked[] {
  const resource = stack.outputs.FunctionArn!
  const resourcePolicy = functionPolicy(stack, resource)
  const context = (key: string, value: string) => ({ [`lambda:${key}`]: value })
  return [
    {
      action: 'lambda:InvokeFunctionUrl',
      resource,
      resourcePolicy,
      context: context('FunctionUrlAuthType', 'AWS_IAM'),
    },
    { action: 'lambda:InvokeFunction', resource, resourcePolicy, context: context('InvokedViaFunctionUrl', 'true') },
  ]
}

function agentcoreAsks(stack: Filled, actions: string[], policies: number): Asked[] {
  const found = ofType(stack, 'AWS::BedrockAgentCore::ResourcePolicy')
  expect(found).toHaveLength(policies)
  return found.flatMap(({ properties }) =>
    actions.map((action) => ({
      action: `bedrock-agentcore:${action}`,
      resource: String(properties.ResourceArn),
      resourcePolicy: JSON.parse(String(properties.Policy)) as { Statement: Statement[] },
    })),
  )
}

/** A function behind OAuth keeps proofs of DPoP, each of them once; the others keep everything. */
function tableNeeds(part: Part, table: string): [string, string][] {
  if (part === 'lambda') return [['dynamodb:UpdateItem', table]]
  return [...items.map((action): [string, string] => [action, table]), ['dynamodb:Query', `${table}/index/${index}`]]
}

function listed(value: string | string[]): string[] {
  return Array.isArray(value) ? value : [value]
}

describe('who may call', () => {
  it.for(Object.entries(entrances))('%s: the configured caller and nobody else', async ([name, entrance], { skip }) => {
    const stack = stackOf(name, entrance!.part)
    if (!stack) return skip()
    const asks = entrance!.asks(stack)
    expect(asks.length).toBeGreaterThan(0)
    for (const asked of asks) {
      expect(await isAllowed({ ...asked, principal: agent }), `${asked.action} by the caller`).toBe(true)
      expect(await isAllowed({ ...asked, principal: stranger }), `${asked.action} by a stranger`).toBe(false)
      expect(await isAllowed({ ...asked, principal: elsewhere }), `${asked.action} from elsewhere`).toBe(false)
    }
  })

  it('on lambda comes through the function URL: the caller may not invoke the function otherwise', async ({ skip }) => {
    const stack = stackOf('lambda behind IAM', 'lambda')
    if (!stack) return skip()
    const resource = stack.outputs.FunctionArn!
    const asked = { resource, resourcePolicy: functionPolicy(stack, resource), principal: agent }
    expect(await isAllowed({ ...asked, action: 'lambda:InvokeFunction' })).toBe(false)
    const open = { 'lambda:FunctionUrlAuthType': 'NONE' }
    expect(await isAllowed({ ...asked, action: 'lambda:InvokeFunctionUrl', context: open })).toBe(false)
  })

  it('on a runtime may not speak for a user, nor change it', async () => {
    const stack = stackOf('agentcore-runtime with a memory', 'agentcore-runtime')!
    for (const asked of agentcoreAsks(
      stack,
      ['InvokeAgentRuntimeForUser', 'DeleteAgentRuntime', 'UpdateAgentRuntime'],
      2,
    ))
      expect(await isAllowed({ ...asked, principal: agent }), asked.action).toBe(false)
  })
})

describe.for(Object.keys(cases))('the roles of %s', (name) => {
  const each =
    (
      check: (
        workload: Workload & { part: Part; stack: Filled; policies: ReturnType<typeof policiesOf> },
      ) => Promise<void>,
    ) =>
    async ({ skip }: { skip: () => never }) => {
      const deployment = deployments.get(name)
      if (!deployment) return skip()
      let count = 0
      for (const [part, stack] of deployment)
        for (const workload of workloadsOf(part, stack)) {
          await check({ ...workload, part, stack, policies: policiesOf(stack, workload.role) })
          count++
        }
      expect(count).toBeGreaterThan(0)
    }

  it(
    'name no action that the server does not need, and no resource `*` that could be named',
    each(async ({ what, policies }) => {
      const statements = policies.flatMap(({ Statement }) => Statement)
      expect(statements.length).toBeGreaterThan(0)
      const allowed = new Set<string>(mayDo[what])
      for (const { Action, Resource } of statements) {
        expect(
          listed(Action).filter((action) => !allowed.has(action)),
          what,
        ).toEqual([])
        if (listed(Resource).includes('*'))
          expect([...configured, 'ecr:GetAuthorizationToken']).toEqual(expect.arrayContaining(listed(Action)))
      }
    }),
  )

  it(
    'deny what is dangerous',
    each(async ({ what, policies, role }) => {
      for (const [action, resource] of dangerous)
        expect(await isAllowed({ principal: role, action, resource, identity: policies }), `${what}: ${action}`).toBe(
          false,
        )
    }),
  )

  it(
    'allow what the server needs: its permissions, its logs, its settings and its table',
    each(async ({ what, policies, role, env, part, stack }) => {
      const needs: [string, string][] = [
        ...(what === 'server' || what === 'session of a runtime'
          ? configured.map((action) => [action, '*'] as [string, string])
          : []),
        ...Object.entries(env).flatMap(([key, value]): [string, string][] => {
          if (!key.endsWith('_FROM')) return []
          if (value.includes(':secretsmanager:')) return [['secretsmanager:GetSecretValue', value]]
          return [[value.endsWith('/') ? 'ssm:GetParametersByPath' : 'ssm:GetParameter', value.replace(/\/$/, '')]]
        }),
        ...(env.FAIRLEAD_TABLE === undefined
          ? []
          : tableNeeds(part, `arn:aws:dynamodb:${region}:${account}:table/${env.FAIRLEAD_TABLE}`)),
      ]
      if (what === 'session of a runtime') {
        const group = stack.outputs.LogGroup!
        needs.push(['logs:CreateLogGroup', `arn:aws:logs:${region}:${account}:log-group:${group}`])
        for (const action of logs)
          needs.push([action, `arn:aws:logs:${region}:${account}:log-group:${group}:log-stream:x`])
        if (stack.outputs.MemoryId)
          needs.push([
            'bedrock-agentcore:CreateEvent',
            `arn:aws:bedrock-agentcore:${region}:${account}:memory/${stack.outputs.MemoryId}`,
          ])
      }
      if (what === 'own gateway') {
        needs.push(['lambda:InvokeFunction', `arn:aws:lambda:${region}:${account}:function:orders`])
        needs.push([
          'secretsmanager:GetSecretValue',
          `arn:aws:secretsmanager:${region}:${account}:secret:shop-client-AbCdEf`,
        ])
      }
      if (what === 'gateway') {
        needs.push(['lambda:InvokeFunction', `arn:aws:lambda:${region}:${account}:function:orders`])
        const [found] = ofType(stack, 'AWS::BedrockAgentCore::Gateway') as { properties: Record<string, unknown> }[]
        const { Arn: engine } = found!.properties.PolicyEngineConfiguration as { Arn: string }
        needs.push(['bedrock-agentcore:GetPolicyEngine', engine])
        for (const action of ['AuthorizeAction', 'PartiallyAuthorizeActions'])
          for (const resource of [engine, stack.outputs.GatewayArn!])
            needs.push([`bedrock-agentcore:${action}`, resource])
        needs.push([
          'bedrock-agentcore:GetResourceOauth2Token',
          `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/default/oauth2credentialprovider/shop`,
        ])
        needs.push([
          'secretsmanager:GetSecretValue',
          `arn:aws:secretsmanager:${region}:${account}:secret:bedrock-agentcore-identity!default/oauth2/shop-AbCdEf`,
        ])
      }
      for (const [action, resource] of needs)
        expect(
          await isAllowed({ principal: role, action, resource, identity: policies }),
          `${what}: ${action} on ${resource}`,
        ).toBe(true)
    }),
  )

  it(
    'are taken on by their service alone, and by AgentCore only for this resource',
    each(async ({ what, role, stack }) => {
      const found = ofType(stack, 'AWS::IAM::Role').find(({ id }) => role.endsWith(`/${stack.name}-${id}`))!
      const { Statement: statements } = found.properties.AssumeRolePolicyDocument as {
        Statement: { Principal: { Service: string }; Condition?: Record<string, Record<string, unknown>> }[]
      }
      const services = {
        server: /^(lambda|ecs-tasks)\.amazonaws\.com$/,
        'authorization service': /^lambda\.amazonaws\.com$/,
        'start of a task': /^ecs-tasks\.amazonaws\.com$/,
        'session of a runtime': /^bedrock-agentcore\.amazonaws\.com$/,
        'own gateway': /^(lambda|ecs-tasks)\.amazonaws\.com$/,
        gateway: /^bedrock-agentcore\.amazonaws\.com$/,
      }
      expect(statements).toHaveLength(1)
      expect(statements[0]!.Principal.Service).toMatch(services[what])
      if (what !== 'session of a runtime' && what !== 'gateway') return
      const { StringEquals, ArnLike } = statements[0]!.Condition!
      expect(StringEquals).toEqual({ 'aws:SourceAccount': account })
      const arn = stack.outputs.RuntimeArn ?? stack.outputs.GatewayArn!
      expect(ArnLike!['aws:SourceArn']).toContain(arn.replace(/-[a-z0-9]{10}$/, '-??????????'))
    }),
  )
})
