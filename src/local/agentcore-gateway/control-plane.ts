import { verify } from '../../auth/sigv4/verify.ts'
import type { PolicyDocument } from '../../aws/permissions.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import { idOf } from '../../gateway/targets/lambda.ts'
import type { Target } from '../../gateway/tool.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { isHostAllowed, isOriginAllowed } from '../../mcp/origin.ts'
import { localAccount, platforms } from '../../platforms.ts'
import { createAuthorizer } from '../iam/authorize.ts'
import { agentArn } from '../iam/identities.ts'
import type { IamIdentity } from '../state.ts'

const { region, accountId } = localAccount
const { service } = platforms['agentcore-gateway']

export interface ControlPlaneOptions {
  arn: string
  gatewayId: string
  identities: readonly IamIdentity[]
  /** The gateway as it is now, and what its targets were made of. */
  current: () => { gateway: Gateway; targets: readonly TargetDefinition[]; openedAt: Date }
}

/** What is known of a target beside its definition. */
interface State {
  status: 'READY' | 'SYNCHRONIZING' | 'SYNCHRONIZE_UNSUCCESSFUL'
  updatedAt: Date
  statusReasons?: string[]
}

/** An error of the service: its name, and the HTTP status that goes with it. */
class ServiceError extends Error {
  readonly status: number
  readonly type: string

  constructor(status: number, type: string, message: string) {
    super(message)
    this.status = status
    this.type = type
  }
}

/**
 * The part of AgentCore's control plane that acts on a running gateway: ListGatewayTargets, GetGatewayTarget and
 * SynchronizeGatewayTargets, signed for `bedrock-agentcore` by the agent of the local stack.
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_SynchronizeGatewayTargets.html
 */
export function controlPlane(options: ControlPlaneOptions): (request: LightRequest) => Promise<Response> {
  const authorizer = createAuthorizer(ownerPolicy(options.arn))
  const byKey = new Map(options.identities.map((each) => [each.accessKeyId, each]))
  const states = new WeakMap<Target, State>()

  return async (request) => {
    try {
      return await answer(request)
    } catch (error) {
      if (error instanceof ServiceError) return refused(error)
      throw error
    }
  }

  async function answer(request: LightRequest): Promise<Response> {
    if (
      !isHostAllowed(request.headers.get('host'), 'loopback') ||
      !isOriginAllowed(request.headers.get('origin'), 'loopback')
    )
      throw new ServiceError(403, 'AccessDeniedException', 'This Host or Origin is not served here')
    const operation = operationOf(request)
    if (!operation) throw new ServiceError(404, 'UnknownOperationException', 'There is no such operation here')
    await admit(request, operation.name)
    if (operation.gatewayId !== options.gatewayId && operation.gatewayId !== options.arn)
      throw new ServiceError(
        404,
        'ResourceNotFoundException',
        `There is no gateway ${operation.gatewayId.slice(0, 120)}`,
      )
    if (operation.name === 'ListGatewayTargets') return json(200, { items: options.current().targets.map(summary) })
    if (operation.name === 'GetGatewayTarget') return json(200, described(named(operation.targetId)))
    const id = targetIdIn(await request.text())
    const definition = named(id)
    synchronize(definition)
    return json(202, { targets: [described(definition)] })
  }

  async function admit(request: LightRequest, action: string): Promise<void> {
    const { method, target, rawHeaders, bytes } = request
    const signed = { method, target, rawHeaders, body: bytes }
    const verified = verify(signed, { service, region, lookup: (id) => byKey.get(id) })
    if (!verified.ok)
      throw new ServiceError(403, 'AccessDeniedException', 'The request is not signed by anyone who is known')
    const principal = byKey.get(verified.accessKeyId)!.arn
    const question = { principal, action: `bedrock-agentcore:${action}`, resource: options.arn, accountId, context: {} }
    if (!(await authorizer(question)))
      throw new ServiceError(
        403,
        'AccessDeniedException',
        `${principal} is not authorized to perform: ${question.action}`,
      )
  }

  /** The answer comes before it is done, as on AWS: GetGatewayTarget says how it went. */
  function synchronize(definition: TargetDefinition): void {
    const target = running(definition)
    const server = definition.targetConfiguration.mcp.mcpServer
    const cannot = !server
      ? 'only a target that is an MCP server is synchronized'
      : server.mcpToolSchema
        ? 'its tools are those of its mcpToolSchema'
        : server.listingMode === 'DYNAMIC'
          ? 'its listingMode is DYNAMIC: its tools are asked for each time'
          : undefined
    if (cannot)
      throw new ServiceError(400, 'ValidationException', `${definition.name} cannot be synchronized: ${cannot}`)
    if (states.get(target)?.status === 'SYNCHRONIZING')
      throw new ServiceError(409, 'ConflictException', `${definition.name} is being synchronized`)
    states.set(target, { status: 'SYNCHRONIZING', updatedAt: new Date() })
    void target.synchronize().then(
      () => states.set(target, { status: 'READY', updatedAt: new Date() }),
      (error: unknown) =>
        states.set(target, {
          status: 'SYNCHRONIZE_UNSUCCESSFUL',
          updatedAt: new Date(),
          statusReasons: [error instanceof Error ? error.message.slice(0, 2048) : 'it failed'],
        }),
    )
  }

  function named(id: string): TargetDefinition {
    const found = options.current().targets.find(({ name }) => targetIdOf(name) === id)
    if (found) return found
    throw new ServiceError(404, 'ResourceNotFoundException', `There is no target ${id.slice(0, 40)}`)
  }

  function targetIdOf(name: string): string {
    return idOf(`${options.gatewayId}/${name}`)
  }

  function running({ name }: TargetDefinition): Target {
    return options.current().gateway.targets.find((each) => each.name === name)!
  }

  function summary(definition: TargetDefinition): Record<string, unknown> {
    const { name, description } = definition
    const { status, updatedAt } = stateOf(definition)
    const createdAt = options.current().openedAt
    return { targetId: targetIdOf(name), name, status, ...(description ? { description } : {}), createdAt, updatedAt }
  }

  function described(definition: TargetDefinition): Record<string, unknown> {
    const { statusReasons = [] } = stateOf(definition)
    const { synchronizedAt } = running(definition)
    return {
      gatewayArn: options.arn,
      credentialProviderConfigurations: [],
      ...definition,
      ...summary(definition),
      statusReasons,
      ...(synchronizedAt === undefined ? {} : { lastSynchronizedAt: synchronizedAt }),
    }
  }

  function stateOf(definition: TargetDefinition): State {
    return states.get(running(definition)) ?? { status: 'READY', updatedAt: options.current().openedAt }
  }
}

