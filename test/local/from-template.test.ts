import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { buildAuthorizationService } from '../../src/build/authorization-service.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import type { Project } from '../../src/build/project.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import type { ImagePlan } from '../../src/deploy/deployment.ts'
import { writeDockerContext } from '../../src/deploy/oci/docker.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import type { RequestRecord } from '../../src/local/requests.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'
import { platformNames, type Platform } from '../../src/platforms.ts'
import { pinMadeUpBase } from '../support/pinned-base.ts'

const entry = fileURLToPath(new URL('../fixtures/contract-server.ts', import.meta.url))
const brownfield = fileURLToPath(new URL('../../examples/brownfield', import.meta.url))
const agent = 'arn:aws:iam::111122223333:role/agent'
const root = mkdtempSync(join(tmpdir(), 'fairlead-template-'))
const iam = join(root, 'iam')
const oauth = join(root, 'oauth')
const inImage = join(root, 'in-image')
const byDocker = join(root, 'by-docker')
const image = {
  kind: 'registry',
  repository: '111122223333.dkr.ecr.us-east-1.amazonaws.com/contract',
  digest: `sha256:${'a'.repeat(64)}`,
} as const
const config: FairleadConfig = {
  name: 'contract',
  server: { kind: 'module', entry },
  callers: [agent],
  scopes: { read: { description: 'Read' } },
  baseScopes: ['read'],
  platforms: {
    lambda: { memoryMb: 512, timeoutS: 20 },
    'agentcore-runtime': { idleS: 120, headers: ['X-Tenant'] },
    'agentcore-gateway': {
      gateway: join(root, 'gateway.json'),
      targets: [join(brownfield, 'orders.json'), join(root, 'inventory.json')],
      bindings: join(root, 'bindings.json'),
      policies: [join(root, '*.cedar')],
    },
  },
}
const project: Project = { dir: join(root, 'project'), configFile: '', config }

