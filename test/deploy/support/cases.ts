import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeArtifact, type Artifact } from '../../../src/build/artifact.ts'
import type { Workload } from '../../../src/choose/workload.ts'
import type { FairleadConfig } from '../../../src/config.ts'
import type { Template } from '../../../src/deploy/app.ts'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import type { Platform } from '../../../src/platforms.ts'
import { stacksOf } from './stacks-of.ts'

const dir = mkdtempSync(join(tmpdir(), 'fairlead-standing-'))

const target = {
  name: 'orders',
  targetConfiguration: {
    mcp: {
      lambda: {
        lambdaArn: 'arn:aws:lambda:us-east-1:111122223333:function:orders',
        toolSchema: { inlinePayload: [{ name: 'get', description: 'Gets.', inputSchema: { type: 'object' } }] },
      },
    },
  },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
}
const gateway = { name: 'tools', protocolType: 'MCP', authorizerType: 'AWS_IAM', roleArn: 'arn:aws:iam::111122223333:role/r' } // prettier-ignore
const jwt = {
  authorizerType: 'CUSTOM_JWT',
  authorizerConfiguration: {
    customJWTAuthorizer: {
      discoveryUrl: 'https://auth.example.com/.well-known/openid-configuration',
      allowedAudience: ['tools'],
    },
  },
}

function written(name: string, value: object): string {
  const file = join(dir, name)
  writeFileSync(file, JSON.stringify(value))
  return file
}

function ownGateway(name: string, definition: object): { gateway: Artifact } {
  mkdirSync(join(dir, name))
  const facts = JSON.stringify({ gateway: { ...gateway, ...definition }, targets: [target], bindings: {} })
  return { gateway: writeArtifact(join(dir, name, 'artifact'), 'export {}\n', [], { 'gateway.json': facts }) }
}

const image = { kind: 'registry', repository: '111122223333.dkr.ecr.us-east-1.amazonaws.com/x', digest: `sha256:${'a'.repeat(64)}` } as const // prettier-ignore
const managed = { gateway: written('gateway.json', gateway), targets: [written('target.json', target)] }
const clients = [
  { id: 'desktop', redirectUris: ['http://localhost:1/'] },
  { id: 'machine', secretEnv: 'MACHINE_SECRET' },
]

export interface Case {
  platforms: FairleadConfig['platforms']
  more?: Partial<FairleadConfig>
  deployment?: Partial<Deployment>
  /** Of `fairlead cost`, where it counts this very thing. */
  costs?: { platform: Platform; workload?: Partial<Workload> }
}

/** What a deployment may be: each platform with each way to sign in. */
export const cases: Record<string, Case> = {
  'lambda with IAM': { platforms: { lambda: {} }, costs: { platform: 'lambda' } },
  'lambda with OAuth': {
    platforms: { lambda: { auth: 'oauth' } },
    costs: { platform: 'lambda', workload: { lambdaAuth: 'oauth' } },
  },
  'lambda with a web ACL and clients': { platforms: { lambda: { auth: 'oauth', waf: true } }, more: { oauth: { clients } } }, // prettier-ignore
  'lambda with Cognito’s own tokens': { platforms: { lambda: { auth: 'oauth' } }, more: { oauth: { verifier: 'cognito', clients } } }, // prettier-ignore
  fargate: { platforms: { fargate: {} }, costs: { platform: 'fargate' } },
  'fargate with Cognito’s own tokens': { platforms: { fargate: {} }, more: { oauth: { verifier: 'cognito', clients } } }, // prettier-ignore
  'agentcore-runtime': { platforms: { 'agentcore-runtime': {} }, costs: { platform: 'agentcore-runtime' } },
  'agentcore-runtime with a memory': { platforms: { 'agentcore-runtime': { memory: { eventExpiryDays: 30 } } } },
  'agentcore-gateway': { platforms: { 'agentcore-gateway': managed }, costs: { platform: 'agentcore-gateway' } },
  'our own gateway': {
    platforms: { 'agentcore-gateway': { ...managed, deployAs: 'lambda' } },
    deployment: { artifacts: ownGateway('own', {}) },
  },
  'our own gateway with tokens': {
    platforms: { 'agentcore-gateway': { ...managed, deployAs: 'lambda' } },
    deployment: { artifacts: ownGateway('tokens', jwt) },
  },
  'our own gateway as tasks': {
    platforms: { 'agentcore-gateway': { ...managed, deployAs: 'fargate' } },
    deployment: { artifacts: ownGateway('tasks', jwt), images: { gateway: image } },
  },
}

export const regions = ['us-east-1', 'eu-central-1']

/** Synthesizes each case in each region: by `NAME in REGION`, then by part. */
export async function synthesizeCases(): Promise<Map<string, Record<string, Template>>> {
  const made = new Map<string, Record<string, Template>>()
  for (const [name, { platforms, more, deployment }] of Object.entries(cases))
    for (const region of regions) {
      const config: FairleadConfig = {
        name: 'sample',
        server: { kind: 'module', entry: './server.ts' },
        callers: ['arn:aws:iam::111122223333:role/agent'],
        scopes: { read: { description: 'read', groups: ['staff'] } },
        baseScopes: ['read'],
        ...more,
        platforms,
      }
      made.set(`${name} in ${region}`, (await stacksOf(config, { ...deployment, region })).templates)
    }
  return made
}

/** Removes what the cases read. */
export function closeCases(): void {
  rmSync(dir, { recursive: true, force: true })
}