interface Operation {
  name: 'ListGatewayTargets' | 'GetGatewayTarget' | 'SynchronizeGatewayTargets'
  gatewayId: string
  targetId: string
}

/** Whether a path is one of the control plane's. */
export function isControlPath(target: string): boolean {
  return target.startsWith('/gateways/')
}

function operationOf({ method, target }: LightRequest): Operation | undefined {
  // AWS's own clients end some of these paths with a slash.
  const path = target.split('?', 1)[0]!.replace(/\/$/, '')
  const [, , id = '', what = '', targetId = '', ...more] = path.split('/').map(decoded)
  const name =
    more.length > 0
      ? undefined
      : method === 'PUT' && what === 'synchronizeTargets' && targetId === ''
        ? 'SynchronizeGatewayTargets'
        : method === 'GET' && what === 'targets'
          ? targetId === ''
            ? 'ListGatewayTargets'
            : 'GetGatewayTarget'
          : undefined
  return name && { name, gatewayId: id, targetId }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The list has exactly one member, as AWS has it. */
function targetIdIn(text: string): string {
  try {
    const { targetIdList } = JSON.parse(text) as { targetIdList?: unknown }
    if (Array.isArray(targetIdList) && targetIdList.length === 1 && typeof targetIdList[0] === 'string')
      return targetIdList[0]
  } catch {
    // It is no JSON: the same answer.
  }
  throw new ServiceError(400, 'ValidationException', 'targetIdList must have exactly one target id')
}

function ownerPolicy(arn: string): PolicyDocument {
  const statement = (name: Operation['name']) =>
    ({
      Sid: name,
      Effect: 'Allow',
      Principal: { AWS: [agentArn(accountId)] },
      Action: `bedrock-agentcore:${name}`,
      Resource: arn,
    }) as const
  return {
    Version: '2012-10-17',
    Statement: [statement('ListGatewayTargets'), statement('GetGatewayTarget'), statement('SynchronizeGatewayTargets')],
  }
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

function refused({ status, type, message }: ServiceError): Response {
  const reason = type === 'ValidationException' ? { reason: 'FieldValidationFailed' } : {}
  return json(status, { message, ...reason }, { 'x-amzn-errortype': type })
}
