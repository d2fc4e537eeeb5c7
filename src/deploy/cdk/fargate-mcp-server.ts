import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import {
  AwsLogDriverMode,
  Cluster,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  LinuxParameters,
  LogDriver,
  OperatingSystemFamily,
  Secret as EcsSecret,
  type ICluster,
} from 'aws-cdk-lib/aws-ecs'
import { ApplicationProtocol, type ApplicationTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { OauthPlace } from '../../adapters/oauth.ts'
import { fargateTimeouts } from '../../aws/fargate-timeouts.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import type { Platform } from '../../platforms.ts'
import type { ImagePlan } from '../deployment.ts'
import { acknowledge } from './acknowledge.ts'
import { allowConfigured } from './allow.ts'
import { generatedSecret } from './client-secret.ts'
import { FargateFront } from './fargate-front.ts'
import { FargateNetwork, taskPort, type ExistingNetwork } from './fargate-network.ts'
import { fargateSize } from './fargate-size.ts'
import { StateTable } from './state-table.ts'
import { allowPull, taskImage } from './task-image.ts'

export interface FargateMcpServerProps {
  config: FairleadConfig
  /** The image for arm64 with the artifact in it, by its URI or as it is planned. */
  image: ImagePlan | string
  /** Whose tokens are taken, and the app clients where Cognito's own are. */
  authorization?: { issuer: string; clients?: string[] }
  /**
   * For a server that knows by itself whose tokens it takes, and keeps nothing that its tasks share: the setting that tells it
   * where it is.
   */
  tokens?: { setting: string; platform: Platform }
  /** A network that is there; one of its own when absent. */
  network?: ExistingNetwork
  /** A web ACL with the scope CLOUDFRONT. */
  webAclArn?: string
}

/** How many tasks there may be when it is busy, for each that is always there. */
const growth = 4

/**
 * An MCP server as tasks on Fargate behind a load balancer and CloudFront, guarded by OAuth.
 *
 *     new FargateMcpServer(this, 'Mcp', { config, image, authorization: service })
 */
export class FargateMcpServer extends Construct {
  readonly network: FargateNetwork
  readonly front: FargateFront
  readonly cluster: Cluster
  readonly service: FargateService
  /** What its tasks share; absent with `tokens`. */
  readonly table?: StateTable
  readonly logGroup: LogGroup
  readonly auth = 'oauth'
  /** The MCP endpoint. */
  readonly url: string

  constructor(scope: Construct, id: string, props: FargateMcpServerProps) {
    super(scope, id)
    const { config } = props
    const { tasks = 2, domain } = config.platforms.fargate ?? {}
    if (domain && !domain.certificateArn.includes(':acm:us-east-1:'))
      throw new FairleadError('CONFIG_INVALID', '`platforms.fargate.domain.certificateArn` is not in us-east-1', {
        why: 'CloudFront stands in front, and takes certificates of us-east-1 alone.',
        fix: 'Request it there: aws acm request-certificate --region us-east-1 --domain-name …',
      })
    this.network = new FargateNetwork(this, 'Network', props.network)
    this.front = new FargateFront(this, 'Front', {
      network: this.network,
      comment: `The MCP server ${config.name}`,
      ...(domain === undefined ? {} : { domain }),
      ...(props.webAclArn === undefined ? {} : { webAclArn: props.webAclArn }),
    })
    this.url = `${this.front.url}/mcp`
    // What is in it lives for hours: sessions, tasks, which of them is where.
    if (!props.tokens) this.table = new StateTable(this, 'State', { keep: false })
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.cluster = new Cluster(this, 'Cluster', { vpc: this.network.vpc })
    acknowledge(this.cluster, {
      ECS4: 'Container Insights costs for each task and metric; the service has CPU and memory without it.',
    })
    this.service = this.#serve(this.#define(props))
    this.#grow(this.#balance(), tasks)
  }

  #define(props: FargateMcpServerProps): FargateTaskDefinition {
    const { config, image } = props
    const { cpu, memoryMb } = fargateSize(config.platforms.fargate?.memoryMb ?? 1024)
    const taskRole = new Role(this, 'TaskRole', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: `What the MCP server ${config.name} may do`,
    })
    allowConfigured(taskRole, config)
    this.table?.grantUse(taskRole)
    const task = new FargateTaskDefinition(this, 'Task', {
      taskRole,
      cpu,
      memoryLimitMiB: memoryMb,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    })
    task.addContainer('Server', {
      image: taskImage(image),
      user: '1000:1000',
      readonlyRootFilesystem: true,
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
      stopTimeout: Duration.seconds(fargateTimeouts.stopS),
      portMappings: [{ containerPort: taskPort }],
      environment: {
        AWS_REGION: Stack.of(this).region,
        ...this.#settings(props),
        HOST: '0.0.0.0',
        PORT: String(taskPort),
      },
      ...(this.table ? { secrets: { FAIRLEAD_SECRET: this.#secret(config) } } : {}),
      logging: LogDriver.awsLogs({
        logGroup: this.logGroup,
        streamPrefix: 'task',
        // A log that is slow slows no call down.
        mode: AwsLogDriverMode.NON_BLOCKING,
      }),
    })
    allowPull(task, image)
    acknowledge(task, {
      ECS2: 'What stands in the environment is public: names and URLs. Secrets come from Secrets Manager.',
    })
    return task
  }

  /** Where it is, and whose tokens it takes. */
  #settings({ authorization, tokens }: FargateMcpServerProps): Record<string, string> {
    if (tokens) return { FAIRLEAD_PLATFORM: tokens.platform, [tokens.setting]: JSON.stringify({ resource: this.url }) }
    if (!authorization)
      throw new FairleadError('CONFIG_INVALID', '`authorization` is missing: tokens come from somewhere')
    const { issuer, clients } = authorization
    const place: OauthPlace = { resource: this.url, issuer, ...(clients ? { clients } : {}) }
    return {
      FAIRLEAD_PLATFORM: 'fargate',
      FAIRLEAD_TABLE: this.table!.table.tableName,
      FAIRLEAD_OAUTH: JSON.stringify(place),
    }
  }

  #secret({ name }: FairleadConfig): EcsSecret {
    const secret = generatedSecret(this, 'Secret', `${name}: what its tasks prove to each other, and seal`)
    return EcsSecret.fromSecretsManager(secret as ISecret)
  }

  /** How many tasks there are is left to scaling: a number here would take a busy service back to it with each deployment. */
  #serve(taskDefinition: FargateTaskDefinition): FargateService {
    const service = new FargateService(this, 'Service', {
      // CDK's own classes are not its interfaces where optional means absent.
      cluster: this.cluster as ICluster,
      taskDefinition,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      healthCheckGracePeriod: Duration.seconds(60),
      vpcSubnets: this.network.subnets,
      securityGroups: [this.network.taskGroup],
      assignPublicIp: this.network.assignPublicIp,
      enableExecuteCommand: false,
    })
    return service
  }

  #balance(): ApplicationTargetGroup {
    return this.front.listener.addTargets('Tasks', {
      targets: [this.service],
      port: taskPort,
      protocol: ApplicationProtocol.HTTP,
      deregistrationDelay: Duration.seconds(fargateTimeouts.deregistrationS),
      healthCheck: {
        path: '/healthz',
        interval: Duration.seconds(15),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
    })
  }

  #grow(targetGroup: ApplicationTargetGroup, tasks: number): void {
    const scaling = this.service.autoScaleTaskCount({ minCapacity: tasks, maxCapacity: tasks * growth })
    const cooldown = { scaleInCooldown: Duration.minutes(5), scaleOutCooldown: Duration.minutes(1) }
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 60, ...cooldown })
    scaling.scaleOnRequestCount('Requests', { targetGroup, requestsPerTarget: 6000, ...cooldown })
  }
}
