import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeArtifact, type Artifact } from '../../src/build/artifact.ts'
import { costOf } from '../../src/choose/cost.ts'
import { priceBook } from '../../src/choose/price-book.ts'
import { workload, type Workload } from '../../src/choose/workload.ts'
import type { FairleadConfig } from '../../src/config.ts'
import type { Template } from '../../src/deploy/app.ts'
import type { Deployment, Part } from '../../src/deploy/deployment.ts'
import { idleCost, idleUnits } from '../../src/deploy/idle-cost.ts'
import type { Platform } from '../../src/platforms.ts'
import { stacksOf } from './support/stacks-of.ts'

// What `fairlead cost` counts, what the pages name and what the templates have are the same.

const dir = mkdtempSync(join(tmpdir(), 'fairlead-standing-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

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

interface Case {
  platforms: FairleadConfig['platforms']
  more?: Partial<FairleadConfig>
  deployment?: Partial<Deployment>
  /** Of `fairlead cost`, where it counts this very thing. */
  costs?: { platform: Platform; workload?: Partial<Workload> }
}

const cases: Record<string, Case> = {
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

const regions = ['us-east-1', 'eu-central-1']
const made = new Map<string, Record<string, Template>>()

beforeAll(async () => {
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
}, 60_000)

describe('cost', () => {
  const book = priceBook('us-east-1')
  const rows = Object.entries(cases).flatMap(([name, { costs }]) =>
    regions.flatMap((region) => (costs ? [[`${name} in ${region}`, region, costs] as const] : [])),
  )
  it.each(rows)('counts what is made: %s', (name, region, { platform, workload: given = {} }) => {
    // Prices that were not read for a region have no part in this.
    const anywhere = { ...book, region }
    const { items } = costOf(platform, workload({ calls: 0, ...given, region }), anywhere)
    const counted = Object.fromEntries(items.map(({ price, quantity }) => [price.key, quantity]))
    // The image is in ECR and in no stack.
    delete counted['ecr-gb-month']
    const sums: Record<string, number> = {}
    for (const { Resources: resources } of Object.values(made.get(name)!))
      for (const [key, units] of Object.entries(idleUnits(resources))) sums[key] = (sums[key] ?? 0) + units
    expect(counted).toEqual(sums)
  })
})

describe('a page', () => {
  it.each([
    ['lambda with IAM', 'lambda', 'lambda.md'],
    ['lambda with OAuth', 'authorization', 'cognito.md'],
    ['agentcore-runtime', 'agentcore-runtime', 'agentcore-runtime.md'],
    ['agentcore-gateway', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway with tokens', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway as tasks', 'agentcore-gateway', 'agentcore-gateway.md'],
  ])('has the idle cost of %s', (name, part, page) => {
    const text = readFileSync(new URL(`../../docs/platforms/${page}`, import.meta.url), 'utf8')
    const { usd } = idleCost(made.get(`${name} in us-east-1`)![part]!.Resources, priceBook('us-east-1'))
    expect(text).toContain(`$${usd!.toFixed(2)}`)
  })

  const pages: Record<Part, string> = {
    lambda: 'lambda.md',
    fargate: 'fargate.md',
    edge: 'fargate.md',
    authorization: 'cognito.md',
    'agentcore-runtime': 'agentcore-runtime.md',
    'agentcore-gateway': 'agentcore-gateway.md',
  }
  const named = (page: string) => {
    const text = readFileSync(new URL(`../../docs/platforms/${page}`, import.meta.url), 'utf8')
    const firsts = [...text.matchAll(/^\| *(`(?:AWS|Custom)::[^|]*)\|[^|]*\| *([^|]*)\|$/gm)]
    for (const [row, , cost] of firsts) expect(cost, row).toMatch(/^\$\d/)
    return new Set(firsts.flatMap(([, first]) => [...first!.matchAll(/`((?:AWS|Custom)::[\w:]+)`/g)].map(([, type]) => type!))) // prettier-ignore
  }
  it.each([...new Set(Object.values(pages))])('names every resource with its idle cost: %s', (page) => {
    const types = new Set(
      [...made.values()].flatMap((templates) =>
        Object.entries(templates).flatMap(([part, { Resources: resources }]) =>
          pages[part as Part] === page ? Object.values(resources).map(({ Type: type }) => type) : [],
        ),
      ),
    )
    // Our own gateway has the resources of two other pages.
    const there = page === 'agentcore-gateway.md' ? [page, 'lambda.md', 'fargate.md'] : [page]
    const words = new Set(there.flatMap((each) => [...named(each)]))
    expect([...types].filter((type) => !words.has(type))).toEqual([])
    // Whatever is named has a price, or none by decision.
    const asked = Object.fromEntries([...named(page)].map((type) => [type, { Type: type, Properties: { VpcEndpointType: 'Gateway' } }])) // prettier-ignore
    expect(idleCost(asked, priceBook('us-east-1')).unknown).toEqual([])
  })
})
