import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Aws, Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deployedRuntimeName } from '../../src/aws/agentcore-runtime.ts'
import { agentRuntimePolicy, gatewayPolicy } from '../../src/aws/permissions.ts'
import { writeArtifact } from '../../src/build/artifact.ts'
import type { AgentcoreGatewayConfig, AgentcoreRuntimeConfig, FairleadConfig } from '../../src/config.ts'
import type { Template } from '../../src/deploy/app.ts'
import { AgentcoreGateway } from '../../src/deploy/cdk/agentcore-gateway.ts'
import {
  AgentcoreRuntimeMcpServer,
  type AgentcoreRuntimeMcpServerProps,
} from '../../src/deploy/cdk/agentcore-runtime-mcp-server.ts'
import { ownGatewayStack } from '../../src/deploy/cdk/own-gateway-stack.ts'
import { portableGateway } from '../../src/deploy/portable.ts'
import { createGateway, createGatewayTarget } from '../../src/gateway/definitions/shapes.ts'
import type { Shape } from '../../src/gateway/definitions/shape.ts'
import type { Policy } from '../../src/gateway/policies/policy.ts'
import { readProject } from '../../src/build/project.ts'
import { sample } from '../cli/support.ts'

const place = { account: '111122223333', region: 'us-east-1' }
const agent = 'arn:aws:iam::111122223333:role/agent'
const dir = mkdtempSync(join(tmpdir(), 'fairlead-agentcore-'))
const artifact = join(dir, 'artifact')
const jwt = {
  customJWTAuthorizer: {
    discoveryUrl: 'https://auth.example.com/.well-known/openid-configuration',
    allowedAudience: ['https://tools.example.com/mcp'],
    allowedClients: ['web'],
    allowedScopes: ['tools/read'],
    customClaims: [
      {
        inboundTokenClaimName: 'groups',
        inboundTokenClaimValueType: 'STRING_ARRAY',
        authorizingClaimMatchValue: {
          claimMatchOperator: 'CONTAINS_ANY',
          claimMatchValue: { matchValueStringList: ['staff'] },
        },
      },
    ],
  },
}
/** The Gateway of CloudFormation has it, the Runtime does not. */
const mapping = { advertisedScopeMapping: { 'tools/read': 'https://auth.example.com/read' } }
const repository = '111122223333.dkr.ecr.us-east-1.amazonaws.com/account-summary'
const image = { kind: 'registry', repository, digest: `sha256:${'a'.repeat(64)}` } as const
const roleArn = 'arn:aws:iam::111122223333:role/of-the-definition'
const orders = {
  name: 'orders',
  targetConfiguration: {
    mcp: {
      lambda: {
        lambdaArn: 'arn:aws:lambda:us-east-1:111122223333:function:orders',
        toolSchema: {
          inlinePayload: [
            {
              name: 'get_order',
              description: 'Says where an order is.',
              inputSchema: {
                type: 'object',
                // The user's own names, which look like the schema's.
                properties: {
                  type: { type: 'string' },
                  properties: { type: 'object', properties: { description: { type: 'string' } } },
                },
                required: ['type'],
              },
            },
          ],
        },
      },
    },
  },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
}
const runtimeOfOthers = 'arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/notes-abcdefghij'
const notes = {
  name: 'notes',
  targetConfiguration: {
    mcp: {
      mcpServer: {
        endpoint: `https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/${encodeURIComponent(runtimeOfOthers)}/invocations?qualifier=live`,
      },
    },
  },
  credentialProviderConfigurations: [
    {
      credentialProviderType: 'GATEWAY_IAM_ROLE',
      credentialProvider: { iamCredentialProvider: { service: 'bedrock-agentcore', region: 'us-east-1' } },
    },
  ],
}
const vault = 'token-vault/default'
const stockProvider = `arn:aws:bedrock-agentcore:us-east-1:111122223333:${vault}/apikeycredentialprovider/stock`
const shopProvider = `arn:aws:bedrock-agentcore:us-east-1:000000000000:${vault}/oauth2credentialprovider/shop`
const otherProvider = `arn:aws:bedrock-agentcore:us-east-1:111122223333:${vault}/apikeycredentialprovider/other`
const withKey = (name: string, providerArn: string) => ({
  name,
  targetConfiguration: {
    mcp: { openApiSchema: { s3: { uri: 's3://documents/stock.json' } } },
  },
  credentialProviderConfigurations: [
    { credentialProviderType: 'API_KEY', credentialProvider: { apiKeyCredentialProvider: { providerArn } } },
  ],
})
const protectedTargets = [
  withKey('stock', stockProvider),
  withKey('stock-too', stockProvider),
  withKey('other', otherProvider),
  {
    name: 'shop',
    targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://shop.example.com/mcp' } } },
    credentialProviderConfigurations: [
      {
        credentialProviderType: 'OAUTH',
        credentialProvider: { oauthCredentialProvider: { providerArn: shopProvider, scopes: ['read'] } },
      },
    ],
  },
]
const bindings = {
  credentialProviders: {
    [stockProvider]: { apiKey: 'of-this-machine', apiKeySecretConfig: { secretId: 'stock', jsonKey: 'key' } },
    [otherProvider]: { existing: true, apiKeySecretConfig: { secretId: 'other', jsonKey: 'key' } },
    [shopProvider]: {
      clientId: 'gateway',
      clientSecret: 'of-this-machine',
      clientSecretConfig: {
        secretId: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf',
        jsonKey: 'secret',
      },
      discoveryUrl: 'https://login.example.com/.well-known/openid-configuration',
    },
  },
}
const tool = 'action == AgentCore::Action::"orders___get_order", resource == AgentCore::Gateway::"${GatewayArn}"'
const cedar: Policy[] = [
  { name: 'closed', statement: `forbid(principal, ${tool}) when { context.input.type == "secret" };` },
  { name: 'open', statement: `permit(principal is AgentCore::OAuthUser, ${tool});` },
]
const many = Array.from({ length: 7 }, (_, at) => ({
  name: `server-${at}`,
  targetConfiguration: { mcp: { mcpServer: { endpoint: `https://server-${at}.example.com/mcp` } } },
}))