beforeAll(async () => {
  writeFileSync(
    join(root, 'gateway.json'),
    JSON.stringify({ name: 'shop', roleArn: 'arn:aws:iam::111122223333:role/x', authorizerType: 'AWS_IAM' }),
  )
  writeFileSync(
    join(root, 'shop.cedar'),
    `permit(principal is AgentCore::IamEntity, action == AgentCore::Action::"orders___get_order",
       resource == AgentCore::Gateway::"\${GatewayArn}") when { context.input.order_id like "A-*" };
     permit(principal is AgentCore::IamEntity, action == AgentCore::Action::"inventory___listProducts",
       resource == AgentCore::Gateway::"\${GatewayArn}");`,
  )
  writeInventory()
  const guarded = {
    ...config,
    platforms: { lambda: { auth: 'oauth' as const }, fargate: { tasks: 2, memoryMb: 1024 } },
  }
  const [server, guardedServer, authorizationService] = await Promise.all([
    buildForAws({ projectDir: root, config, outDir: join(root, 'server') }),
    buildForAws({ projectDir: root, config: guarded, outDir: join(root, 'guarded') }),
    buildAuthorizationService(join(root, 'authorization-service')),
  ])
  const place = { environment: 'prod', account: '111122223333', region: 'us-east-1' }
  const synthesized = (of: FairleadConfig, artifacts: object, out: string, own: ImagePlan = image) => {
    const platforms = platformNames.filter((name) => of.platforms[name])
    return synthesize(
      { project: { ...project, config: of }, ...place, platforms, artifacts, images: { server: own } },
      out,
    )
  }
  await synthesized(config, { server }, iam)
  await synthesized(guarded, { server: guardedServer, authorizationService }, oauth)
  const container = { ...config, platforms: { 'agentcore-runtime': { package: 'image' as const } } }
  await synthesized(container, { server }, inImage)
  const base = pinMadeUpBase(root)
  const dir = writeDockerContext({ artifactDir: server.dir, base, outDir: join(root, 'context') })
  await synthesized(container, { server }, byDocker, { kind: 'docker', dir })
}, 60_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A target whose key a credential provider has that the stack makes, in the account that is deployed to. */
function writeInventory(): void {
  const arn = 'arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/stock'
  const target = JSON.parse(readFileSync(join(brownfield, 'inventory.json'), 'utf8')) as Loose
  target.credentialProviderConfigurations[0].credentialProvider.apiKeyCredentialProvider.providerArn = arn
  writeFileSync(join(root, 'inventory.json'), JSON.stringify(target))
  const { functions, endpoints, credentialProviders, s3 } = JSON.parse(
    readFileSync(join(brownfield, 'bindings.json'), 'utf8'),
  ) as Loose
  for (const each of [functions, endpoints].flatMap((map) => Object.values(map as object) as Loose[]))
    for (const key of ['handler', 'run']) if (each[key]) each[key] = join(brownfield, each[key])
  for (const key of Object.keys(s3)) s3[key] = join(brownfield, s3[key])
  const secret = { apiKeySecretConfig: { secretId: 'stock', jsonKey: 'key' } }
  const bindings = {
    functions,
    endpoints,
    s3,
    credentialProviders: { [arn]: { ...(Object.values(credentialProviders)[0] as object), ...secret } },
  }
  writeFileSync(join(root, 'bindings.json'), JSON.stringify(bindings))
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Resource {
  Type: string
  Properties: Record<string, unknown>
}

type Change = (resources: Record<string, Resource>) => void

let copies = 0

/** A copy of the stacks with one mistake in the stack of a platform. */
function mistaken(platform: Platform, change: Change, from = iam): string {
  const dir = join(root, `copy-${copies++}`)
  cpSync(from, dir, { recursive: true })
  const file = join(dir, `contract-prod-${platform}.template.json`)
  const template = JSON.parse(readFileSync(file, 'utf8')) as { Resources: Record<string, Resource> }
  change(template.Resources)
  writeFileSync(file, JSON.stringify(template))
  return file
}

function drop(type: string, which: (properties: Record<string, unknown>) => boolean): Change {
  return (resources) => {
    const found = Object.entries(resources).filter(([, { Type, Properties }]) => Type === type && which(Properties))
    expect(found).toHaveLength(1)
    delete resources[found[0]![0]]
  }
}

/** A template has any shape; what is not there makes the test fail. */
type Loose = Record<string, LooseValue>
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type LooseValue = any

function edit(type: string, change: (properties: Loose) => void): Change {
  return (resources) => {
    const found = Object.values(resources).filter(({ Type }) => Type === type)
    expect(found.length).toBeGreaterThan(0)
    change(found[0]!.Properties)
  }
}

interface Started extends Stack {
  /** The first request that was refused, when its record is there. */
  refused: Promise<RequestRecord>
}

async function start(path: string): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-state-'))
  closers.push(async () => rmSync(folder, { recursive: true, force: true }))
  const { project: read, deployed } = await fromTemplate({ ...project, dir: folder }, path)
  const refused = Promise.withResolvers<RequestRecord>()
  const stack = await startStack(read, {
    port: 0,
    deployed,
    onRequest: (record) => record.code && refused.resolve(record),
  })
  closers.push(() => stack.close())
  return { ...stack, refused: refused.promise }
}

function signed(stack: Stack, name: 'lambda' | 'agentcore-runtime' | 'agentcore-gateway', who = 'agent'): typeof fetch {
  const service = name === 'lambda' ? 'lambda' : 'bedrock-agentcore'
  const credentials = stack.identities.find((each) => each.name === who)!
  return sigv4Fetch({ credentials, service, region: 'us-east-1' })
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function call(stack: Stack, name: Platform, send: typeof fetch, tool = 'echo', args: object = { text: 'hi' }) {
  return send(stack.endpoints[name]!.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': tool,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: args, _meta: meta },
    }),
  })
}

