import type { CfnRuntime } from 'aws-cdk-lib/aws-bedrockagentcore'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { Construct, IConstruct } from 'constructs'
import { metricsEnvironment } from '../../aws/metrics.ts'
import type { FairleadConfig } from '../../config.ts'
import type { Platform } from '../../platforms.ts'
import { AgentcoreGateway } from './agentcore-gateway.ts'
import { AgentcoreRuntimeMcpServer } from './agentcore-runtime-mcp-server.ts'
import { AuthorizationService } from './authorization-service.ts'
import { FargateMcpServer } from './fargate-mcp-server.ts'
import { LambdaMcpServer } from './lambda-mcp-server.ts'
import { Observability, type ObservabilityProps } from './observability.ts'

/** What there is to watch of a server, and how it is told to speak. */
interface Watchable {
  parts: Omit<ObservabilityProps, 'name' | 'platform'>
  /** Sets a variable of the server; absent where none of our code runs. */
  set?: (name: string, value: string) => void
}

/**
 * Lets a server say its calls, and has alarms and a dashboard for it, as `observability` of the configuration asks: the server
 * itself, or what it stands in. Leaves all as it is where that is `false`.
 *
 *     observeServer(server, { config, environment: 'prod', platform: 'lambda' })
 */
export function observeServer(
  scope: Construct,
  { config, environment, platform }: { config: FairleadConfig; environment: string; platform: Platform },
): void {
  const { observability = {} } = config
  if (observability === false) return
  const name = `${config.name}-${environment}`
  const watchable = scope.node
    .findAll()
    .map(watchableOf)
    .find((each) => each !== undefined)
  if (!watchable) return
  if (watchable.set)
    for (const [variable, value] of Object.entries(metricsEnvironment(name))) watchable.set(variable, value)
  if (observability.alarms === false && observability.dashboard === false) return
  new Observability(scope, 'Observability', { name, platform, ...watchable.parts, ...observability })
}

/**
 * Has alarms for the authorization service, as `observability` of the configuration asks. Its metrics are on nobody's dashboard:
 * the fourth of an account costs three dollars a month.
 */
export function observeAuthorization(
  scope: Construct,
  { config, environment }: { config: FairleadConfig; environment: string },
): void {
  const { observability = {} } = config
  const service = scope.node.findAll().find((each) => each instanceof AuthorizationService)
  if (!service || observability === false || observability.alarms === false) return
  new Observability(scope, 'Observability', {
    name: `${config.name}-${environment}`,
    platform: 'authorization',
    function: service.function,
    logGroup: service.logGroup,
    table: service.table.table as ITable,
    distributionId: service.front.distribution.distributionId,
    ...observability,
    dashboard: false,
  })
}

function watchableOf(construct: IConstruct): Watchable | undefined {
  if (construct instanceof LambdaMcpServer) return ofLambda(construct)
  if (construct instanceof FargateMcpServer) return ofFargate(construct)
  if (construct instanceof AgentcoreRuntimeMcpServer) return ofRuntime(construct)
  if (construct instanceof AgentcoreGateway) return { parts: { gatewayId: construct.gateway.attrGatewayIdentifier } }
  return undefined
}

/** A server in another language runs on AWS's own runtime for it, without our adapter. */
function ofLambda({ function: fn, logGroup, front }: LambdaMcpServer): Watchable {
  const parts = {
    function: fn,
    logGroup,
    ...(front ? { distributionId: front.distribution.distributionId } : {}),
  }
  if (!fn.runtime.name.startsWith('nodejs')) return { parts: { ...parts, silent: true } }
  return { parts, set: (name, value) => fn.addEnvironment(name, value) }
}

function ofFargate({ service, logGroup, front, table }: FargateMcpServer): Watchable {
  const { loadBalancer, distribution } = front
  return {
    parts: {
      service,
      logGroup,
      loadBalancer,
      ...(table ? { table: table.table as ITable } : {}),
      distributionId: distribution.distributionId,
    },
    set: (name, value) => service.taskDefinition.defaultContainer!.addEnvironment(name, value),
  }
}

function ofRuntime({ runtime, endpoint, runtimeArn, log }: AgentcoreRuntimeMcpServer): Watchable {
  return {
    parts: {
      logGroup: log.logGroup,
      runtimeName: runtime.agentRuntimeName,
      runtimeArn,
      runtimeEndpoint: endpoint.name,
    },
    set: (name, value) => {
      const variables = runtime.environmentVariables as CfnRuntime['environmentVariables'] & object
      runtime.environmentVariables = { ...variables, [name]: value }
    },
  }
}