let templates: Record<string, Template>
let findings: { rule: string; says: string; where: string[] }[]

beforeAll(() => {
  writeArtifact(artifact, 'export {}\n', [])
  writeFileSync(join(artifact, 'Dockerfile'), 'FROM scratch\n')
  const app = new App({
    outdir: join(dir, 'cdk.out'),
    analyticsReporting: false,
    context: {
      '@aws-cdk/aws-iam:minimizePolicies': true,
      '@aws-cdk/core:enablePartitionLiterals': true,
      '@aws-cdk/core:failSynthOnValidationErrors': false,
      '@aws-cdk/core:validateAgainstDefaultRules': true,
    },
  })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const config = (runtime: AgentcoreRuntimeConfig): FairleadConfig => ({
    name: 'account-summary',
    callers: [agent],
    permissions: [{ actions: ['ce:GetCostAndUsage'], resources: ['*'] }],
    platforms: { 'agentcore-runtime': runtime },
  })
  const runtime = (name: string, own: AgentcoreRuntimeConfig, more: Partial<AgentcoreRuntimeMcpServerProps> = {}) =>
    new AgentcoreRuntimeMcpServer(new Stack(app, name, { env: place }), 'Server', {
      config: config(own),
      artifact,
      environment: 'prod',
      ...more,
    })
  runtime('runtime-iam', { idleS: 600, maxLifetimeS: 3600, memory: { eventExpiryDays: 30 } })
  runtime('runtime-jwt', { auth: jwt, headers: ['Authorization', 'X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant'] })
  runtime('runtime-image', { package: 'image' }, { image })
  const unknown = { ...image, repository: image.repository.replace('111122223333', Aws.ACCOUNT_ID) }
  runtime('runtime-anywhere', { package: 'image' }, { image: unknown })
  runtime('runtime-docker', { package: 'image' }, { image: { kind: 'docker', dir: artifact } })
  const gateway = (
    name: string,
    definition: object,
    targets: object[] = [orders],
    policies?: Policy[],
    bound?: typeof bindings,
  ) =>
    new AgentcoreGateway(new Stack(app, name, { env: place }), 'Gateway', {
      config: { name: 'tools', callers: [agent], platforms: {} },
      gateway: { name, roleArn, ...definition },
      targets,
      ...(policies ? { policies } : {}),
      ...(bound ? { bindings: bound } : {}),
    })
  gateway('gateway-iam', { authorizerType: 'AWS_IAM', protocolType: 'MCP' }, [orders, notes, ...many])
  gateway('gateway-jwt', { authorizerType: 'CUSTOM_JWT', authorizerConfiguration: jwt })
  gateway('gateway-cedar', { authorizerType: 'CUSTOM_JWT', authorizerConfiguration: jwt }, [orders, notes], cedar)
  gateway('gateway-none', { authorizerType: 'NONE' })
  gateway('gateway-providers', { authorizerType: 'AWS_IAM' }, [...protectedTargets, orders], undefined, bindings)
  gateway('gateway-whole', example(createGateway, 'gateway') as object, targetExamples())
  ownGateway(app, 'gateway-own', 'AWS_IAM')
  ownGateway(app, 'gateway-own-jwt', 'CUSTOM_JWT')
  ownGateway(app, 'gateway-own-tasks', 'CUSTOM_JWT', 'fargate')
  const assembly = app.synth()
  templates = Object.fromEntries(assembly.stacks.map((stack) => [stack.stackName, stack.template as Template]))
  findings = readFindings(join(dir, 'cdk.out'))
}, 60_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The stack of fairlead's own gateway, over an artifact as `buildGateway` leaves it. */
function ownGateway(
  app: App,
  name: string,
  authorizerType: string,
  deployAs: 'lambda' | 'fargate' = 'lambda',
  more: Partial<AgentcoreGatewayConfig> = {},
): void {
  const folder = join(dir, name)
  const secret = { secretId: 'inventory', jsonKey: 'key' }
  const bindings = { credentialProviders: { 'arn:aws:bedrock-agentcore:x': { apiKeySecretConfig: secret } } }
  const made = writeArtifact(folder, 'export {}\n', [], {
    'gateway.json': JSON.stringify({
      gateway: {
        name,
        roleArn,
        authorizerType,
        ...(authorizerType === 'CUSTOM_JWT' ? { authorizerConfiguration: jwt } : {}),
      },
      targets: [orders],
      bindings,
    }),
  })
  const config: FairleadConfig = {
    name: 'tools',
    callers: [agent],
    platforms: { 'agentcore-gateway': { gateway: 'gateway.json', targets: [], deployAs, ...more } },
  }
  ownGatewayStack(app, {
    name,
    deployment: {
      project: { dir, configFile: '', config },
      environment: 'prod',
      ...place,
      platforms: ['agentcore-gateway'],
      artifacts: { gateway: made },
      images: { gateway: image },
    },
    props: { env: place },
  })
}

/** An example of each member that a shape has and fairlead takes. */
function example(shape: Shape, hint: string, depth = 0): unknown {
  switch (shape.kind) {
    case 'refused':
      return undefined
    case 'document':
      return { ...jwt.customJWTAuthorizer, ...mapping }
    case 'same':
      return depth > 12 ? { type: 'string' } : example(shape.as(), hint, depth + 1)
    case 'boolean':
      return true
    case 'integer':
      return shape.max
    case 'string':
      return textFor(shape, hint)
    case 'list':
      return [example(shape.of(), hint, depth + 1)]
    case 'map':
      return depth > 12 ? {} : { 'a-Key_of theirs': example(shape.of(), hint, depth + 1) }
    case 'structure': {
      const pairs = Object.entries(shape.members)
        .map(([name, member]) => [name, example(member.shape, name, depth + 1)] as const)
        .filter(([, value]) => value !== undefined)
      return Object.fromEntries(shape.union ? pairs.slice(0, 1) : pairs)
    }
  }
}

function textFor({ enum: values, pattern, min = 0, max = 10_000 }: Shape & { kind: 'string' }, hint: string): string {
  const known: Record<string, string> = {
    authorizerType: 'CUSTOM_JWT',
    supportedVersions: '2026-07-28',
    kmsKeyArn: `arn:aws:kms:us-east-1:111122223333:key/${'1'.repeat(36)}`,
    grantType: 'CLIENT_CREDENTIALS',
    arn: 'arn:aws:bedrock-agentcore:us-east-1:111122223333:policy-engine/said-abcdefghij',
    roleArn,
    allowedRequestHeaders: 'x-tenant',
    allowedResponseHeaders: 'x-tenant',
  }
  if (known[hint]) return known[hint]
  if (values) return values[0]!
  const candidates = [
    `said-${hint}`,
    `said${hint}`,
    'a'.repeat(33),
    'https://example.com/x',
    's3://bucket/key.json',
    '111122223333',
    `${'a'.repeat(20)}-abcdefghij`,
    'arn:aws:lambda:us-east-1:111122223333:function:orders',
    `arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/${hint}`,
  ]
  return candidates.find((each) => (!pattern || pattern.test(each)) && each.length >= min && each.length <= max)!
}

/** A target of each kind and with each credential, every member said. */
function targetExamples(): object[] {
  const { members } = createGatewayTarget as Shape & { kind: 'structure' }
  const kinds = partsOf(members.targetConfiguration!.shape, 'mcp')
  const configuration = (members.credentialProviderConfigurations!.shape as Shape & { kind: 'list' }).of()
  const providers = partsOf(configuration, 'credentialProvider')
  const types = {
    apiKeyCredentialProvider: 'API_KEY',
    oauthCredentialProvider: 'OAUTH',
    iamCredentialProvider: 'GATEWAY_IAM_ROLE',
  }
  return Object.entries(kinds).flatMap(([kind, shape]) =>
    sourcesOf(shape).flatMap((source, at) =>
      (kind === 'lambda' ? [undefined] : Object.keys(providers)).map((provider) => ({
        name: `${kind}-${at}-${provider ?? 'role'}`,
        description: 'said',
        targetConfiguration: { mcp: { [kind]: source } },
        credentialProviderConfigurations: [
          {
            credentialProviderType: provider ? types[provider as keyof typeof types] : 'GATEWAY_IAM_ROLE',
            ...(provider ? { credentialProvider: { [provider]: example(providers[provider]!, provider) } } : {}),
          },
        ],
        metadataConfiguration: example(members.metadataConfiguration!.shape, 'metadataConfiguration'),
      })),
    ),
  )
}

function partsOf(shape: Shape, name: string): Record<string, Shape> {
  const { members } = (shape as Shape & { kind: 'structure' }).members[name]!.shape as Shape & { kind: 'structure' }
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, member]) => member.shape.kind !== 'refused')
      .map(([key, member]) => [key, member.shape]),
  )
}

