import type { GatewayPlace } from '../../adapters/gateway-artifact.ts'
import { createCustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import { readGateway, readTarget } from '../../gateway/definitions/read.ts'
import { discoveryUrlOf, readGatewayProject } from '../../gateway/project.ts'
import { localAccount } from '../../platforms.ts'
import { startFargatePlatform } from '../fargate/platform.ts'
import { startLambdaPlatform } from '../lambda/platform.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import type { DeployedOwnGateway } from '../template/deployed.ts'
import { startAwsOfGateway } from './aws-of-gateway.ts'
import { startLocalFunctions } from './functions.ts'
import { startPlaces } from './places.ts'

/**
 * Runs fairlead's own gateway as a template deploys it: the artifact itself, as a function or as tasks. What its definitions
 * name on AWS is here what the bindings say: Lambdas, addresses, secrets, and who gives tokens.
 */
export async function startOwnGateway(options: PlatformOptions, part: DeployedOwnGateway): Promise<RunningPlatform> {
  const { project, log, authorization, identities } = options
  const { bindings } = readGatewayProject(project.config.platforms['agentcore-gateway']!, project.dir)
  const targets = part.facts.targets.map((each) => readTarget(each, 'gateway.json'))
  const gateway = readGateway(part.facts.gateway)
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closers.toReversed()) await each()
  }
  const keep = <T extends { close(): Promise<void> }>(started: T): T => {
    closers.push(() => started.close())
    return started
  }
  try {
    const functions = keep(await startLocalFunctions(targets, bindings, log))
    const places = await startPlaces(bindings, closers)
    const role = identities.find(({ name }) => name === 'agent')!
    const aws = keep(await startAwsOfGateway({ role, functions, bindings }))
    const bound = bindings.discoveryUrls?.[discoveryUrlOf(gateway) ?? '']
    const local = bound === 'authorization-service'
    const discoveryUrls = bound === undefined ? {} : { [discoveryUrlOf(gateway)!]: local ? `${authorization!.issuer}/.well-known/openid-configuration` : bound } // prettier-ignore
    const endpoints = Object.fromEntries(
      Object.entries(bindings.endpoints ?? {}).flatMap(([origin, place]) => {
        const at = typeof place === 'string' ? place : places.get(origin)
        return at === undefined ? [] : [[origin, at]]
      }),
    )
    const placeAt = (resource?: string): Record<string, string> => {
      if (local && resource !== undefined) authorization!.guard(resource)
      const place: GatewayPlace = {
        endpoints,
        discoveryUrls,
        ...(resource === undefined ? {} : { resource }),
        ...(bindings.audience === undefined ? {} : { audience: bindings.audience }),
      }
      return { FAIRLEAD_GATEWAY: JSON.stringify(place) }
    }
    const jwt = gateway.authorizerConfiguration?.customJWTAuthorizer
    const scopes = jwt ? createCustomJwtAuthorizer(jwt).advertisedScopes : []
    const isFunction = 'handler' in part
    // A gateway behind IAM is told nothing of where it is, so nothing of the template stands for it.
    const deployed = jwt ? part : { ...part, env: { ...part.env, ...placeAt() } }
    const start = isFunction ? startLambdaPlatform : startFargatePlatform
    const running = keep(
      await start({
        ...options,
        as: 'agentcore-gateway',
        artifactDir: part.artifactDir,
        project: { ...project, config: { ...project.config, platforms: platformsOf(part) } },
        env: {
          ...options.env,
          AWS_REGION: localAccount.region,
          AWS_ACCESS_KEY_ID: role.accessKeyId,
          AWS_SECRET_ACCESS_KEY: role.secretAccessKey,
          AWS_SESSION_TOKEN: role.sessionToken ?? '',
          AWS_ENDPOINT_URL_LAMBDA: aws.url,
          AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
        },
        deployed: { ...options.deployed!, [isFunction ? 'lambda' : 'fargate']: { ...deployed, scopes } },
        authorization: { issuer: '', users: [], ready: Promise.resolve(), close: async () => {}, ...authorization, guard: placeAt }, // prettier-ignore
      }),
    )
    return { ...running, close }
  } catch (error) {
    await close()
    throw error
  }
}

function platformsOf(part: DeployedOwnGateway): PlatformOptions['project']['config']['platforms'] {
  if (!('handler' in part)) return { fargate: { tasks: part.tasks, memoryMb: part.memoryMb } }
  const { memoryMb, timeoutS, concurrency, front } = part
  return {
    lambda: {
      auth: front ? 'oauth' : 'iam',
      memoryMb,
      timeoutS,
      ...(concurrency === undefined ? {} : { concurrency }),
    },
  }
}
