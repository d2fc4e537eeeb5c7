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
  for (const [name, body] of Object.entries({ 'iam.json': definition('AWS_IAM'), 'jwt.json': definition('CUSTOM_JWT'), 'orders.json': orders, 'notes.json': notes })) write(name, body) // prettier-ignore
  mkdirSync(join(project.dir, 'policies'))
  write('policies/refunds.cedar', cedar)
})
beforeEach(() => {
  aws.stacks.clear()
  aws.failing.clear()
  aws.outputs.clear()
  aws.log.length = 0
})
afterAll(async () => {
  const { faults } = aws
  await Promise.all([aws.close(), project.remove()])
  expect(faults).toEqual([])
})

function configure(gateway: Record<string, unknown>): Promise<void> {
  return project.configure({
    server: undefined,
    callers: [ada],
    platforms: { 'agentcore-gateway': { gateway: 'iam.json', targets: ['orders.json', 'notes.json'], ...gateway } },
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
    expect(at('GatewayTargetnotes')).toBeLessThan(at('GatewayPolicyEngineclerks'))
  } finally {
    await endpoint.close()
  }
})