/** With each member of the unions in it. */
function sourcesOf(shape: Shape): unknown[] {
  const structure = shape as Shape & { kind: 'structure' }
  if (structure.union)
    return Object.entries(structure.members).map(([name, member]) => ({ [name]: example(member.shape, name) }))
  const inner = Object.entries(structure.members).find(
    ([, { shape: each }]) => each.kind === 'structure' && each.union,
  )!
  return sourcesOf(inner[1].shape).map((source) => ({
    ...(example(shape, inner[0]) as object),
    [inner[0]]: source,
  }))
}

function readFindings(out: string): typeof findings {
  const report = JSON.parse(readFileSync(join(out, 'validation-report.json'), 'utf8')) as {
    pluginReports: {
      violations: {
        ruleName: string
        description: string
        violatingConstructs: { constructPath?: string; cloudFormationResource?: { logicalId?: string } }[]
      }[]
    }[]
  }
  return report.pluginReports.flatMap(({ violations }) =>
    violations.map(({ ruleName, description, violatingConstructs }) => ({
      rule: ruleName,
      says: description,
      where: violatingConstructs.map(
        ({ constructPath, cloudFormationResource }) => constructPath ?? cloudFormationResource?.logicalId ?? '',
      ),
    })),
  )
}

function all(stack: string, type: string): Record<string, unknown>[] {
  return Object.values(templates[stack]!.Resources)
    .filter((each) => each.Type === type)
    .map(({ Properties = {} }) => Properties)
}