describe('the local stack from a template', () => {
  it('runs what is deployed: function, runtime and gateway, for the caller that it lets in', async () => {
    const stack = await start(iam)
    expect(Object.keys(stack.endpoints)).toEqual(['lambda', 'agentcore-runtime', 'agentcore-gateway'])
    for (const name of ['lambda', 'agentcore-runtime'] as const) {
      const answer = await call(stack, name, signed(stack, name))
      expect(answer.status, name).toBe(200)
      expect(await answer.text()).toContain('hi')
    }
    expect(stack.endpoints['agentcore-runtime']!.url).toContain('qualifier=live')
    const order = await call(stack, 'agentcore-gateway', signed(stack, 'agentcore-gateway'), 'orders___get_order', {
      order_id: 'A-1001',
    })
    expect(await order.text()).toContain('A-1001')
    const stock = await call(
      stack,
      'agentcore-gateway',
      signed(stack, 'agentcore-gateway'),
      'inventory___listProducts',
      {},
    )
    expect(await stock.text()).toContain('ROPE-12')
    const refused = await call(stack, 'lambda', signed(stack, 'lambda', 'stranger'))
    expect(refused.status).toBe(403)
    expect(await stack.refused).toMatchObject({ code: 'IAM_DENIED' })
    const ended = await call(
      stack,
      'agentcore-gateway',
      signed(stack, 'agentcore-gateway', 'stranger'),
      'orders___get_order',
    )
    expect(ended.status).toBe(403)
    const other = await call(stack, 'agentcore-gateway', signed(stack, 'agentcore-gateway'), 'orders___get_order', {
      order_id: 'B-1001',
    })
    expect(await other.text()).toContain('[No policy applies to the request (denied by default).]')
  }, 30_000)

  it('runs the service of fargate alone on what is in its image, which is the function’s', async () => {
    const stack = await start(join(oauth, 'contract-prod-fargate.template.json'))
    expect(Object.keys(stack.endpoints)).toEqual(['fargate'])
    expect((await call(stack, 'fargate', fetch)).status).toBe(401)
    const { deployed } = await fromTemplate(project, oauth)
    const files = [deployed.lambda!, deployed.fargate!].map(({ artifactDir }) => readFileSync(join(artifactDir, 'index.js'))) // prettier-ignore
    expect(deployed.fargate!.artifactDir).toBe(join(oauth, `image.${'a'.repeat(64)}`))
    expect(files[0]!.equals(files[1]!)).toBe(true)
    const mistake = mistaken('fargate', edit('AWS::ECS::TaskDefinition', ({ ContainerDefinitions: [container] }) => (container.Image = 'node:24')), oauth) // prettier-ignore
    await expect(start(mistake)).rejects.toMatchObject({ code: 'TEMPLATE_NOT_RUNNABLE' })
  }, 30_000)

  it('runs a runtime by choice in an image, fairlead’s own and Docker’s', async () => {
    const stack = await start(inImage)
    const answer = await call(stack, 'agentcore-runtime', signed(stack, 'agentcore-runtime'))
    expect(await answer.text()).toContain('hi')
    const { deployed } = await fromTemplate(project, byDocker)
    expect(deployed['agentcore-runtime']!.artifactDir).toMatch(/by-docker\/asset\.[0-9a-f]{64}\/app$/)
    const mistake = mistaken('agentcore-runtime', edit('AWS::BedrockAgentCore::Runtime', ({ AgentRuntimeArtifact: { ContainerConfiguration } }) => (ContainerConfiguration.ContainerUri = 'node:24')), inImage) // prettier-ignore
    await expect(start(mistake)).rejects.toMatchObject({ code: 'TEMPLATE_NOT_RUNNABLE' })
  }, 30_000)

  it('behind OAuth puts the stand-ins’ values where the template names secrets', async () => {
    const stack = await start(oauth)
    const answer = await call(stack, 'lambda', fetch)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('contract/read')
    const around = await call(
      { ...stack, endpoints: { lambda: { ...stack.endpoints.lambda!, url: stack.endpoints.lambda!.originUrl! } } },
      'lambda',
      fetch,
    )
    expect(around.status).toBe(403)
  }, 30_000)
})

