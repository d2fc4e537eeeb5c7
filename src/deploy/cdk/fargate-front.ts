import { Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront'
import { VpcOrigin } from 'aws-cdk-lib/aws-cloudfront-origins'
import { Port, SecurityGroup, type ISecurityGroup } from 'aws-cdk-lib/aws-ec2'
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ListenerAction,
  ListenerCondition,
  SslPolicy,
  type ApplicationListener,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { AwsCustomResource, PhysicalResourceId } from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'
import { fargateTimeouts } from '../../aws/fargate-timeouts.ts'
import { FairleadError } from '../../errors.ts'
import { edgeRegion } from '../deployment.ts'
import { acknowledge } from './acknowledge.ts'
import type { FargateNetwork } from './fargate-network.ts'

export interface FargateFrontProps {
  network: FargateNetwork
  comment: string
  /** A name of one's own; its certificate is in us-east-1, and one of the load balancer's region may stand beside it. */
  domain?: { name: string; certificateArn: string; loadBalancerCertificateArn?: string }
  /** A web ACL with the scope CLOUDFRONT. */
  webAclArn?: string
}

/**
 * What stands in front of tasks: a load balancer that has no public address, and CloudFront, which alone reaches it, through a
 * VPC origin. TLS ends at CloudFront; behind it, the way to the load balancer is AWS's own network, with TLS where the
 * certificate is in the load balancer's region too.
 */
export class FargateFront extends Construct {
  readonly loadBalancer: ApplicationLoadBalancer
  readonly listener: ApplicationListener
  readonly distribution: Distribution
  /** `https://d111111abcdef8.cloudfront.net`, or the name of one's own. */
  readonly url: string

  constructor(scope: Construct, id: string, { network, comment, domain, webAclArn }: FargateFrontProps) {
    super(scope, id)
    const certificate = domain && Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn)
    const behind = domain && this.#certificateBehind(domain)
    const tls = behind !== undefined
    this.loadBalancer = this.#balance(network)
    // CloudFront reaches into a VPC that has an internet gateway alone, and tasks call out through it.
    this.loadBalancer.node.addDependency(
      ...network.vpc.publicSubnets.map((each) => each.internetConnectivityEstablished),
    )
    this.listener = this.loadBalancer.addListener('Listener', {
      protocol: tls ? ApplicationProtocol.HTTPS : ApplicationProtocol.HTTP,
      open: false,
      ...(tls ? { certificates: [behind], sslPolicy: SslPolicy.TLS13_RES } : {}),
    })
    // Where tasks reach each other. They bring proof of their own, and nobody from outside has anything to say there.
    this.listener.addAction('Peers', {
      priority: 1,
      conditions: [ListenerCondition.pathPatterns(['/.fairlead/*'])],
      action: ListenerAction.fixedResponse(404),
    })
    this.distribution = new Distribution(this, 'Distribution', {
      comment,
      defaultBehavior: {
        origin: VpcOrigin.withApplicationLoadBalancer(this.loadBalancer, {
          protocolPolicy: tls ? OriginProtocolPolicy.HTTPS_ONLY : OriginProtocolPolicy.HTTP_ONLY,
          readTimeout: Duration.seconds(fargateTimeouts.cloudfrontReadS),
          keepaliveTimeout: Duration.seconds(fargateTimeouts.cloudfrontKeepAliveS),
        }),
        allowedMethods: AllowedMethods.ALLOW_ALL,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        // With the Host: the certificate behind is of the public name.
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER,
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        compress: false,
      },
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(webAclArn === undefined ? {} : { webAclId: webAclArn }),
      ...(domain === undefined
        ? {}
        : {
            domainNames: [domain.name],
            certificate: certificate!,
            minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
          }),
    })
    this.url = `https://${domain?.name ?? this.distribution.distributionDomainName}`
    network.loadBalancerGroup.connections.allowFrom(this.#originGroup(network), Port.tcp(tls ? 443 : 80), 'CloudFront')
    acknowledge(this.distribution, {
      CFR1: 'An MCP server has no countries to keep out; a web ACL can.',
      CFR3: 'Each task logs who called; access logs would need a bucket of their own.',
      ...(webAclArn === undefined ? { CFR2: 'No web ACL was given: see `webAclArn`.' } : {}),
      ...(domain === undefined
        ? {
            CFR4: 'With the certificate of cloudfront.net CloudFront sets the TLS versions; a domain has TLS 1.2 at least.',
          }
        : {}),
      ...(tls ? {} : { CFR5: 'No TLS behind the VPC origin: see the class.' }),
    })
  }

  /** What the load balancer shows to CloudFront; nothing where the only certificate is of another region. */
  #certificateBehind({ certificateArn, loadBalancerCertificateArn: own }: NonNullable<FargateFrontProps['domain']>) {
    const { region } = Stack.of(this)
    if (own !== undefined && !Token.isUnresolved(region) && !own.includes(`:acm:${region}:`))
      throw new FairleadError('CONFIG_INVALID', `\`domain.loadBalancerCertificateArn\` is not in ${region}`, {
        why: 'A load balancer takes certificates of its own region alone.',
        fix: `Request it there: aws acm request-certificate --region ${region} --domain-name …`,
      })
    const arn = own ?? (region === edgeRegion ? certificateArn : undefined)
    return arn === undefined ? undefined : Certificate.fromCertificateArn(this, 'CertificateBehind', arn)
  }

  #balance({ vpc, loadBalancerSubnets, loadBalancerGroup }: FargateNetwork): ApplicationLoadBalancer {
    const balancer = new ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc,
      vpcSubnets: loadBalancerSubnets,
      internetFacing: false,
      securityGroup: loadBalancerGroup,
      idleTimeout: Duration.seconds(fargateTimeouts.albIdleS),
      dropInvalidHeaderFields: true,
    })
    acknowledge(balancer, {
      ELB2: 'Each task logs who called; access logs would need a bucket of their own.',
    })
    return balancer
  }

  /**
   * The security group that CloudFront makes in the VPC for its origins: it alone may reach the load balancer. CloudFormation
   * does not tell its id, so EC2 is asked once it is there.
   * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (read 2026-11-25)
   */
  #originGroup({ vpc }: FargateNetwork): ISecurityGroup {
    const call = {
      service: 'ec2',
      action: 'describeSecurityGroups',
      parameters: {
        Filters: [
          { Name: 'vpc-id', Values: [vpc.vpcId] },
          { Name: 'group-name', Values: ['CloudFront-VPCOrigins-Service-SG'] },
        ],
      },
      outputPaths: ['SecurityGroups.0.GroupId'],
      physicalResourceId: PhysicalResourceId.of('CloudFront-VPCOrigins-Service-SG'),
    }
    const logGroup = new LogGroup(this, 'OriginGroupLog', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new Role(this, 'OriginGroupRole', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    role.addToPrincipalPolicy(new PolicyStatement({ actions: ['ec2:DescribeSecurityGroups'], resources: ['*'] }))
    logGroup.grantWrite(role)
    const asked = new AwsCustomResource(this, 'OriginGroup', {
      onCreate: call,
      onUpdate: call,
      installLatestAwsSdk: false,
      role,
      logGroup,
    })
    asked.node.addDependency(this.distribution)
    acknowledge(role, { 'IAM5[Resource::*]': 'EC2 takes no narrower resource for describing security groups.' })
    return SecurityGroup.fromSecurityGroupId(this, 'Origins', asked.getResponseField('SecurityGroups.0.GroupId'))
  }
}
