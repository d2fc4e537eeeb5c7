import { RemovalPolicy, type CfnCustomResource } from 'aws-cdk-lib'
import type { CfnRuntimeEndpoint } from 'aws-cdk-lib/aws-bedrockagentcore'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays, type ILogGroup } from 'aws-cdk-lib/aws-logs'
import { AwsCustomResource, PhysicalResourceId, type AwsSdkCall } from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'
import { agentcoreArn } from './agentcore-role.ts'
import { allow } from './allow.ts'

export interface AgentcoreRuntimeLogProps {
  /** `/aws/bedrock-agentcore/runtimes/ID-ENDPOINT` */
  logGroupName: string
  runtimeName: string
  /** The log belongs to it, and is made after it. */
  endpoint: CfnRuntimeEndpoint
}

/**
 * The log group of a runtime's endpoint, kept for a month. The service makes it, at a time that is not told, without an end; so it
 * is made by a call that minds no group that is there, where a resource of CloudFormation would fail.
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2460 (read 2026-11-25)
 */
export class AgentcoreRuntimeLog extends Construct {
  readonly logGroup: ILogGroup

  constructor(scope: Construct, id: string, { logGroupName, runtimeName, endpoint }: AgentcoreRuntimeLogProps) {
    super(scope, id)
    const own = new LogGroup(this, 'Own', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY })
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    allow(role, {
      actions: ['logs:CreateLogGroup', 'logs:DeleteLogGroup', 'logs:PutRetentionPolicy'],
      resources: [agentcoreArn(this, `log-group:/aws/bedrock-agentcore/runtimes/${runtimeName}-*`, 'logs')],
      wide: 'The id of the runtime is the choice of the service.',
    })
    own.grantWrite(role)
    const calls = (name: string, call: Partial<AwsSdkCall> & { action: string }, onDelete?: AwsSdkCall) => {
      const made = {
        service: 'cloudwatch-logs',
        parameters: { logGroupName },
        physicalResourceId: PhysicalResourceId.of(logGroupName),
        ...call,
      }
      return new AwsCustomResource(this, name, { onCreate: made, onUpdate: made, ...(onDelete ? { onDelete } : {}), installLatestAwsSdk: false, role, logGroup: own }) // prettier-ignore
    }
    const group = calls(
      'Group',
      { action: 'createLogGroup', ignoreErrorCodesMatching: 'ResourceAlreadyExistsException' },
      {
        service: 'cloudwatch-logs',
        action: 'deleteLogGroup',
        parameters: { logGroupName },
        ignoreErrorCodesMatching: 'ResourceNotFoundException',
      },
    )
    group.node.addDependency(endpoint)
    const kept = calls('Retention', { action: 'putRetentionPolicy', parameters: { logGroupName, retentionInDays: 30 } })
    kept.node.addDependency(group)
    // By its reference, which is the name: who uses it waits for it.
    const { ref } = kept.node.findChild('Resource').node.defaultChild as CfnCustomResource
    this.logGroup = LogGroup.fromLogGroupName(this, 'There', ref)
  }
}