describe('a mistake in the template', () => {
  it.for(['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'])(
    'without the statement %s is a 403 of the function URL, with the proof',
    async (action) => {
      const stack = await start(
        mistaken(
          'lambda',
          drop('AWS::Lambda::Permission', ({ Action }) => Action === action),
        ),
      )
      const answer = await call(stack, 'lambda', signed(stack, 'lambda'))
      expect(answer.status).toBe(403)
      const record = await stack.refused
      expect(record).toMatchObject({ code: 'IAM_DENIED', principal: agent })
      expect(record.why).toContain(`to do ${action} on`)
    },
  )

  it('of another caller in the policy keeps the agent out of the runtime', async () => {
    const path = mistaken('agentcore-runtime', (resources) => {
      for (const { Type, Properties } of Object.values(resources))
        if (Type === 'AWS::BedrockAgentCore::ResourcePolicy')
          Properties.Policy = JSON.parse(
            JSON.stringify(Properties.Policy).replaceAll(
              'bedrock-agentcore:InvokeAgentRuntime',
              'bedrock-agentcore:GetAgentCard',
            ),
          )
    })
    const stack = await start(path)
    const answer = await call(stack, 'agentcore-runtime', signed(stack, 'agentcore-runtime'))
    expect(answer.status).toBe(403)
    expect(await stack.refused).toMatchObject({ code: 'IAM_DENIED' })
  })

  it('without a policy on the endpoint is a 403 of the runtime, whose own policy is there', async () => {
    const path = mistaken(
      'agentcore-runtime',
      drop('AWS::BedrockAgentCore::ResourcePolicy', ({ ResourceArn }) =>
        JSON.stringify(ResourceArn).includes('EndpointArn'),
      ),
    )
    const stack = await start(path)
    const answer = await call(stack, 'agentcore-runtime', signed(stack, 'agentcore-runtime'))
    expect(answer.status).toBe(403)
    expect((await stack.refused).why).toContain('/runtime-endpoint/live')
  })

  it('in the handler keeps the function from starting', async () => {
    const file = edit('AWS::Lambda::Function', (properties) => (properties.Handler = 'server.handler'))
    await expect(start(mistaken('lambda', file))).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      message: expect.stringContaining('there is no server.js in its code'),
      fix: 'Write Handler: index.handler',
    })
    const name = edit('AWS::Lambda::Function', (properties) => (properties.Handler = 'index.main'))
    await expect(start(mistaken('lambda', name))).rejects.toMatchObject({
      code: 'SERVER_THROWS',
      message: expect.stringMatching(/template\.json: \w+: .*index\.main is undefined or not exported/) as string,
      fix: 'Correct Handler; what fairlead builds has index.handler.',
    })
  })

  it('in the timeout ends a call, and one in the invoke mode keeps a stream until it is whole', async () => {
    const path = mistaken('lambda', (resources) => {
      edit('AWS::Lambda::Function', (properties) => (properties.Timeout = 1))(resources)
      edit('AWS::Lambda::Url', (properties) => (properties.InvokeMode = 'BUFFERED'))(resources)
    })
    const { deployed } = await fromTemplate(project, path)
    expect(deployed.lambda).toMatchObject({ timeoutS: 1, mode: 'BUFFERED', memoryMb: 512 })
    const stack = await start(path)
    const answer = await call(stack, 'lambda', signed(stack, 'lambda'), 'hang', {})
    expect(answer.status).toBe(502)
    expect(await stack.refused).toMatchObject({ code: 'LAMBDA_TIMEOUT' })
  })

  it('in the auth type keeps everyone out, until a statement lets everyone in by both actions', async () => {
    const none = edit('AWS::Lambda::Url', (properties) => (properties.AuthType = 'NONE'))
    const closed = await start(mistaken('lambda', none))
    expect((await call(closed, 'lambda', signed(closed, 'lambda'))).status).toBe(403)
    expect((await closed.refused).why).toContain('no statement allows everyone to do lambda:InvokeFunctionUrl')
    const stack = await start(
      mistaken('lambda', (resources) => {
        none(resources)
        for (const { Type, Properties } of Object.values(resources))
          if (Type === 'AWS::Lambda::Permission') {
            Properties.Principal = '*'
            if (Properties.FunctionUrlAuthType) Properties.FunctionUrlAuthType = 'NONE'
          }
      }),
    )
    expect(stack.endpoints.lambda!.auth).toBe('none')
    expect((await call(stack, 'lambda', fetch)).status).toBe(200)
  })

  it('without the permission to read a secret keeps the function from starting', async () => {
    const path = mistaken(
      'lambda',
      (resources) => {
        for (const { Type, Properties } of Object.values(resources))
          if (Type === 'AWS::IAM::Policy') {
            const document = Properties.PolicyDocument as { Statement: { Action: unknown }[] }
            document.Statement = document.Statement.filter(({ Action }) => !JSON.stringify(Action).includes('ssm:'))
          }
      },
      oauth,
    )
    await expect(start(path)).rejects.toMatchObject({
      code: 'SETTING_UNREADABLE',
      fix: expect.stringContaining('ssm:GetParameter'),
    })
  })

  it('without the permission to invoke a Lambda is what AWS refuses a target for', async () => {
    const path = mistaken(
      'agentcore-gateway',
      drop('AWS::IAM::Policy', () => true),
    )
    await expect(start(path)).rejects.toMatchObject({ code: 'TEMPLATE_NOT_RUNNABLE' })
  })

  it('without the permission to use a credential provider is what every call of its target fails for on AWS', async () => {
    const path = mistaken(
      'agentcore-gateway',
      edit('AWS::IAM::Policy', ({ PolicyDocument: document }) => {
        const asksForKey = ({ Action }: Loose) => JSON.stringify(Action).includes('GetResourceApiKey')
        document.Statement = document.Statement.filter((each: Loose) => !asksForKey(each))
      }),
    )
    await expect(start(path)).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      message: expect.stringContaining('credential provider of inventory'),
    })
  })

  it('without the permission to ask the policy engine is what denies every call on AWS', async () => {
    const path = mistaken(
      'agentcore-gateway',
      edit('AWS::IAM::Policy', ({ PolicyDocument: document }) => {
        document.Statement = document.Statement.filter(({ Sid: sid }: { Sid?: string }) => sid !== 'Policies')
      }),
    )
    await expect(start(path)).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      why: expect.stringContaining('AuthorizeAction'),
    })
  })

  it('in the runtime’s entry point or protocol is told', async () => {
    const path = mistaken(
      'agentcore-runtime',
      edit('AWS::BedrockAgentCore::Runtime', (properties) => {
        properties.AgentRuntimeArtifact.CodeConfiguration.EntryPoint = ['server.ts']
      }),
    )
    await expect(start(path)).rejects.toMatchObject({ code: 'TEMPLATE_NOT_RUNNABLE' })
    const http = mistaken(
      'agentcore-runtime',
      edit('AWS::BedrockAgentCore::Runtime', (properties) => {
        properties.ProtocolConfiguration = 'HTTP'
      }),
    )
    await expect(start(http)).rejects.toMatchObject({ code: 'TEMPLATE_NOT_RUNNABLE' })
  })

  it('in the lifecycle and the headers is what the local runtime has', async () => {
    const path = mistaken(
      'agentcore-runtime',
      edit('AWS::BedrockAgentCore::Runtime', (properties) => {
        properties.LifecycleConfiguration.IdleRuntimeSessionTimeout = 60
        properties.RequestHeaderConfiguration.RequestHeaderAllowlist = ['X-Other']
      }),
    )
    const { project: read } = await fromTemplate(project, path)
    expect(read.config.platforms['agentcore-runtime']).toMatchObject({ idleS: 60, headers: ['X-Other'] })
  })

  it('in the variables of a function behind OAuth keeps it from starting: it is not open', async () => {
    const file = mistaken(
      'lambda',
      edit('AWS::Lambda::Function', ({ Environment }) => delete Environment.Variables.FAIRLEAD_OAUTH_FROM),
      oauth,
    )
    await expect(start(file)).rejects.toMatchObject({ code: 'SERVER_THROWS' })
  })

  it('in the port of a task is told', async () => {
    const file = mistaken(
      'fargate',
      edit('AWS::ECS::TaskDefinition', (properties) => {
        properties.ContainerDefinitions[0].PortMappings[0].ContainerPort = 8080
      }),
      oauth,
    )
    await expect(start(dirname(file))).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      message: expect.stringContaining('8000'),
    })
  })

  it('in the variables of a task keeps it from starting', async () => {
    const file = mistaken(
      'fargate',
      edit('AWS::ECS::TaskDefinition', (properties) => {
        const [container] = properties.ContainerDefinitions
        container.Environment = container.Environment.filter(({ Name }: { Name: string }) => Name !== 'FAIRLEAD_OAUTH')
      }),
      oauth,
    )
    await expect(start(dirname(file))).rejects.toMatchObject({ code: 'SERVER_THROWS' })
  })

  it('that CloudFormation would not take is told with the file', async () => {
    const path = mistaken(
      'lambda',
      edit('AWS::Lambda::Function', (properties) => (properties.Role = { Ref: 'Nobody' })),
    )
    await expect(start(path)).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      message: expect.stringContaining('Nobody'),
    })
    await expect(start(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'TEMPLATE_UNREADABLE' })
  })
})
