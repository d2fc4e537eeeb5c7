import { Fn } from 'aws-cdk-lib'
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
  type IVpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

/** A network that is there: private subnets of two availability zones, with a way out. */
export interface ExistingNetwork {
  vpc: IVpc
  subnets: SubnetSelection
  /** For subnets whose way out is an internet gateway. */
  assignPublicIp?: boolean
}

/** Where a task listens. */
export const taskPort = 8000

/**
 * The network of the tasks. One of its own has two public subnets for tasks and no NAT gateway: tasks have an address of their
 * own to call out, and nobody may call them but the load balancer and each other. Two NAT gateways would cost more than two
 * tasks, and endpoints for all that a task calls would not reach the authorization service. The load balancer is in two
 * subnets that no route leads out of.
 */
export class FargateNetwork extends Construct {
  readonly vpc: IVpc
  /** Of the tasks. */
  readonly subnets: SubnetSelection
  /** Private ones: CloudFront's own interface stands there. */
  readonly loadBalancerSubnets: SubnetSelection
  readonly assignPublicIp: boolean
  readonly loadBalancerGroup: SecurityGroup
  readonly taskGroup: SecurityGroup

  constructor(scope: Construct, id: string, existing?: ExistingNetwork) {
    super(scope, id)
    this.vpc = existing?.vpc ?? (this.#make() as IVpc)
    this.subnets = existing?.subnets ?? { subnetType: SubnetType.PUBLIC }
    this.loadBalancerSubnets = existing?.subnets ?? { subnetType: SubnetType.PRIVATE_ISOLATED }
    this.assignPublicIp = existing ? (existing.assignPublicIp ?? false) : true
    this.loadBalancerGroup = new SecurityGroup(this, 'LoadBalancer', {
      vpc: this.vpc,
      description: 'The load balancer: CloudFront in, tasks out',
      allowAllOutbound: false,
    })
    this.taskGroup = new SecurityGroup(this, 'Tasks', {
      vpc: this.vpc,
      description: 'The tasks: the load balancer and each other in, everything out',
      allowAllOutbound: true,
    })
    this.taskGroup.connections.allowFrom(this.loadBalancerGroup, Port.tcp(taskPort), 'The load balancer')
    this.taskGroup.connections.allowInternally(Port.tcp(taskPort), 'Tasks reach each other')
  }

  #make(): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/20'),
      // Two, whatever the region has: the load balancer needs two.
      availabilityZones: [Fn.select(0, Fn.getAzs()), Fn.select(1, Fn.getAzs())],
      natGateways: 0,
      subnetConfiguration: [
        { name: 'tasks', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false, cidrMask: 22 },
        { name: 'balancer', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      restrictDefaultSecurityGroup: false,
      // Both are free, and take the table and the image's layers off the way out.
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
    })
    acknowledge(vpc, {
      VPC7: 'Flow logs cost by traffic. The load balancer’s metrics and the tasks’ own audit lines say who called.',
    })
    return vpc
  }
}

/** The network that the configuration names. */
export function namedNetwork(scope: Construct, vpcId: string, subnetIds: readonly string[]): ExistingNetwork {
  const vpc = Vpc.fromVpcAttributes(scope, 'ExistingVpc', {
    vpcId,
    // Nothing asks for their names: they stand in the subnets, and synthesis asks nobody.
    availabilityZones: subnetIds.map((_, at) => Fn.select(at, Fn.getAzs())),
    privateSubnetIds: [...subnetIds],
  })
  return { vpc, subnets: { subnets: vpc.privateSubnets } }
}
