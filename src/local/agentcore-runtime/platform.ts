import { createCustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import { localRuntimeId, runtimeHeaders, runtimeLimits } from '../../aws/agentcore-runtime.ts'
import { agentRuntimePolicy } from '../../aws/permissions.ts'
import type { AgentcoreRuntimeConfig } from '../../config.ts'
import { listen } from '../../http/node-server.ts'
import { localAccount, platforms } from '../../platforms.ts'
import { Faults } from '../faults.ts'
import { withAnswerFaults, withRequestFaults } from '../faults/with-faults.ts'
import { createIamGuard } from '../iam/guard.ts'
import { agentArn } from '../iam/identities.ts'
import { Notes } from '../notes.ts'
import { observed } from '../observe.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import { localEnvironment } from '../template/environment.ts'
import { dataPlane } from './data-plane.ts'
import { byIam, byJwt, type Inbound } from './inbound.ts'
import { readOperation } from './operation.ts'
import { Sessions } from './sessions.ts'

/** The service takes a payload of 100,000,000 bytes and says so itself when there are more. */
const largestBody = runtimeLimits.payloadBytes + 1_000_000
const { region, accountId } = localAccount

/** For tests and faults: figures that AWS fixes. */
export interface RuntimeTimes {
  idleMs?: number
  lifetimeMs?: number
  startTimeoutMs?: number
  coldStartMs?: number
  requestMs?: number
  streamMs?: number
}

export interface RunningRuntime extends RunningPlatform {
  sessions: Sessions
}

/** Runs the artifact as an AgentCore Runtime: its data plane, and a process for each session. */
export async function startAgentcoreRuntimePlatform(
  options: PlatformOptions,
  times: RuntimeTimes = {},
): Promise<RunningRuntime> {
  const { project, log, faults = new Faults() } = options
  const notes = new Notes()
  const config = project.config.platforms['agentcore-runtime'] ?? {}
  const deployed = options.deployed?.['agentcore-runtime']
  const arn =
    deployed?.arn ?? `arn:aws:bedrock-agentcore:${region}:${accountId}:runtime/${localRuntimeId(project.config.name)}`
  const { inbound, oauth } = inboundOf(config, arn, options)
  const lifetimeS = config.maxLifetimeS ?? runtimeLimits.lifetimeS
  const sessions = new Sessions({
    artifactDir: options.artifactDir,
    env: deployed
      ? localEnvironment(deployed.env, options.env)
      : { ...options.env, FAIRLEAD_PLATFORM: 'agentcore-runtime', FAIRLEAD_PROJECT_DIR: project.dir },
    region,
    idleMs: times.idleMs ?? (config.idleS ?? Math.min(runtimeLimits.idleS, lifetimeS)) * 1000,
    lifetimeMs: times.lifetimeMs ?? lifetimeS * 1000,
    maxSessions: config.maxSessions ?? 50,
    startTimeoutMs: times.startTimeoutMs ?? 120_000,
    coldStartMs: times.coldStartMs ?? 18_000,
    faults,
    // What the server notes of its requests for a platform that has no log of its own.
    log: (line) => notes.take(line) || log(line),
  })
  for (const name of deployed?.endpoints ?? []) sessions.versions.pin(name, 1)
  try {
    // What is wrong with the server is known from the platforms beside it: the same artifact starts there anyway.
    const { lambda, fargate } = project.config.platforms
    if (deployed || (!lambda && !fargate)) await sessions.warm()
    const handler = dataPlane({
      arn,
      accountId,
      sessions,
      inbound,
      ...(oauth ? { oauth } : {}),
      modernSessions: config.modernSessions ?? 'each',
      allowlist: (config.headers ?? []).map((name) => name.toLowerCase()),
      rotates: () => faults.has('session-rotates'),
      ...(times.requestMs ? { requestMs: times.requestMs } : {}),
      ...(times.streamMs ? { streamMs: times.streamMs } : {}),
    })
    const server = await listen(
      withRequestFaults(
        observed('agentcore-runtime', withAnswerFaults(handler, options.faults), options.requests),
        options.faults,
        { service: platforms['agentcore-runtime'].service, region, keys: options.identities },
      ),
      {
        port: options.port,
        maxBodyBytes: largestBody,
      },
    )
    return {
      endpoint: {
        url: `${server.url}/runtimes/${encodeURIComponent(arn)}/invocations?qualifier=${deployed?.endpoints[0] ?? 'DEFAULT'}`,
        ...(oauth ? { auth: 'oauth' } : { auth: 'iam', service: platforms['agentcore-runtime'].service, region }),
        arn,
        sdkEndpoint: server.url,
      },
      sessions,
      replace: (artifactDir) => sessions.replace(artifactDir),
      close: async () => {
        await server.close()
        await sessions.close()
      },
    }
  } catch (error) {
    await sessions.close()
    throw error
  }
}

/** IAM or a JWT authorizer, never both. Throws CONFIG_INVALID. */
function inboundOf(
  { auth = 'iam' }: AgentcoreRuntimeConfig,
  arn: string,
  { project, identities, deployed }: PlatformOptions,
): { inbound: Inbound; oauth?: { issuer: string; scopes: readonly string[] } } {
  if (auth !== 'iam') {
    const authorizer = createCustomJwtAuthorizer(auth.customJWTAuthorizer)
    const issuer = authorizer.discoveryUrl.replace(/\/\.well-known\/openid-configuration$/, '')
    return { inbound: byJwt(authorizer), oauth: { issuer, scopes: authorizer.advertisedScopes } }
  }
  const { callers = [] } = project.config
  const guard = createIamGuard({
    service: platforms['agentcore-runtime'].service,
    region,
    accountId,
    identities,
    policy:
      deployed?.['agentcore-runtime']?.policy ??
      agentRuntimePolicy(arn, callers.length > 0 ? callers : [agentArn(accountId)]),
    // Whatever runtime is named: that there is no such one is said only to who may invoke this one.
    asks: (request) => {
      const { kind, qualifier = 'DEFAULT' } = readOperation(request.target) ?? {}
      const stops = kind === 'stop'
      const action = `bedrock-agentcore:${stops ? 'StopRuntimeSession' : 'InvokeAgentRuntime'}`
      const forUser = !stops && request.headers.has(runtimeHeaders.user)
      const actions = [action, ...(forUser ? ['bedrock-agentcore:InvokeAgentRuntimeForUser'] : [])]
      // The service asks the policy of the endpoint too; what is not deployed has one for both.
      const resources = [arn, ...(deployed ? [`${arn}/runtime-endpoint/${qualifier}`] : [])]
      return resources.flatMap((resource) => actions.map((each) => ({ action: each, resource })))
    },
  })
  return { inbound: byIam(guard) }
}
