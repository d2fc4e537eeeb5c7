import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { App, Stack } from 'aws-cdk-lib'
import { SubnetType, Vpc, type IVpc } from 'aws-cdk-lib/aws-ec2'
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam'
import { announceResource, AuthorizationService, FargateMcpServer, LambdaMcpServer, McpWebAcl } from 'fairlead/cdk'
import { afterAll, describe, expect, it } from 'vitest'
import type { Template } from '../../src/deploy/app.ts'

const artifact = mkdtempSync(join(tmpdir(), 'fairlead-foreign-'))
writeFileSync(join(artifact, 'index.js'), 'export const handler = () => {}\n')
afterAll(() => rmSync(artifact, { recursive: true }))

const config = {
  name: 'demo',
  server: { kind: 'module' as const, entry: './server.ts' },
  platforms: { lambda: {} },
}

/** As `import { announceResource, AuthorizationService, FargateMcpServer, LambdaMcpServer } from 'fairlead/cdk'` has it for who has a CDK app: the package, and not its sources. */
describe('a construct in an app of one’s own', () => {
  it('is made in a stack of any account, and lets a role of the stack in', () => {
    const app = new App()
    const stack = new Stack(app, 'Theirs')
    const server = new LambdaMcpServer(stack, 'Mcp', { config, artifact })
    const [one, two] = ['One', 'Two'].map((id) => new Role(stack, id, { assumedBy: new AccountRootPrincipal() }))
    for (const role of [one!, two!, one!]) server.grantInvoke(role.roleArn)
    const { Resources } = app.synth().getStackByName('Theirs').template as Template
    const permissions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Permission')
    expect(permissions.map(({ Properties }) => [Properties!.Action, Properties!.Principal])).toEqual(
      [one!, two!].flatMap((role) => {
        const principal = stack.resolve(role.roleArn) as unknown
        return [
          ['lambda:InvokeFunctionUrl', principal],
          ['lambda:InvokeFunction', principal],
        ]
      }),
    )
    expect(stack.resolve(server.url)).toMatchObject({
      'Fn::Join': ['', [{ 'Fn::GetAtt': expect.anything() as unknown }, 'mcp']],
    })
  })

  it('is beside the authorization service and in a VPC of theirs, in a stack of any account and region', () => {
    const app = new App()
    const stack = new Stack(app, 'Theirs')
    // As docs/platforms/fargate.md has it: CDK carries the ARN to another region.
    const account = '111122223333'
    const edge = new Stack(app, 'Edge', { env: { account, region: 'us-east-1' }, crossRegionReferences: true })
    const acl = new McpWebAcl(edge, 'WebAcl', { scope: 'CLOUDFRONT', paths: ['/mcp'] })
    const far = new Stack(app, 'Far', { env: { account, region: 'eu-central-1' }, crossRegionReferences: true })
    new AuthorizationService(far, 'SignIn', { config, environment: 'far', artifact, webAclArn: acl.arn })
    const vpc = new Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1 })
    const onFargate = { ...config, platforms: { fargate: {} } }
    const authorization = new AuthorizationService(stack, 'SignIn', {
      config: onFargate,
      environment: 'prod',
      artifact,
    })
    const server = new FargateMcpServer(stack, 'Mcp', {
      config: onFargate,
      image: 'registry.example.com/demo@sha256:aa',
      authorization,
      network: { vpc: vpc as IVpc, subnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS } },
    })
    announceResource(stack, { config: onFargate, environment: 'prod', platform: 'fargate', url: server.url })
    const assembly = app.synth()
    const { Resources } = assembly.getStackByName('Theirs').template as Template
    const elsewhere = Object.values((assembly.getStackByName('Far').template as Template).Resources)
    const [distribution] = elsewhere.filter(({ Type }) => Type === 'AWS::CloudFront::Distribution')
    expect(distribution!.Properties!.DistributionConfig).toMatchObject({
      WebACLId: { 'Fn::GetAtt': [expect.stringMatching(/^ExportsReader/), expect.stringContaining('useast1')] },
    })
    const ofType = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type)
    expect(ofType('AWS::EC2::VPC')).toHaveLength(1)
    expect(ofType('AWS::ECS::Service')).toHaveLength(1)
    expect(ofType('AWS::CloudFront::Distribution')).toHaveLength(2)
    expect(ofType('AWS::SSM::Parameter').map(({ Properties }) => Properties!.Name)).toEqual([
      '/fairlead/demo/prod/authorization/place',
      '/fairlead/demo/prod/resources/fargate',
    ])
  })

  it('says what is missing', () => {
    const stack = new Stack(new App(), 'Theirs')
    const oauth = { ...config, platforms: { lambda: { auth: 'oauth' as const } } }
    expect(() => new LambdaMcpServer(stack, 'Mcp', { config: oauth, artifact })).toThrow('`authorization` is missing')
  })
})

describe('the types of the package', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { exports, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { types?: string }>
    dependencies: Record<string, string>
  }
  const doors = Object.entries(exports).flatMap(([door, { types }]) => (types ? [[door, types] as const] : []))

  /** What the declarations of a door import that is no file of ours, with the file that does. */
  function foreignImports(types: string): Map<string, string> {
    const found = new Map<string, string>()
    const files = [join(root, types)]
    for (const file of files)
      for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/\b(?:from|import) ?\(?['"]([^'"\s]+)['"]/g)) {
        const other = resolve(dirname(file), name.replace(/\.ts$/, '.d.ts'))
        if (!name.startsWith('.')) found.set(/^(@[^/]+\/)?[^/]+/.exec(name)![0], file)
        else if (!files.includes(other)) files.push(other)
      }
    return found
  }

  // TypeScript makes `any` of a type that it does not find, and with `skipLibCheck` says nothing of it.
  it.each(doors)('of %s need what comes with it, and CDK for the constructs', (door, types) => {
    const there = [...Object.keys(dependencies), ...(door === './cdk' ? ['aws-cdk-lib', 'constructs'] : [])]
    const missing = [...foreignImports(types)].filter(([name]) => !name.startsWith('node:') && !there.includes(name))
    expect(missing).toEqual([])
  })
})
