import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { writeArtifact } from '../../src/build/artifact.ts'
import type { AgentcoreGatewayConfig, FairleadConfig } from '../../src/config.ts'
import { resources, stacksOf, type StacksOf } from './support/stacks-of.ts'

const dir = mkdtempSync(join(tmpdir(), 'fairlead-own-gateway-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const definition = {
  name: 'tools',
  roleArn: 'arn:aws:iam::111122223333:role/replaced',
  authorizerType: 'CUSTOM_JWT',
  authorizerConfiguration: {
    customJWTAuthorizer: {
      discoveryUrl: 'https://login.example.com/.well-known/openid-configuration',
      allowedAudience: ['tools'],
    },
  },
}
const artifact = writeArtifact(dir, 'export {}\n', [], {
  'gateway.json': JSON.stringify({ gateway: definition, targets: [], bindings: {} }),
})
const domain = { name: 'mcp.example.com', certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/0a1b' }

/** The stacks of a project that is our own gateway, in a region. */
async function deployed(own: Partial<AgentcoreGatewayConfig>, region: string): Promise<StacksOf> {
  const gateway = { gateway: 'gateway.json', targets: [], ...own }
  const config: FairleadConfig = { name: 'tools', platforms: { 'agentcore-gateway': gateway } }
  const image = { kind: 'registry', repository: 'registry.example.com/tools', digest: `sha256:${'a'.repeat(64)}` } as const // prettier-ignore
  return stacksOf(config, { region, artifacts: { gateway: artifact }, images: { gateway: image } })
}

function webAclOf({ templates }: StacksOf): unknown {
  const [distribution] = resources(templates['agentcore-gateway'], 'AWS::CloudFront::Distribution')
  return (distribution!.DistributionConfig as { WebACLId?: unknown }).WebACLId
}

it.for([
  ['tasks', { deployAs: 'fargate' }],
  ['a function', { deployAs: 'lambda', lambda: { waf: true } }],
] as const)('our own gateway as %s has a web ACL in every region', async ([, own]) => {
  const here = await deployed(own, 'us-east-1')
  expect(here.findings).toEqual([])
  expect(Object.keys(here.templates)).toEqual(['agentcore-gateway'])
  expect(resources(here.templates['agentcore-gateway'], 'AWS::WAFv2::WebACL')).toHaveLength(1)
  expect(webAclOf(here)).toEqual({ 'Fn::GetAtt': [expect.any(String), 'Arn'] })

  const elsewhere = await deployed(own, 'eu-west-1')
  expect(elsewhere.findings).toEqual([])
  // The web ACL is deployed first: nothing in a template can wait for another region.
  expect(Object.keys(elsewhere.templates)).toEqual(['edge', 'agentcore-gateway'])
  expect(resources(elsewhere.templates.edge, 'AWS::WAFv2::WebACL')).toMatchObject([{ Scope: 'CLOUDFRONT' }])
  expect(resources(elsewhere.templates['agentcore-gateway'], 'AWS::WAFv2::WebACL')).toEqual([])
  expect(webAclOf(elsewhere)).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^Edge/), 'Parameter.Value'] })
})

it('our own gateway as a function that asks for none has no web ACL, and no stack elsewhere', async () => {
  const { templates } = await deployed({ deployAs: 'lambda' }, 'eu-west-1')
  expect(Object.keys(templates)).toEqual(['agentcore-gateway'])
})

it('our own gateway has a name of its own, and the size that is asked for, on either', async () => {
  const network = { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-01234567', 'subnet-89abcdef'] }
  const asTasks = await deployed({ deployAs: 'fargate', fargate: { domain, tasks: 3, memoryMb: 2048, ...network } }, 'us-east-1') // prettier-ignore
  const asFunction = await deployed({ deployAs: 'lambda', lambda: { domain, memoryMb: 512, timeoutS: 90, concurrency: 7 } }, 'us-east-1') // prettier-ignore
  for (const { templates, findings } of [asTasks, asFunction]) {
    expect(findings).toEqual([])
    const template = templates['agentcore-gateway']!
    expect(resources(template, 'AWS::CloudFront::Distribution')).toMatchObject([
      {
        DistributionConfig: { Aliases: [domain.name], ViewerCertificate: { AcmCertificateArn: domain.certificateArn } },
      },
    ])
    expect(template.Outputs).toMatchObject({
      Url: { Value: `https://${domain.name}/mcp` },
      DomainTarget: { Value: { 'Fn::GetAtt': [expect.any(String), 'DomainName'] } },
    })
  }
  expect(
    resources(asTasks.templates['agentcore-gateway'], 'AWS::ApplicationAutoScaling::ScalableTarget'),
  ).toMatchObject([{ MinCapacity: 3 }])
  expect(resources(asTasks.templates['agentcore-gateway'], 'AWS::ECS::TaskDefinition')).toMatchObject([
    { Cpu: '1024', Memory: '2048' },
  ])
  expect(resources(asTasks.templates['agentcore-gateway'], 'AWS::EC2::VPC')).toEqual([])
  expect(resources(asFunction.templates['agentcore-gateway'], 'AWS::Lambda::Function')).toContainEqual(
    expect.objectContaining({ MemorySize: 512, Timeout: 90, ReservedConcurrentExecutions: 7 }),
  )
})
