import { Names, RemovalPolicy } from 'aws-cdk-lib'
import type { CfnGateway } from 'aws-cdk-lib/aws-bedrockagentcore'
import { CfnDelivery, CfnDeliveryDestination, CfnDeliverySource, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'

const logType = 'APPLICATION_LOGS'

/**
 * The log of a managed gateway, which is written only where somebody asks for it. Below `/aws/vendedlogs/` the service may
 * write without a policy of the account.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/observability-configure.html (read 2026-11-22)
 */
export function gatewayLogs(scope: Construct, gateway: CfnGateway): LogGroup {
  const logGroup = new LogGroup(scope, 'Log', {
    logGroupName: `/aws/vendedlogs/bedrock-agentcore/gateway/${logType}/${gateway.attrGatewayIdentifier}`,
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const name = (id: string) => `${Names.uniqueResourceName(scope, { maxLength: 50 })}-${id}`
  const source = new CfnDeliverySource(scope, 'LogSource', {
    name: name('source'),
    logType,
    resourceArn: gateway.attrGatewayArn,
  })
  const destination = new CfnDeliveryDestination(scope, 'LogDestination', {
    name: name('log'),
    deliveryDestinationType: 'CWL',
    destinationResourceArn: logGroup.logGroupArn,
  })
  const delivery = new CfnDelivery(scope, 'LogDelivery', {
    deliverySourceName: source.name,
    deliveryDestinationArn: destination.attrArn,
  })
  delivery.addResourceDependency(source)
  return logGroup
}
