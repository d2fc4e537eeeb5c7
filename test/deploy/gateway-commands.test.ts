import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { verify } from '../../src/auth/sigv4/verify.ts'
import type { PolicyDocument } from '../../src/aws/permissions.ts'
import { refusal, type Inbound } from '../../src/gateway/inbound.ts'
import type { LightRequest } from '../../src/http/light-request.ts'
import { createAuthorizer } from '../../src/local/iam/authorize.ts'
import type { Ran } from '../cli/support.ts'
import { startGateway, type Running } from '../gateway/support.ts'
import { account, region, startFakeAws, type FakeAws } from './support/fake-aws/start.ts'
import { deployProject, run, type DeployProject } from './support/run.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const stack = 'hello-default-agentcore-gateway'
const ada = `arn:aws:iam::${account}:user/ada`
const bob = `arn:aws:iam::${account}:role/bob`
const deployer = { accessKeyId: 'AKIAFAKEAWS000000001', secretAccessKey: 'fake-secret' }

const definition = (authorizerType: string) => ({
  name: 'tools',
  roleArn: `arn:aws:iam::${account}:role/replaced`,
  protocolType: 'MCP',
  authorizerType,
  ...(authorizerType === 'CUSTOM_JWT' ? { authorizerConfiguration: { customJWTAuthorizer: jwt } } : {}),
})
const jwt = {
  discoveryUrl: 'https://login.example.com/.well-known/openid-configuration',
  allowedAudience: ['tools'],
  allowedScopes: ['tools/read'],
}
const orders = {
  name: 'orders',
  description: 'Orders of customers',
  targetConfiguration: {
    mcp: {
      lambda: {
        lambdaArn: `arn:aws:lambda:${region}:${account}:function:orders`,
        toolSchema: {
          inlinePayload: [
            {
              name: 'refund',
              description: 'Gives money back.',
              inputSchema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
            },
          ],
        },
      },
    },
  },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
}
const notes = { name: 'notes', targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://notes.example.com/mcp' } } } } // prettier-ignore
const key = `arn:aws:bedrock-agentcore:${region}:${account}:token-vault/default/apikeycredentialprovider/stock`
const stock = {
  name: 'stock',
  targetConfiguration: {
    mcp: {
      openApiSchema: {
        inlinePayload: JSON.stringify({
          openapi: '3.0.3',
          info: { title: 'stock', version: '1' },
          servers: [{ url: 'https://stock.example.com' }],
          paths: { '/items': { get: { operationId: 'items', responses: { 200: { description: 'Items' } } } } },
        }),
      },
    },
  },
  credentialProviderConfigurations: [
    { credentialProviderType: 'API_KEY', credentialProvider: { apiKeyCredentialProvider: { providerArn: key } } },
  ],
}
const bindings = { credentialProviders: { [key]: { apiKeySecretConfig: { secretId: 'of-stock', jsonKey: 'key' } } } }
const cedar = `@id("clerks")
permit(principal is AgentCore::IamEntity, action == AgentCore::Action::"orders___refund", resource == AgentCore::Gateway::"\${GatewayArn}")
when { context.input.amount.lessThan(decimal("500.0")) };
@id("large")
forbid(principal, action == AgentCore::Action::"orders___refund", resource == AgentCore::Gateway::"\${GatewayArn}")
when { context.input.amount.greaterThan(decimal("100.0")) };
`

let project: DeployProject
let aws: FakeAws
const write = (name: string, body: unknown) => writeFileSync(join(project.dir, name), typeof body === 'string' ? body : JSON.stringify(body)) // prettier-ignore

beforeAll(async () => {
  project = await deployProject()
  aws = await startFakeAws()
  const files = { iam: definition('AWS_IAM'), jwt: definition('CUSTOM_JWT'), orders, notes, stock, bindings }
  for (const [name, body] of Object.entries(files)) write(`${name}.json`, body)
  mkdirSync(join(project.dir, 'policies'))
  write('policies/refunds.cedar', cedar)
})
beforeEach(() => {
  aws.stacks.clear()
  aws.credentialProviders.clear()
  aws.gateways.clear()
  aws.secrets.add('of-stock')
  aws.failing.clear()
  aws.outputs.clear()
  aws.log.length = 0
})
afterAll(async () => {
  const { faults } = aws
  await Promise.all([aws.close(), project.remove()])
  expect(faults).toEqual([])
})

function configure(gateway: Record<string, unknown>, callers = [ada]): Promise<void> {
  return project.configure({
    server: undefined,
    callers,
    platforms: {
      'agentcore-gateway': {
        gateway: 'iam.json',
        targets: ['orders.json', 'notes.json', 'stock.json'],
        bindings: 'bindings.json',
        ...gateway,
      },
    },
  })
}

function fairlead(...args: string[]): Promise<Ran> {
  const env = { HOME: join(project.dir, 'home'), CDK_VALIDATION: 'false', FAIRLEAD_POLL_MS: '20' }
  return run([...args, '--project', project.dir], { ...aws.env, ...env })
}

const deploy = (...more: string[]) => fairlead('deploy', '--yes', ...more)

/** The ids of resources in the order in which they were made, or deleted. */
function inOrder(stderr: string, state: string): string[] {
  return [...stderr.matchAll(new RegExp(`${state} +AWS::\\S+ +(\\w+)`, 'g'))].map(([, id]) => id!)
}

/** The MCP endpoint of a managed gateway, which lets in whom the resource policy lets in that was deployed. */
async function endpointOf(gatewayArn: () => string): Promise<Running> {
  const inbound: Inbound = {
    admit: async (request) => {
      const { method, target, rawHeaders, bytes } = request as unknown as LightRequest
      const signed = verify({ method, target, rawHeaders, body: bytes }, { service: 'bedrock-agentcore', region, lookup: (id) => (id === deployer.accessKeyId ? deployer : undefined) }) // prettier-ignore
      if (!signed.ok) return refusal(403, 'AccessDeniedException', signed.why)
      const policy = JSON.parse(aws.resourcePolicies.get(gatewayArn())!) as PolicyDocument
      const may = await createAuthorizer(policy)({ principal: ada, action: 'bedrock-agentcore:InvokeGateway', resource: gatewayArn(), accountId: account, context: {} }) // prettier-ignore
      return may ? { kind: 'iam', id: ada } : refusal(403, 'AccessDeniedException', 'Not allowed')
    },
  }
  return startGateway([orders], { inbound })
}

it('a managed gateway is planned, deployed with its policies last, checked, changed and destroyed', async () => {
  await configure({ policies: ['policies/*.cedar'] })
  aws.secrets.delete('of-stock')
  const missing = 'GATEWAY_BINDING  There is no secret of-stock in AWS Secrets Manager'
  const refused = await deploy('--no-doctor')
  expect(refused.stderr).toContain(missing)
  expect(aws.stacks.size).toBe(0)
  expect((await fairlead('plan')).stdout).toContain(`! deploy would refuse this: ${missing}`)
  aws.secrets.add('of-stock')
  aws.gateways.add('tools-abcdefghij')
  const taken = 'NAME_REFUSED  "tools" cannot be the name of GatewayBCF9E5FF: the gateway tools-abcdefghij has it'
  expect((await deploy('--no-doctor')).stderr).toContain(taken)
  expect(aws.stacks.size).toBe(0)
  aws.gateways.clear()

  const endpoint = await endpointOf(() => aws.stacks.get(stack)!.outputs['GatewayArn']!)
  try {
    aws.outputs.set(stack, { Url: endpoint.url })
    const planned = await fairlead('plan')
    expect(planned.stdout).toMatch(/\+ AWS::BedrockAgentCore::GatewayTarget +GatewayTargetorders/)
    expect(planned.stdout).toMatch(/allow bedrock-agentcore:InvokeGateway on\s+\$\{Gateway\w+\.GatewayArn\} for\s+AWS:arn:aws:iam::111122223333:user\/ada/) // prettier-ignore
    const { code, stdout, stderr } = await deploy()
    expect(stderr).toContain(planned.stdout.trim())
    expect(code).toBe(0)
    expect(stdout).toMatch(/^agentcore-gateway {2}http:\S+ {2}\(iam\)\n {2}✔ doctor: \d+ checks passed\n/)
    expect(stdout).toContain('--auth sigv4 --service bedrock-agentcore --region eu-central-1')
    const made = inOrder(stderr, 'CREATE_COMPLETE').map((id) => id.replace(/[0-9A-F]{8}$/, ''))
    const at = (id: string) => made.indexOf(id)
    const order = ['GatewayRole', 'GatewayRoleDefaultPolicy', 'Gateway', 'GatewayTargetorders', 'GatewayPolicyEngineclerks', 'GatewayPolicyEnginelarge'] // prettier-ignore
    expect(order.toSorted((a, b) => at(a) - at(b))).toEqual(order)
    expect(at('GatewayPolicyEngine')).toBeLessThan(at('Gateway'))
    expect(at('GatewayProviderapikeystock')).toBeLessThan(at('GatewayTargetstock'))
    expect(at('GatewayTargetnotes')).toBeLessThan(at('GatewayPolicyEngineclerks'))

    const { outputs } = aws.stacks.get(stack)!
    const arn = `arn:aws:bedrock-agentcore:${region}:${account}:gateway/${outputs['GatewayId']}`
    expect(outputs).toMatchObject({ Auth: 'iam', Service: 'bedrock-agentcore', GatewayArn: arn })
    expect((await fairlead('outputs')).stdout).toContain(`agentcore-gateway.GatewayArn=${arn}\n`)
    expect((await fairlead('status')).stdout).toContain(`  the same as here\n  ${endpoint.url}  (iam)\n`)
    expect((await fairlead('plan')).stdout).toContain(`${stack}  no changes`)
    aws.logGroups.get(outputs['LogGroup']!)!.push({ stream: 'a', at: Date.now(), message: 'a call\n' })
    expect((await fairlead('logs')).stdout).toMatch(/Z {2}a call\n$/)
    expect((await fairlead('grants')).stdout).toContain(`${ada}  in the configuration`)

    // The service knows no renaming, and no second gateway of a name.
    write('iam.json', { ...definition('AWS_IAM'), name: 'tools-of-the-shop' })
    aws.log.length = 0
    const renamed = await deploy()
    expect(renamed.stderr).toMatch(
      /NAME_REFUSED {2}GatewayBCF9E5FF of hello-default-agentcore-gateway cannot be renamed/,
    )
    expect(renamed.stderr).toMatch(/Fix .*fairlead destroy --platform agentcore-gateway/)
    expect(aws.log.filter(({ operation }) => /Create|Execute/.test(operation))).toEqual([])
    write('iam.json', definition('AWS_IAM'))

    // Nobody may call it any more, which the doctor sees as the caller does.
    write('policies/refunds.cedar', cedar.replace('500.0', '400.0'))
    await configure({ policies: ['policies/*.cedar'] }, [bob])
    const changed = await deploy('--no-doctor')
    expect(changed.stderr).toMatch(
      /~ AWS::BedrockAgentCore::Policy +GatewayPolicyEngineclerks\w+ {2}changes: Definition/,
    )
    expect(changed.stderr).toMatch(/statements added\n +allow bedrock-agentcore:InvokeGateway on [^]*role\/bob\n {2}IAM statements taken away\n +allow bedrock-agentcore:InvokeGateway [^]*user\/ada/) // prettier-ignore
    expect(inOrder(changed.stderr, 'UPDATE_COMPLETE')).toHaveLength(3)
    expect(changed.code).toBe(0)
    const again = await deploy()
    expect(again.stdout).toContain('  ✗ sigv4-taken: ')
    expect(again.code).toBe(6)

    const destroyed = await fairlead('destroy', '--yes')
    expect(destroyed.stdout).toBe(`Destroyed: ${stack}\n`)
    const gone = inOrder(destroyed.stderr, 'DELETE_COMPLETE').map((id) => id.replace(/[0-9A-F]{8}$/, ''))
    expect(gone).toEqual([...made.slice(0, -1).toReversed(), made.at(-1)])
    expect((await fairlead('status')).stdout).toContain(`${stack}  not deployed`)
  } finally {
    await endpoint.close()
  }
})

it.each([
  [
    'iam.json',
    'GatewayTargetorders701E3C67',
    'Resource handler returned message: "Gateway execution role lacks permission to invoke Lambda function arn:aws:lambda:eu-central-1:111122223333:function:orders. Update the permission and retry (Service: BedrockAgentCoreControl, Status Code: 400, Request ID: 0)" (RequestToken: 1, HandlerErrorCode: InvalidRequest)', // prettier-ignore
    /Fix .*run the same command again.*aws lambda get-function --function-name arn:aws:lambda:eu-central-1:111122223333:function:orders$/m,
  ],
  [
    'jwt.json',
    'GatewayTargetnotes2E51C2CA',
    'Resource handler returned message: "Failed to connect and fetch tools from the provided MCP target server. Error - Apache transport request failed"', // prettier-ignore
    /Fix .*asks the MCP server for its tools.*fairlead doctor URL/,
  ],
])(
  'a target of %s that fails (%s) is named with its reason and what helps, and nothing is left',
  async (gateway, id, reason, fix) => {
    await configure({ gateway })
    aws.failing.set(id, reason)
    const { code, stderr } = await deploy('--no-doctor')
    expect(code).toBe(7)
    expect(stderr).toContain(
      `CREATE_FAILED              AWS::BedrockAgentCore::GatewayTarget ${id}\n          ${reason}\n`,
    )
    expect(stderr).toMatch(/ROLLBACK_IN_PROGRESS +AWS::CloudFormation::Stack[^]*DELETE_COMPLETE +AWS::BedrockAgentCore::Gateway /) // prettier-ignore
    expect(stderr).toContain(
      `DEPLOY_FAILED  ${id} (AWS::BedrockAgentCore::GatewayTarget) of ${stack} could not be made`,
    )
    expect(stderr).toContain(`  Why   ${reason}\n`)
    expect(stderr).toMatch(fix)
    expect(aws.stacks.get(stack)).toMatchObject({ status: 'ROLLBACK_COMPLETE' })
    expect(aws.stacks.get(stack)!.resources.size).toBe(0)
    aws.failing.clear()
    const again = await deploy('--no-doctor')
    expect(again.stderr).toContain(`! ${stack} is ROLLBACK_COMPLETE: it was never made.`)
    expect(again.stdout).toMatch(/^agentcore-gateway {2}https:\/\/tools-\w{10}\.gateway\.bedrock-agentcore\.eu-central-1\.amazonaws\.com\/mcp {2}\((iam|jwt)\)\n/) // prettier-ignore
    expect(again.stdout).toContain(gateway === 'jwt.json' ? '{"hello-agentcore-gateway":{"url":"https:' : '"--auth","sigv4","--service","bedrock-agentcore"') // prettier-ignore
    expect(again.code).toBe(0)
    expect(aws.stacks.get(stack)!.status).toBe('CREATE_COMPLETE')
  },
)

it('our own gateway as a function is deployed with its code, compared with what is here, and destroyed', async () => {
  await configure({ deployAs: 'lambda' }, [ada, bob])
  const { code, stdout, stderr } = await deploy('--no-doctor')
  expect(stderr).toMatch(/\+ AWS::Lambda::Url +GatewayFunctionFunctionUrl/)
  expect(stderr).toMatch(/allow lambda:InvokeFunctionUrl on \S+ for\s+AWS:arn:aws:iam::111122223333:user\/ada/)
  expect(stderr).toMatch(/upload Gateway\/Function\/Code\n[^]*CREATE_COMPLETE +AWS::Lambda::Function +GatewayFunction/)
  expect(stdout).toMatch(/^agentcore-gateway {2}https:\/\/\w+\.lambda-url\.eu-central-1\.on\.aws\/mcp {2}\(iam\)/)
  expect(stdout).toContain('--auth sigv4 --service lambda --region eu-central-1')
  expect(code).toBe(0)
  expect((await fairlead('grants')).stdout).toMatch(/user\/ada {2}in the configuration\n {2}\S+role\/bob {2}in the/)
  expect((await fairlead('plan')).stdout).toContain(`${stack}  no changes`)
  write('orders.json', { ...orders, description: 'Orders, and what became of them' })
  expect((await fairlead('status')).stdout).toMatch(/ {2}differs from here, the artifact too: GatewayFunction/)
  write('orders.json', orders)
  expect((await fairlead('destroy', '--yes')).stdout).toBe(`Destroyed: ${stack}\n`)
})

it('our own gateway that takes tokens is behind a distribution, with its web ACL in us-east-1 before it', async () => {
  await configure({ gateway: 'jwt.json', deployAs: 'lambda', lambda: { waf: true } })
  const { code, stdout } = await deploy('--no-doctor')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^agentcore-gateway {2}https:\/\/\S+\.cloudfront\.net\/mcp {2}\(jwt\)\n {2}Cursor: \{"hello-agentcore-gateway":\{"url":"https:\S+"\}\}\n/) // prettier-ignore
  expect(stdout).toContain('--auth oauth --write')
  expect([...aws.stacks.keys()]).toEqual(['us-east-1/hello-default-edge-eu-central-1', stack])
  expect((await fairlead('plan')).stdout).toMatch(
    /edge-eu-central-1 {2}no changes\n\n\S+-agentcore-gateway {2}no changes/,
  )
  expect((await fairlead('destroy', '--yes')).stdout).toMatch(/^Destroyed: hello-default-edge-eu-central-1, \S+\n$/)
})
