import { RemovalPolicy, Stack, type App } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { AwsCustomResource, PhysicalResourceId } from 'aws-cdk-lib/custom-resources'
import { edgeRegion, parameterPath, type Deployment } from '../deployment.ts'
import { addOutputs } from './outputs.ts'
import type { MadeStack, StackRequest } from './stacks.ts'
import { McpWebAcl } from './web-acl.ts'

/** Where code, URLs of this machine and long bodies are ordinary: MCP's endpoint, and the three of OAuth that clients write to. */
const paths = ['/mcp', '/register', '/authorize', '/token']

/** The web ACL of an environment: it costs as much for one distribution as for all. */
export function environmentWebAcl(stack: Stack): string {
  return new McpWebAcl(stack, 'WebAcl', { scope: 'CLOUDFRONT', paths }).arn
}

/**
 * The stack in us-east-1 of an environment that is elsewhere: the web ACL for its distributions, and a parameter with its ARN,
 * which WAF makes up.
 */
export function edgeStack(app: App, { name, deployment, props }: StackRequest): MadeStack {
  const stack = new Stack(app, name, props)
  const webAclArn = environmentWebAcl(stack)
  new StringParameter(stack, 'Parameter', { parameterName: parameterName(deployment), stringValue: webAclArn })
  addOutputs(stack, { WebAclArn: webAclArn })
  return { stack }
}

/**
 * The ARN of that web ACL in a stack of another region. CloudFormation reads parameters of its own region alone, so a function
 * of CDK's reads this one, with a role that may do nothing else.
 */
export function edgeWebAclArn(stack: Stack, deployment: Deployment): string {
  const parameter = parameterName(deployment)
  const call = {
    service: 'ssm',
    action: 'getParameter',
    region: edgeRegion,
    parameters: { Name: parameter },
    outputPaths: ['Parameter.Value'],
    physicalResourceId: PhysicalResourceId.of(parameter),
  }
  const logGroup = new LogGroup(stack, 'EdgeLog', {
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const role = new Role(stack, 'EdgeRole', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
  const arn = stack.formatArn({ service: 'ssm', region: edgeRegion, resource: 'parameter', resourceName: parameter.slice(1) }) // prettier-ignore
  role.addToPrincipalPolicy(new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [arn] }))
  logGroup.grantWrite(role)
  const read = new AwsCustomResource(stack, 'Edge', { onCreate: call, onUpdate: call, installLatestAwsSdk: false, role, logGroup }) // prettier-ignore
  return read.getResponseField('Parameter.Value')
}

function parameterName(deployment: Deployment): string {
  return `${parameterPath(deployment)}/edge/${deployment.region}/web-acl`
}