/** Text of `Fn::Join`, with `${Id.Attribute}` for what CloudFormation fills in. */
function text(value: unknown): string {
  if (typeof value === 'string') return value
  const { 'Fn::Join': join, 'Fn::GetAtt': att, Ref: ref } = value as Record<string, unknown>
  if (Array.isArray(join)) return (join[1] as unknown[]).map(text).join(join[0] as string)
  return Array.isArray(att) ? `\${${att.join('.')}}` : `\${${String(ref)}}`
}

/** Every value at the bottom of a document, with its path in small letters. */
function leaves(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${path.toLowerCase()} = ${String(value)}`]
  return Object.entries(value).flatMap(([key, each]) => leaves(each, `${path}/${key}`))
}

describe('the stacks of AgentCore', () => {
  it('have no finding of cdk-nag or of CloudFormation’s schemas', () => {
    // CDK's own model of the Gateway is newer than the schema that it validates with.
    const newer = ({ says, where }: (typeof findings)[number]) =>
      where[0] === 'gateway-whole/Gateway/Gateway' &&
      says.endsWith("Additional property 'DisableMcpListToolsPagination' is not allowed.")
    expect(findings.filter((each) => !newer(each))).toEqual([])
    expect(findings.filter(newer)).toHaveLength(1)
  })
})

function runtimeWith(elsewhere: string) {
  return new AgentcoreRuntimeMcpServer(new Stack(new App(), 's', { env: place }), 'Server', {
    config: { name: 'tools', platforms: { 'agentcore-runtime': { package: 'image' } } },
    artifact,
    image: { ...image, repository: elsewhere },
  })
}

describe('the runtime', () => {
  it('runs the artifact under Node 22, as MCP, with the lifecycle of the configuration', () => {
    expect(all('runtime-iam', 'AWS::BedrockAgentCore::Runtime')).toMatchObject([
      {
        AgentRuntimeName: 'account_summary_prod',
        AgentRuntimeArtifact: { CodeConfiguration: { Runtime: 'NODE_22', EntryPoint: ['index.js'] } },
        ProtocolConfiguration: 'MCP',
        LifecycleConfiguration: { IdleRuntimeSessionTimeout: 600, MaxLifetime: 3600 },
        EnvironmentVariables: {
          FAIRLEAD_PLATFORM: 'agentcore-runtime',
          FAIRLEAD_MEMORY_ID: { 'Fn::GetAtt': [expect.stringContaining('Memory'), 'MemoryId'] },
        },
      },
    ])
    expect(all('runtime-iam', 'AWS::BedrockAgentCore::Runtime')[0]).not.toHaveProperty('AuthorizerConfiguration')
  })

  it('has the policy that dev enforces, on itself and on its endpoint', () => {
    const policies = all('runtime-iam', 'AWS::BedrockAgentCore::ResourcePolicy')
    expect(policies).toHaveLength(2)
    for (const { ResourceArn, Policy } of policies)
      expect(JSON.parse(text(Policy))).toEqual(agentRuntimePolicy(text(ResourceArn), [agent]))
    expect(policies.map(({ ResourceArn }) => text(ResourceArn).split('.').at(-1))).toEqual([
      'AgentRuntimeArn}',
      'AgentRuntimeEndpointArn}',
    ])
  })

  it('with a JWT authorizer has AWS’s own JSON, the header, and no callers of IAM', () => {
    expect(all('runtime-jwt', 'AWS::BedrockAgentCore::Runtime')).toMatchObject([
      {
        AuthorizerConfiguration: {
          CustomJWTAuthorizer: {
            CustomClaims: [{ AuthorizingClaimMatchValue: { ClaimMatchValue: { MatchValueStringList: ['staff'] } } }],
          },
        },
        RequestHeaderConfiguration: {
          RequestHeaderAllowlist: ['Authorization', 'X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant'],
        },
      },
    ])
    const [runtime] = all('runtime-jwt', 'AWS::BedrockAgentCore::Runtime') as [Record<string, object>]
    expect(leaves(runtime.AuthorizerConfiguration).toSorted()).toEqual(leaves(jwt).toSorted())
    expect(all('runtime-jwt', 'AWS::BedrockAgentCore::ResourcePolicy')).toEqual([])
  })

  it('runs an image by its digest, and its role pulls that repository alone', () => {
    expect(all('runtime-image', 'AWS::BedrockAgentCore::Runtime')).toMatchObject([
      { AgentRuntimeArtifact: { ContainerConfiguration: { ContainerUri: `${repository}@${image.digest}` } } },
    ])
    const [anywhere] = all('runtime-anywhere', 'AWS::BedrockAgentCore::Runtime')
    expect(JSON.stringify(anywhere)).toContain('AWS::AccountId')
    expect(() => runtimeWith('docker.io/library/node')).toThrow(expect.objectContaining({ code: 'IMAGE_MISSING' }))
    expect(JSON.stringify(all('runtime-image', 'AWS::IAM::Policy'))).toContain(
      'arn:aws:ecr:us-east-1:111122223333:repository/account-summary',
    )
  })

  it('has a log that ends after a month, made where the service has not, and read by who waits for it', () => {
    const calls = all('runtime-iam', 'Custom::AWS').map(({ Create, Delete = '{}' }) => [Create, Delete].map((each) => JSON.parse(text(each)) as object)) // prettier-ignore
    const logGroupName = expect.stringMatching(/^\/aws\/bedrock-agentcore\/runtimes\/.*-live$/) as string
    expect(calls).toMatchObject([
      [
        { action: 'createLogGroup', parameters: { logGroupName }, ignoreErrorCodesMatching: 'ResourceAlreadyExistsException' }, // prettier-ignore
        {
          action: 'deleteLogGroup',
          parameters: { logGroupName },
          ignoreErrorCodesMatching: 'ResourceNotFoundException',
        },
      ],
      [{ action: 'putRetentionPolicy', parameters: { logGroupName, retentionInDays: 30 } }, {}],
    ])
  })

  it('keeps its memory when the stack goes', () => {
    const memory = Object.values(templates['runtime-iam']!.Resources).find(
      ({ Type }) => Type === 'AWS::BedrockAgentCore::Memory',
    )
    expect(memory).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', Properties: { EventExpiryDuration: 30 } })
  })

  it('is refused where AgentCore is not, with what CloudFormation has not, and without the image that it is to run', () => {
    const make = (region: string, own: AgentcoreRuntimeConfig) =>
      new AgentcoreRuntimeMcpServer(new Stack(new App(), 's', { env: { ...place, region } }), 'Server', {
        config: { name: 'tools', platforms: { 'agentcore-runtime': own } },
        artifact,
      })
    expect(() => make('af-south-1', {})).toThrow(expect.objectContaining({ code: 'REGION_WITHOUT_AGENTCORE' }))
    const mapped = { customJWTAuthorizer: { ...jwt.customJWTAuthorizer, ...mapping } }
    expect(() => make('us-east-1', { auth: mapped })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => make('us-east-1', { package: 'image' })).toThrow(expect.objectContaining({ code: 'IMAGE_MISSING' }))
  })

  it('has a name that AWS takes, another one for each project and environment', () => {
    const names = [
      deployedRuntimeName('account-summary', 'prod'),
      deployedRuntimeName('a'.repeat(48), 'prod'),
      deployedRuntimeName('a'.repeat(48), 'test'),
      deployedRuntimeName(`${'a'.repeat(44)}-x`),
    ]
    expect(new Set(names).size).toBe(4)
    for (const name of names) expect(name).toMatch(/^[a-zA-Z][a-zA-Z0-9_]{0,47}$/)
  })
})

describe('the gateway', () => {
  it('says the revisions that it serves, and has a role of its own', () => {
    expect(all('gateway-none', 'AWS::BedrockAgentCore::Gateway')).toEqual([
      {
        Name: 'gateway-none',
        AuthorizerType: 'NONE',
        ProtocolConfiguration: {
          Mcp: { SupportedVersions: ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] },
        },
        RoleArn: { 'Fn::GetAtt': [expect.stringContaining('Role'), 'Arn'] },
      },
    ])
  })

  it('leaves the names of a tool’s own properties alone', () => {
    const [{ TargetConfiguration }] = all('gateway-none', 'AWS::BedrockAgentCore::GatewayTarget') as [
      Record<string, { Mcp: { Lambda: { ToolSchema: { InlinePayload: { InputSchema: unknown }[] } } } }>,
    ]
    expect(TargetConfiguration!.Mcp.Lambda.ToolSchema.InlinePayload[0]!.InputSchema).toEqual({
      Type: 'object',
      Properties: {
        type: { Type: 'string' },
        properties: { Type: 'object', Properties: { description: { Type: 'string' } } },
      },
      Required: ['type'],
    })
  })

  it('loses no member of a definition on the way into the template', () => {
    const [gateway] = all('gateway-whole', 'AWS::BedrockAgentCore::Gateway')
    const {
      roleArn: _role,
      clientToken: _token,
      ...given
    } = example(createGateway, 'gateway') as Record<string, unknown>
    const { RoleArn: _arn, ...made } = gateway!
    expect(leaves(made).toSorted()).toEqual(leaves(given).toSorted())
    const targets = all('gateway-whole', 'AWS::BedrockAgentCore::GatewayTarget')
    expect(targets).toHaveLength(targetExamples().length)
    for (const [at, { GatewayIdentifier: _id, ...target }] of targets.entries())
      expect(leaves(target).toSorted()).toEqual(leaves(targetExamples()[at]).toSorted())
  })

  it('has the policy that dev enforces, with IAM alone', () => {
    const [{ ResourceArn, Policy }] = all('gateway-iam', 'AWS::BedrockAgentCore::ResourcePolicy') as [
      Record<string, unknown>,
    ]
    expect(JSON.parse(text(Policy))).toEqual(gatewayPolicy(text(ResourceArn), [agent]))
    for (const stack of ['gateway-jwt', 'gateway-none'])
      expect(all(stack, 'AWS::BedrockAgentCore::ResourcePolicy')).toEqual([])
  })

  it('has its log delivered where the service may write, for a month', () => {
    const [source] = all('gateway-iam', 'AWS::Logs::DeliverySource')
    expect(source).toMatchObject({ LogType: 'APPLICATION_LOGS' })
    expect(text(source!.ResourceArn)).toMatch(/GatewayArn}$/)
    const [group] = all('gateway-iam', 'AWS::Logs::LogGroup')
    expect(text(group!.LogGroupName)).toMatch(/^\/aws\/vendedlogs\/bedrock-agentcore\/gateway\/APPLICATION_LOGS\//)
    expect(group).toMatchObject({ RetentionInDays: 30 })
    expect(all('gateway-iam', 'AWS::Logs::Delivery')).toMatchObject([{ DeliverySourceName: source!.Name }])
    expect(String(source!.Name).length).toBeLessThanOrEqual(60)
  })

  it('may do what its definitions name and nothing else', () => {
    const [{ PolicyDocument }] = all('gateway-iam', 'AWS::IAM::Policy') as [
      { PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] } },
    ]
    expect(PolicyDocument.Statement.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['lambda:InvokeFunction', orders.targetConfiguration.mcp.lambda.lambdaArn],
      ['bedrock-agentcore:InvokeAgentRuntime', [runtimeOfOthers, `${runtimeOfOthers}/runtime-endpoint/live`]],
    ])
  })

  it('makes its targets when its role may call them, five at once', () => {
    const targets = Object.entries(
      templates['gateway-iam']!.Resources as Record<string, { Type: string; DependsOn: string[] }>,
    ).filter(([, { Type }]) => Type === 'AWS::BedrockAgentCore::GatewayTarget')
    expect(targets).toHaveLength(9)
    for (const [at, [, { DependsOn }]] of targets.entries()) {
      expect(DependsOn).toContainEqual(expect.stringContaining('RoleDefaultPolicy'))
      if (at >= 5) expect(DependsOn).toContain(targets[at - 5]![0])
    }
  })

  it('has credential providers made whose secrets the bindings name, and takes the others as they are', () => {
    const stack = 'gateway-providers'
    const { Resources: resources } = templates[stack]!
    expect(all(stack, 'AWS::BedrockAgentCore::ApiKeyCredentialProvider')).toEqual([
      { Name: 'stock', ApiKeySecretSource: 'EXTERNAL', ApiKeySecretConfig: { SecretId: 'stock', JsonKey: 'key' } },
    ])
    expect(all(stack, 'AWS::BedrockAgentCore::OAuth2CredentialProvider')).toEqual([
      {
        Name: 'shop',
        CredentialProviderVendor: 'CustomOauth2',
        Oauth2ProviderConfigInput: {
          CustomOauth2ProviderConfig: {
            ClientId: 'gateway',
            ClientSecretSource: 'EXTERNAL',
            ClientSecretConfig: {
              SecretId: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf',
              JsonKey: 'secret',
            },
            OauthDiscovery: { DiscoveryUrl: 'https://login.example.com/.well-known/openid-configuration' },
          },
        },
      },
    ])
    expect(JSON.stringify(resources)).not.toContain('of-this-machine')
    const arnOf = (type: string) => ({
      'Fn::GetAtt': [Object.keys(resources).find((id) => resources[id]!.Type.endsWith(type))!, 'CredentialProviderArn'],
    })
    const [key, client] = [arnOf('ApiKeyCredentialProvider'), arnOf('OAuth2CredentialProvider')]
    const providers = all(stack, 'AWS::BedrockAgentCore::GatewayTarget').map((target) => {
      const [first] = target['CredentialProviderConfigurations'] as { CredentialProvider?: object }[]
      return Object.values(first!.CredentialProvider ?? {})[0] as unknown
    })
    expect(providers).toEqual([
      { ProviderArn: key },
      { ProviderArn: key },
      { ProviderArn: otherProvider },
      { ProviderArn: client, Scopes: ['read'] },
      undefined,
    ])
    const [{ PolicyDocument }] = all(stack, 'AWS::IAM::Policy') as [{ PolicyDocument: { Statement: object[] } }]
    const whole = `arn:aws:bedrock-agentcore:us-east-1:111122223333:${vault}`
    expect(PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Action: 'bedrock-agentcore:GetResourceApiKey',
        Resource: expect.arrayContaining([whole, key, otherProvider]),
      }),
    )
    expect(PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Action: 'bedrock-agentcore:GetResourceOauth2Token',
        Resource: expect.arrayContaining([whole, client]),
      }),
    )
    expect(PolicyDocument.Statement).toContainEqual({
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: [
        'arn:aws:secretsmanager:us-east-1:111122223333:secret:bedrock-agentcore-identity!default/apikey/other-*',
        'arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf',
        'arn:aws:secretsmanager:us-east-1:111122223333:secret:stock-??????',
      ],
    })
  })

  it('with policies has an engine in front of it, and its policies when its targets are there', () => {
    const stack = 'gateway-cedar'
    const { Resources: resources } = templates[stack]!
    const ids = (type: string) =>
      Object.keys(resources).filter((id) => resources[id]!.Type === `AWS::BedrockAgentCore::${type}`)
    const [engine, gateway] = [ids('PolicyEngine')[0]!, ids('Gateway')[0]!]
    expect(all(stack, 'AWS::BedrockAgentCore::PolicyEngine')).toMatchObject([{ Name: 'gateway_cedar' }])
    expect(all(stack, 'AWS::BedrockAgentCore::Gateway')).toMatchObject([
      { PolicyEngineConfiguration: { Arn: { 'Fn::GetAtt': [engine, 'PolicyEngineArn'] }, Mode: 'ENFORCE' } },
    ])
    const made = all(stack, 'AWS::BedrockAgentCore::Policy')
    expect(made).toMatchObject(
      cedar.map(({ name }) => ({
        Name: name,
        PolicyEngineId: { 'Fn::GetAtt': [engine, 'PolicyEngineId'] },
        ValidationMode: 'FAIL_ON_ANY_FINDINGS',
      })),
    )
    expect(
      made.map(({ Definition }) => text((Definition as { Cedar: { Statement: unknown } }).Cedar.Statement)),
    ).toEqual(cedar.map(({ statement }) => statement.replace('${GatewayArn}', `\${${gateway}.GatewayArn}`)))
    const [closed, open] = ids('Policy').map((id) => (resources[id] as unknown as { DependsOn: string[] }).DependsOn)
    expect(ids('GatewayTarget')).toHaveLength(2)
    expect(open).toEqual(expect.arrayContaining([gateway, ...ids('GatewayTarget')]))
    expect(closed).toEqual(expect.arrayContaining([gateway, ...ids('GatewayTarget'), ids('Policy')[1]]))
    const [{ PolicyDocument }] = all(stack, 'AWS::IAM::Policy') as [{ PolicyDocument: { Statement: object[] } }]
    const arn = { 'Fn::GetAtt': [engine, 'PolicyEngineArn'] }
    expect(PolicyDocument.Statement).toContainEqual({
      Sid: 'PolicyEngine',
      Effect: 'Allow',
      Action: 'bedrock-agentcore:GetPolicyEngine',
      Resource: arn,
    })
    expect(PolicyDocument.Statement).toContainEqual({
      Sid: 'Policies',
      Effect: 'Allow',
      Action: ['bedrock-agentcore:AuthorizeAction', 'bedrock-agentcore:PartiallyAuthorizeActions'],
      Resource: ['arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/gateway-cedar-??????????', arn],
    })
  })

  it('names an engine of somebody’s own only by its ARN', () => {
    const make = (policyEngineConfiguration: object) =>
      new AgentcoreGateway(new Stack(new App(), 's', { env: place }), 'Gateway', {
        config: { name: 'tools', platforms: {} },
        gateway: { name: 'tools', roleArn, authorizerType: 'AWS_IAM', policyEngineConfiguration },
        targets: [],
      })
    expect(() => make({ mode: 'ENFORCE' })).toThrow(expect.objectContaining({ code: 'GATEWAY_DEFINITION_INVALID' }))
    expect(
      make({ mode: 'LOG_ONLY', arn: textFor({ kind: 'string' }, 'arn') }).gateway.policyEngineConfiguration,
    ).toEqual({
      arn: textFor({ kind: 'string' }, 'arn'),
      mode: 'LOG_ONLY',
    })
  })

  it('is refused before anything is made when the managed service would refuse it', async () => {
    const project = await readProject(sample)
    const own = { gateway: '../brownfield/gateway.json', targets: ['../brownfield/orders.json'] }
    const asked = (targets: string[]) =>
      portableGateway({
        project: { ...project, config: { ...project.config, platforms: { 'agentcore-gateway': { ...own, targets } } } },
      })
    await expect(asked(own.targets)).resolves.toMatchObject({ gateway: { name: 'brownfield' } })
    await expect(asked([...own.targets, ...own.targets])).rejects.toMatchObject({ code: 'GATEWAY_DEFINITION_INVALID' })
  })
})

describe('fairlead’s own gateway', () => {
  it('has the two permissions of a caller, and may invoke its Lambdas and read its secrets', () => {
    expect(all('gateway-own', 'AWS::Lambda::Permission').map(({ Action }) => Action)).toEqual([
      'lambda:InvokeFunctionUrl',
      'lambda:InvokeFunction',
    ])
    const policy = JSON.stringify(all('gateway-own', 'AWS::IAM::Policy'))
    expect(policy).toContain('arn:aws:lambda:us-east-1:111122223333:function:orders')
    expect(policy).toContain('arn:aws:secretsmanager:us-east-1:111122223333:secret:inventory-??????')
    expect(all('gateway-own', 'AWS::Lambda::Function')).toMatchObject([
      { Environment: { Variables: { FAIRLEAD_PLATFORM: 'agentcore-gateway' } } },
    ])
  })

  it('that takes tokens is behind a distribution, and learns from a parameter what its URL is', () => {
    const stack = 'gateway-own-jwt'
    expect(all(stack, 'AWS::Lambda::Url')).toMatchObject([{ AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' }])
    const [{ Environment }] = all(stack, 'AWS::Lambda::Function') as [{ Environment: { Variables: object } }]
    const name = '/fairlead/tools/prod/agentcore-gateway'
    expect(Environment.Variables).toEqual({
      FAIRLEAD_PLATFORM: 'agentcore-gateway',
      FAIRLEAD_GATEWAY_FROM: `arn:aws:ssm:us-east-1:111122223333:parameter${name}`,
      FAIRLEAD_ORIGIN_SECRET_FROM: { Ref: expect.stringContaining('OriginSecret') },
      NODE_OPTIONS: '--max-semi-space-size=4',
    })
    const [parameter] = all(stack, 'AWS::SSM::Parameter')
    expect(parameter).toMatchObject({ Name: name })
    expect(text(parameter!.Value)).toMatch(/^{"resource":"https:\/\/.*Distribution.*\/mcp"}$/)
    const [{ FunctionCode }] = all(stack, 'AWS::CloudFront::Function') as [Record<string, string>]
    expect(FunctionCode).toContain(String.raw`/.well-known/oauth-protected-resource/mcp\", scope=\"tools/read\"`)
    const outputs = templates[stack]!.Outputs as Record<string, { Value: unknown }>
    expect(outputs.Auth!.Value).toBe('jwt')
    expect(Object.keys(outputs)).toContain('DistributionId')
    expect(Object.keys(outputs)).not.toContain('Service')
  })

  it('that takes tokens may read what it starts with and call its targets, and nothing else', () => {
    const statements = all('gateway-own-jwt', 'AWS::IAM::Policy').flatMap(
      ({ PolicyDocument }) => (PolicyDocument as { Statement: { Action: unknown }[] }).Statement,
    )
    const actions = [...new Set(statements.flatMap(({ Action }) => Action as string | string[]))]
    expect(actions.toSorted()).toEqual([
      'lambda:InvokeFunction',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
    ])
    expect(JSON.stringify(statements)).not.toContain('"Resource":"*"')
    expect(all('gateway-own-jwt', 'AWS::DynamoDB::Table')).toEqual([])
  })

  it('runs as tasks that share nothing, behind CloudFront, a web ACL and a load balancer that no one else reaches', () => {
    const stack = 'gateway-own-tasks'
    const [{ ContainerDefinitions, TaskRoleArn }] = all(stack, 'AWS::ECS::TaskDefinition') as [Record<string, unknown>]
    const [container] = ContainerDefinitions as [{ Environment: { Name: string; Value: unknown }[]; Secrets?: unknown }]
    const variables = Object.fromEntries(container.Environment.map(({ Name, Value }) => [Name, Value]))
    expect(container).toMatchObject({ Image: `${repository}@${image.digest}`, ReadonlyRootFilesystem: true })
    expect(container).not.toHaveProperty('Secrets')
    expect(variables).toMatchObject({
      FAIRLEAD_PLATFORM: 'agentcore-gateway',
      HOST: '0.0.0.0',
      NODE_OPTIONS: '--max-semi-space-size=4',
    })
    expect(text(variables.FAIRLEAD_GATEWAY)).toMatch(/^{"resource":"https:\/\/.*Distribution.*\/mcp"}$/)
    expect(variables).not.toHaveProperty('FAIRLEAD_OAUTH')
    expect(all(stack, 'AWS::DynamoDB::Table')).toEqual([])
    expect(all(stack, 'AWS::DynamoDB::GlobalTable')).toEqual([])
    expect(all(stack, 'AWS::ElasticLoadBalancingV2::LoadBalancer')).toMatchObject([{ Scheme: 'internal' }])
    expect(all(stack, 'AWS::WAFv2::WebACL')).toHaveLength(1)
    const [{ DistributionConfig }] = all(stack, 'AWS::CloudFront::Distribution') as [Record<string, object>]
    expect(DistributionConfig).toHaveProperty('WebACLId')
    const role = (TaskRoleArn as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0]
    const ofRole = all(stack, 'AWS::IAM::Policy').filter(({ Roles }) => JSON.stringify(Roles).includes(role))
    const policy = JSON.stringify(ofRole)
    expect(policy).toContain('arn:aws:lambda:us-east-1:111122223333:function:orders')
    expect(policy).toContain('arn:aws:secretsmanager:us-east-1:111122223333:secret:inventory-??????')
    expect(policy).not.toContain('dynamodb')
    const outputs = templates[stack]!.Outputs as Record<string, { Value: unknown }>
    expect(outputs.Auth!.Value).toBe('jwt')
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(['Url', 'ClusterArn', 'ServiceArn', 'DistributionId']))
  })

  it('is refused by name where it is not deployed', () => {
    const domain = { name: 'mcp.example.com', certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/a' }
    for (const [type, as, why, more] of [
      ['NONE', 'lambda', 'Anyone on the internet'],
      ['NONE', 'fargate', 'Anyone on the internet'],
      ['AWS_IAM', 'lambda', 'its signature covers its own name', { lambda: { waf: true } }],
      ['AWS_IAM', 'lambda', 'its signature covers its own name', { lambda: { domain } }],
    ] as [string, 'lambda' | 'fargate', string, Partial<AgentcoreGatewayConfig>?][])
      expect(() => ownGateway(new App(), `refused-${type}-${as}`, type, as, more)).toThrow(
        expect.objectContaining({ code: 'GATEWAY_NOT_DEPLOYABLE', why: expect.stringContaining(why) }),
      )
  })
})
