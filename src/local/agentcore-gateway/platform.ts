import { boundEndpoint, openGateway } from '../../gateway/open.ts'
import { changeKinds, Changes } from '../../gateway/changes.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import { waysOf, type Bindings } from '../../gateway/bindings.ts'
import { readProviderArn } from '../../gateway/credential-providers.ts'
import { gatewayIdOf } from '../../gateway/targets/lambda.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { listen } from '../../http/node-server.ts'
import { localAccount, platforms } from '../../platforms.ts'
import { gatewayPolicy, type PolicyDocument } from '../../aws/permissions.ts'
import { agentArn } from '../iam/identities.ts'
import { withAnswerFaults, withRequestFaults } from '../faults/with-faults.ts'
import { observed } from '../observe.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import { GatewaySources } from './sources.ts'
import { startLocalFunctions } from './functions.ts'
import { controlPlane, isControlPath } from './control-plane.ts'
import { inboundOf } from './inbound.ts'
import { startOwnGateway } from './own.ts'
import { startPlaces } from './places.ts'
import { discoveryUrlOf, readGatewayProject, type GatewayProject } from '../../gateway/project.ts'

const { region, accountId } = localAccount

/** The payload quota of the service, and a little: the gateway answers itself when there is more. */
const largestBody = 7 * 1024 * 1024

/** Runs the gateway over its definitions, with the Lambdas, the APIs and the servers that the bindings name. */
export async function startAgentcoreGatewayPlatform(options: PlatformOptions): Promise<RunningPlatform> {
  const part = options.deployed?.['agentcore-gateway']
  if (part && 'artifactDir' in part) return startOwnGateway(options, part)
  const definitions = definitionsOf(options)
  const { gateway, bindings } = definitions
  const arn = part?.arn ?? `arn:aws:bedrock-agentcore:${region}:${accountId}:gateway/${gatewayIdOf(gateway.name)}`
  let opened: Opened | undefined
  // Who listens goes on listening when the definitions are read again.
  const changes = new Changes()
  const control = controlPlane({
    arn,
    gatewayId: gatewayIdOf(gateway.name),
    identities: options.identities,
    current: () => opened!,
  })
  const handler: FetchHandler = async (request, context) => {
    if (!opened) return new Response('starting', { status: 503 })
    const light = request as unknown as LightRequest
    return isControlPath(light.target) ? control(light) : opened.gateway.fetch(request, context)
  }
  const server = await listen(
    withRequestFaults(
      observed('agentcore-gateway', withAnswerFaults(handler, options.faults), options.requests),
      options.faults,
      { service: platforms['agentcore-gateway'].service, region, keys: options.identities },
    ),
    { port: options.port, maxBodyBytes: largestBody },
  )
  try {
    const url = `${server.url}/mcp`
    if (bindings.discoveryUrls?.[discoveryUrlOf(gateway) ?? ''] === 'authorization-service')
      options.authorization?.guard(url)
    const sources = new GatewaySources(options.project.config.platforms['agentcore-gateway']!, options.project.dir)
    const open = async () => {
      const digest = await sources.read()
      const made = await openLocally(options, { url, arn, changes })
      sources.taken(digest)
      return made
    }
    opened = await open()
    const auth = { CUSTOM_JWT: 'oauth', AWS_IAM: 'iam', NONE: 'none', AUTHENTICATE_ONLY: 'iam' } as const
    const kind = auth[gateway.authorizerType]
    return {
      endpoint: {
        url,
        auth: kind,
        ...(kind === 'iam' ? { service: platforms['agentcore-gateway'].service, region } : {}),
        arn,
      },
      sources,
      // Its definitions are read again; calls in flight end on what they began with.
      replace: async () => {
        const before = opened!
        opened = await open()
        await before.close()
        for (const kind of changeKinds) changes.tell(kind)
      },
      close: async () => {
        changes.end()
        await server.close()
        await opened?.close()
      },
    }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** Those that the configuration names; those of a template, with the bindings of the configuration. */
function definitionsOf({ project: { config, dir }, deployed }: PlatformOptions): GatewayProject {
  const own = readGatewayProject(config.platforms['agentcore-gateway']!, dir)
  const part = deployed?.['agentcore-gateway']
  if (!part || 'artifactDir' in part) return own
  const { policies: _own, ...rest } = own
  const { gateway, targets, policies } = part
  return { ...rest, bindings: boundAsMade(rest.bindings), gateway, targets, ...(policies ? { policies } : {}) }
}

/** What a template makes has an ARN of this machine: it is bound to the same secret. */
function boundAsMade({ credentialProviders = {}, ...rest }: Bindings): Bindings {
  const here = Object.entries(credentialProviders).flatMap(([arn, given]) => {
    const { kind, name } = readProviderArn(arn) ?? {}
    const made = `arn:aws:bedrock-agentcore:${region}:${accountId}:token-vault/default/${kind}credentialprovider/${name}`
    return kind && waysOf(given).config && !given.existing ? [[made, given] as const] : []
  })
  return { ...rest, credentialProviders: { ...Object.fromEntries(here), ...credentialProviders } }
}

interface Opened {
  gateway: Gateway
  targets: readonly TargetDefinition[]
  openedAt: Date
  close(): Promise<void>
}

async function openLocally(
  options: PlatformOptions,
  { url, arn, changes }: { url: string; arn: string; changes: Changes },
): Promise<Opened> {
  const { identities, log, authorization } = options
  const definitions = definitionsOf(options)
  const { gateway, targets, bindings, managed, policies } = definitions
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closers.toReversed()) await each()
  }
  try {
    const [functions, places] = await Promise.all([
      startLocalFunctions(targets, bindings, log).then((started) => {
        closers.push(() => started.close())
        return started
      }),
      startPlaces(bindings, closers),
    ])
    const agent = identities.find(({ name }) => name === 'agent')!
    const opened = await openGateway({
      gateway,
      targets,
      bindings,
      managed,
      ...(policies ? { policies, gatewayArn: arn } : {}),
      invoke: functions.invoke,
      locate: (origin) => places.get(origin) ?? boundEndpoint(bindings, origin),
      roleCredentials: async () => agent,
      region,
      changes,
      inbound: inboundOf({
        gateway,
        bindings,
        arn,
        identities,
        policy: policyOf(options, arn),
        ...(authorization ? { issuer: authorization.issuer } : {}),
        resource: () => url,
      }),
      log: (line) => log(`agentcore-gateway  ${line}`),
    })
    closers.push(() => opened.close())
    return { gateway: opened, targets, openedAt: new Date(), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Who may invoke: the configured callers, else the local agent; or whom the template lets in. */
function policyOf({ project, deployed }: PlatformOptions, arn: string): PolicyDocument {
  const { callers = [] } = project.config
  const part = deployed?.['agentcore-gateway']
  return (
    (part && 'policy' in part ? part.policy : undefined) ??
    gatewayPolicy(arn, callers.length > 0 ? callers : [agentArn(accountId)])
  )
}
