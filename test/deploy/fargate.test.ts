import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { fargateTimeouts } from '../../src/aws/fargate-timeouts.ts'
import { priceBook } from '../../src/choose/price-book.ts'
import { prices } from '../../src/choose/prices.ts'
import type { FairleadConfig, FargateConfig } from '../../src/config.ts'
import { fargateSize } from '../../src/deploy/cdk/fargate-size.ts'
import { idleCost } from '../../src/deploy/idle-cost.ts'
import { routes } from '../../src/oauth/provider.ts'
import { resources, stacksOf, type StacksOf } from './support/stacks-of.ts'

const config = (fargate: FargateConfig = {}): FairleadConfig => ({
  name: 'sample',
  server: { kind: 'module', entry: './server.ts' },
  permissions: [{ actions: ['ce:GetCostAndUsage'], resources: ['*'] }],
  platforms: { fargate },
})

interface Container {
  Environment: { Name: string; Value: unknown }[]
  Secrets: { Name: string }[]
}

describe('the stack of fargate', () => {
  let made: StacksOf
  const all = (type: string) => resources(made.templates.fargate, type)
  const only = (type: string) => {
    const found = all(type)
    expect(found).toHaveLength(1)
    return found[0]!
  }
  beforeAll(async () => (made = await stacksOf(config())))

  it('has nothing that cdk-nag finds and nobody gave a reason for', () => {
    expect(made.findings).toEqual([])
  })

  it('runs the image on arm64, as nobody in particular, with nothing to write to and two minutes to stop', () => {
    const task = only('AWS::ECS::TaskDefinition')
    expect(task).toMatchObject({
      Cpu: '512',
      Memory: '1024',
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      ContainerDefinitions: [
        {
          Image: `111122223333.dkr.ecr.us-east-1.amazonaws.com/fairlead@sha256:${'a'.repeat(64)}`,
          ReadonlyRootFilesystem: true,
          StopTimeout: 120,
          User: '1000:1000',
          PortMappings: [{ ContainerPort: 8000, Protocol: 'tcp' }],
        },
      ],
    })
    const [{ Environment, Secrets }] = task.ContainerDefinitions as [Container]
    expect(Environment.map(({ Name }) => Name)).toEqual(['AWS_REGION', 'FAIRLEAD_PLATFORM', 'FAIRLEAD_TABLE', 'FAIRLEAD_OAUTH', 'HOST', 'PORT', 'FAIRLEAD_METRICS', 'FAIRLEAD_SERVER']) // prettier-ignore
    expect(Secrets.map(({ Name }) => Name)).toEqual(['FAIRLEAD_SECRET'])
  })

  it('keeps two tasks, replaces them before it stops them, and goes back when new ones do not start', () => {
    const service = only('AWS::ECS::Service')
    // A number would take a busy service back to it with each deployment.
    expect(service).not.toHaveProperty('DesiredCount')
    expect(service).toMatchObject({
      EnableExecuteCommand: false,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    })
    expect(only('AWS::ApplicationAutoScaling::ScalableTarget')).toMatchObject({ MinCapacity: 2, MaxCapacity: 8 })
    const metrics = all('AWS::ApplicationAutoScaling::ScalingPolicy').map(
      ({ TargetTrackingScalingPolicyConfiguration: tracking }) =>
        (tracking as { PredefinedMetricSpecification: { PredefinedMetricType: string } }).PredefinedMetricSpecification
          .PredefinedMetricType,
    )
    expect(metrics).toEqual(['ECSServiceAverageCPUUtilization', 'ALBRequestCountPerTarget'])
  })

  it('has a load balancer without a public address, whose timeouts are those of the table', () => {
    expect(only('AWS::ElasticLoadBalancingV2::LoadBalancer')).toMatchObject({
      Scheme: 'internal',
      LoadBalancerAttributes: expect.arrayContaining([
        { Key: 'idle_timeout.timeout_seconds', Value: String(fargateTimeouts.albIdleS) },
        { Key: 'routing.http.drop_invalid_header_fields.enabled', Value: 'true' },
      ]) as unknown,
    })
    expect(only('AWS::ElasticLoadBalancingV2::TargetGroup')).toMatchObject({
      HealthCheckPath: '/healthz',
      TargetType: 'ip',
      TargetGroupAttributes: expect.arrayContaining([
        { Key: 'deregistration_delay.timeout_seconds', Value: String(fargateTimeouts.deregistrationS) },
      ]) as unknown,
    })
  })

  it('lets nobody from outside to where tasks reach each other', () => {
    expect(only('AWS::ElasticLoadBalancingV2::ListenerRule')).toMatchObject({
      Priority: 1,
      Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/.fairlead/*'] } }],
    })
  })

  it('opens its security groups to CloudFront, to the load balancer and to the tasks, each by its group', () => {
    const groups = all('AWS::EC2::SecurityGroup')
    expect(groups.every(({ SecurityGroupIngress }) => SecurityGroupIngress === undefined)).toBe(true)
    const rules = all('AWS::EC2::SecurityGroupIngress')
    expect(rules.map(({ Description, FromPort, ToPort }) => [Description, FromPort, ToPort])).toEqual([
      ['CloudFront', 80, 80],
      ['The load balancer', 8000, 8000],
      ['Tasks reach each other', 8000, 8000],
    ])
    for (const rule of rules) {
      expect(rule).toHaveProperty('SourceSecurityGroupId')
      expect(rule).not.toHaveProperty('CidrIp')
    }
  })

  it('has no NAT gateway; the load balancer is where no route leads out', () => {
    expect(all('AWS::EC2::NatGateway')).toEqual([])
    expect(only('AWS::EC2::VPC')).toBeDefined()
    expect(all('AWS::EC2::VPCEndpoint').map(({ VpcEndpointType }) => VpcEndpointType)).toEqual(['Gateway', 'Gateway'])
    const { Subnets } = only('AWS::ElasticLoadBalancingV2::LoadBalancer') as { Subnets: { Ref: string }[] }
    for (const { Ref } of Subnets) expect(Ref).toContain('balancerSubnet')
    const leading = all('AWS::EC2::Route').map(({ RouteTableId }) => (RouteTableId as { Ref: string }).Ref)
    for (const table of leading) expect(table).toContain('tasksSubnet')
    // CloudFront reaches into a VPC only when its internet gateway is there.
    const [balancer] = Object.values(made.templates.fargate!.Resources).filter(({ Type }) => Type === 'AWS::ElasticLoadBalancingV2::LoadBalancer') as { DependsOn?: string[] }[] // prettier-ignore
    expect(balancer!.DependsOn).toEqual(expect.arrayContaining([1, 2].map((at) => expect.stringContaining(`Subnet${at}DefaultRoute`) as string))) // prettier-ignore
  })

  it('stands behind CloudFront, which caches nothing, waits as long as the table says, and asks the web ACL first', () => {
    const { DistributionConfig } = only('AWS::CloudFront::Distribution') as {
      DistributionConfig: { Origins: unknown[]; WebACLId: unknown; DefaultCacheBehavior: unknown }
    }
    expect(DistributionConfig).toMatchObject({
      Origins: [
        {
          VpcOriginConfig: {
            OriginReadTimeout: fargateTimeouts.cloudfrontReadS,
            OriginKeepaliveTimeout: fargateTimeouts.cloudfrontKeepAliveS,
          },
        },
      ],
      DefaultCacheBehavior: { Compress: false, ViewerProtocolPolicy: 'https-only' },
    })
    expect(DistributionConfig.WebACLId).toHaveProperty('Fn::ImportValue')
  })

  it('shares its web ACL with the authorization service, also when that is deployed for another platform', async () => {
    const both = { ...config(), platforms: { lambda: { auth: 'oauth' as const }, fargate: {} } }
    const alone = await stacksOf(both, { platforms: ['lambda'] })
    for (const { authorization } of [made.templates, alone.templates]) {
      const [acl] = resources(authorization, 'AWS::WAFv2::WebACL')
      expect(acl).toMatchObject({ Scope: 'CLOUDFRONT', Rules: { length: 5 } })
      for (const path of ['/mcp', routes.registration, routes.authorization, routes.token])
        expect(JSON.stringify(acl)).toContain(JSON.stringify(path))
      const { Rules: rules } = acl as { Rules: { Name: string; Statement: { ManagedRuleGroupStatement?: { RuleActionOverrides?: { Name: string; ActionToUse: object }[] } } }[] } // prettier-ignore
      const counted = (name: string) =>
        rules.find(({ Name }) => Name === name)!.Statement.ManagedRuleGroupStatement!.RuleActionOverrides!.map(({ Name, ActionToUse }) => `${Name} ${Object.keys(ActionToUse).join('')}`) // prettier-ignore
      // MCP's SDKs ask below /.well-known/ without a User-Agent, and tools are given code.
      expect(counted('common')).toEqual(['NoUserAgent_HEADER Count'])
      expect(counted('common-mcp')).toEqual(expect.arrayContaining(['NoUserAgent_HEADER Count', 'SizeRestrictions_BODY Count', 'SizeRestrictions_QUERYSTRING Count'])) // prettier-ignore
      expect(counted('bad-inputs')).toEqual(['JavaDeserializationRCE_BODY Count', 'Log4JRCE_BODY Count'])
      expect(JSON.stringify(resources(authorization, 'AWS::CloudFront::Distribution'))).toContain('WebACLId')
      expect(Object.keys(authorization!.Outputs!).filter((key) => key.includes('WebAcl'))).toHaveLength(1)
    }
  })

  it('lets a task do what the configuration says, use its table, and pull its image', () => {
    const statements = all('AWS::IAM::Policy').flatMap(
      ({ PolicyDocument }) => (PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement,
    )
    expect(new Set(statements.flatMap(({ Action }) => Action))).toEqual(
      new Set([
        'ce:GetCostAndUsage',
        'dynamodb:DeleteItem',
        'dynamodb:GetItem',
        'dynamodb:Query',
        'dynamodb:UpdateItem',
        'ec2:DescribeSecurityGroups',
        'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage',
        'ecr:GetAuthorizationToken',
        'ecr:GetDownloadUrlForLayer',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
      ]),
    )
  })

  it('costs what its page says while nobody calls', () => {
    const hours = 730
    const a = ([price, amount]: [keyof typeof prices, number]) => prices[price].usd * amount
    const size = fargateSize(1024)
    const lines: [keyof typeof prices, number][] = [
      ['fargate-vcpu-hour-arm64', 2 * (size.cpu / 1024) * hours],
      ['fargate-gb-hour-arm64', 2 * (size.memoryMb / 1024) * hours],
      ['ipv4-hour', 2 * hours],
      ['alb-hour', hours],
      ['waf-acl', 1],
      ['waf-rule', 5],
    ]
    const [secret, scaling] = [0.4, 4 * 0.1]
    const watches = Object.entries(made.templates.fargate!.Resources).filter(([, { Type }]) =>
      Type.startsWith('AWS::CloudWatch::'),
    )
    const watching = idleCost(Object.fromEntries(watches), priceBook('us-east-1')).usd!
    const page = readFileSync(new URL('../../docs/platforms/fargate.md', import.meta.url), 'utf8')
    const sum = lines.map(a).reduce((all, each) => all + each, secret + scaling + watching)
    expect(page).toContain(`**$${sum.toFixed(2)}**`)
    expect(page).toContain(`$${watching.toFixed(2)}`)
    for (const part of [lines.slice(0, 2), lines.slice(2, 3), lines.slice(3, 4), lines.slice(4)])
      expect(page).toContain(
        `$${part
          .map(a)
          .reduce((all, each) => all + each)
          .toFixed(2)}`,
      )
  })

  it('tells the authorization service of itself, and others where it is', () => {
    expect(only('AWS::SSM::Parameter')).toMatchObject({ Name: '/fairlead/sample/prod/resources/fargate' })
    const { Outputs } = made.templates.fargate!
    for (const key of ['Url', 'Auth', 'LogGroup', 'ClusterArn', 'ServiceArn', 'DistributionId'])
      expect(Outputs).toHaveProperty(key)
  })
})

describe('fargate', () => {
  const vpc = { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] }
  const domain = (region: string) => ({
    name: 'mcp.example.com',
    certificateArn: `arn:aws:acm:${region}:111122223333:certificate/0a1b`,
  })

  it('goes into a network that is there, and makes none', async () => {
    const { templates, findings } = await stacksOf(config(vpc))
    expect(findings).toEqual([])
    expect(resources(templates.fargate, 'AWS::EC2::VPC')).toEqual([])
    expect(resources(templates.fargate, 'AWS::ECS::Service')).toMatchObject([
      { NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED', Subnets: vpc.subnetIds } } },
    ])
  })

  it('with a name of one’s own has TLS to the load balancer too, where the certificate is of its region', async () => {
    const { templates, findings } = await stacksOf(config({ domain: domain('us-east-1') }))
    expect(findings).toEqual([])
    expect(resources(templates.fargate, 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject([
      { Protocol: 'HTTPS', Port: 443, Certificates: [{ CertificateArn: domain('us-east-1').certificateArn }] },
    ])
    expect(resources(templates.fargate, 'AWS::CloudFront::Distribution')).toMatchObject([
      { DistributionConfig: { Aliases: ['mcp.example.com'] } },
    ])
    expect(templates.fargate!.Outputs).toMatchObject({ Url: { Value: 'https://mcp.example.com/mcp' } })
    expect(templates.fargate!.Outputs).toHaveProperty('DomainTarget')
  })

  it('refuses a certificate that CloudFront does not take', async () => {
    await expect(stacksOf(config({ domain: domain('eu-west-1') }), { region: 'eu-west-1' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  it('has its web ACL in a stack in us-east-1 when it is elsewhere, and reads its ARN there', async () => {
    const { templates, findings } = await stacksOf(config({ domain: domain('us-east-1') }), { region: 'eu-west-1' })
    expect(findings).toEqual([])
    expect(Object.keys(templates)).toEqual(['edge', 'authorization', 'fargate'])
    expect(resources(templates.edge, 'AWS::WAFv2::WebACL')).toMatchObject([
      { Scope: 'CLOUDFRONT', Rules: { length: 5 } },
    ])
    expect(resources(templates.authorization, 'AWS::WAFv2::WebACL')).toEqual([])
    const name = '/fairlead/sample/prod/edge/eu-west-1/web-acl'
    expect(resources(templates.edge, 'AWS::SSM::Parameter')).toMatchObject([
      { Name: name, Value: { 'Fn::GetAtt': [expect.stringMatching(/^WebAcl/) as string, 'Arn'] } },
    ])
    const [read] = resources(templates.authorization, 'Custom::AWS')
    expect(JSON.parse(read!.Create as string)).toMatchObject({
      service: 'ssm',
      action: 'getParameter',
      region: 'us-east-1',
      parameters: { Name: name },
    })
    expect(JSON.stringify(resources(templates.authorization, 'AWS::IAM::Policy'))).toContain(
      JSON.stringify(`arn:aws:ssm:us-east-1:111122223333:parameter${name}`),
    )
    for (const { DistributionConfig } of [templates.authorization, templates.fargate].flatMap((each) =>
      resources(each, 'AWS::CloudFront::Distribution'),
    ))
      expect(DistributionConfig).toHaveProperty('WebACLId')
    // The certificate of us-east-1 is CloudFront's alone.
    expect(resources(templates.fargate, 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject([{ Protocol: 'HTTP' }])
  })

  it('speaks TLS to a load balancer elsewhere by a certificate of that region, and by no other', async () => {
    const both = (region: string) =>
      config({ domain: { ...domain('us-east-1'), loadBalancerCertificateArn: domain(region).certificateArn } })
    const { templates, findings } = await stacksOf(both('eu-west-1'), { region: 'eu-west-1' })
    expect(findings).toEqual([])
    expect(resources(templates.fargate, 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject([
      { Protocol: 'HTTPS', Port: 443, Certificates: [{ CertificateArn: domain('eu-west-1').certificateArn }] },
    ])
    expect(resources(templates.fargate, 'AWS::CloudFront::Distribution')).toMatchObject([
      { DistributionConfig: { ViewerCertificate: { AcmCertificateArn: domain('us-east-1').certificateArn } } },
    ])
    await expect(stacksOf(both('eu-west-2'), { region: 'eu-west-1' })).rejects.toMatchObject({
      message: '`domain.loadBalancerCertificateArn` is not in eu-west-1',
    })
  })

  it('takes Cognito’s own tokens where it is told to: the pool knows its URL, and it knows the clients', async () => {
    const { templates, findings } = await stacksOf({
      ...config(),
      oauth: { verifier: 'cognito', clients: [{ id: 'desktop', redirectUris: ['http://localhost:1/'] }] },
    })
    expect(findings).toEqual([])
    expect(resources(templates.fargate, 'AWS::SSM::Parameter')).toEqual([])
    expect(resources(templates.fargate, 'AWS::Cognito::UserPoolResourceServer')).toHaveLength(1)
    const [task] = resources(templates.fargate, 'AWS::ECS::TaskDefinition') as { ContainerDefinitions: [Container] }[]
    const place = task!.ContainerDefinitions[0].Environment.find(({ Name }) => Name === 'FAIRLEAD_OAUTH')
    expect(JSON.stringify(place)).toContain('clients')
  })

  it.each([
    [512, 256, 512],
    [700, 256, 1024],
    [1024, 512, 1024],
    [1500, 512, 2048],
    [2048, 1024, 2048],
    [4096, 2048, 4096],
    [5000, 2048, 5120],
    [16_384, 4096, 16_384],
    [30_720, 4096, 30_720],
  ])('gives %i MB a size that Fargate has', (wanted, cpu, memoryMb) => {
    expect(fargateSize(wanted)).toEqual({ cpu, memoryMb })
  })

  it('has its timeouts in order: whoever is nearer to the task waits longer', () => {
    const { pingS, cloudfrontKeepAliveS, cloudfrontReadS, albIdleS, keepAliveS, deregistrationS, graceS, stopS } =
      fargateTimeouts
    for (const order of [
      [pingS, cloudfrontReadS, albIdleS, keepAliveS],
      [cloudfrontKeepAliveS, albIdleS],
      [deregistrationS, graceS, stopS],
    ])
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(new Set([pingS, cloudfrontReadS, albIdleS, keepAliveS]).size).toBe(4)
  })
})
