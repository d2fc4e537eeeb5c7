import { join } from 'node:path'
import type { Artifact } from '../build/artifact.ts'
import { buildGateway } from '../build/agentcore-gateway.ts'
import { buildAuthorizationService } from '../build/authorization-service.ts'
import { buildForAws } from '../build/for-aws.ts'
import type { Project } from '../build/project.ts'
import type { FairleadConfig } from '../config.ts'
import { environmentOf } from '../environment.ts'
import { FairleadError } from '../errors.ts'
import { localArns } from '../gateway/local-arns.ts'
import { readGatewayProject } from '../gateway/project.ts'
import { nearest } from '../nearest.ts'
import { localAccount, platformNames, type Platform } from '../platforms.ts'
import { isManaged, partsOf, unknownAccount, type Deployment, type ImagedArtifact } from './deployment.ts'
import { imagedArtifacts, imagesFor } from './image.ts'
import { principalOf } from './principal.ts'
import { baseOrAsk, baseReference, type Pinning } from './oci/pin.ts'

export interface PrepareOptions {
  /** A key of `environments`. */
  environment?: string
  /** All that the configuration has, when absent. */
  platforms?: readonly string[]
  /** Where the configuration says none: the credentials' account, the profile's region. */
  account?: string
  region?: string
  /** Where artifacts are put. */
  outDir: string
  /** Builds the OAuth guard into the server whatever the configuration says; nothing beside the server is built. */
  guarded?: boolean
  /** How the base of an image is asked for that the project does not pin. Absent: it is refused. */
  pinning?: Pinning
  env?: NodeJS.ProcessEnv
}

export interface Prepared {
  deployment: Deployment
  warnings: string[]
}

/**
 * Makes everything that synthesis needs: the environment's configuration and the artifacts. Callers of the account that
 * exists on this machine alone are left out. Throws USAGE, REGION_UNKNOWN, what `baseOrAsk` throws, and what the builds
 * throw.
 */
export async function prepareDeployment(project: Project, options: PrepareOptions): Promise<Prepared> {
  const { env = process.env, outDir } = options
  const { name: environment, config, ...place } = environmentOf(project.config, options.environment)
  const platforms = chosen(config, options.platforms)
  const region = place.region ?? options.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION
  if (!region)
    throw new FairleadError('REGION_UNKNOWN', 'Which region?', {
      why: 'Neither the environment nor AWS_REGION says it.',
      fix: '--region us-east-1, AWS_REGION=us-east-1, or `environments.NAME.region` in fairlead.config.ts',
    })
  const account = place.account ?? options.account
  const { callers, warnings } = realCallers(config)
  const deployed: Project = { ...project, config: { ...config, ...(callers ? { callers } : {}) } }
  const bare = { project: deployed, platforms, region }
  const runsImage = !options.guarded && imagedArtifacts(config, platforms).length > 0
  // Asked for before anything is built.
  if (runsImage) await baseOrAsk(project.dir, baseReference(config), options.pinning && { env, ...options.pinning })
  const artifacts: Deployment['artifacts'] = {}
  if (platforms.some((name) => name !== 'agentcore-gateway')) {
    artifacts.server = await buildForAws({
      projectDir: project.dir,
      platforms,
      config: options.guarded ? withGuard(deployed.config) : deployed.config,
      outDir: join(outDir, environment, options.guarded ? 'guarded-server' : 'server'),
    })
    warnings.push(...artifacts.server.warnings)
  }
  if (platforms.includes('agentcore-gateway') && isManaged(deployed.config))
    warnings.push(
      ...localArns(readGatewayProject(deployed.config.platforms['agentcore-gateway']!, project.dir).targets),
    )
  if (platforms.includes('agentcore-gateway') && !isManaged(deployed.config)) {
    const dir = join(outDir, environment, 'gateway')
    artifacts.gateway = await buildGateway({ projectDir: project.dir, config: deployed.config, outDir: dir })
    warnings.push(...artifacts.gateway.warnings)
  }
  if (!options.guarded && partsOf(bare).includes('authorization'))
    artifacts.authorizationService = await buildAuthorizationService(join(outDir, environment, 'authorization-service'))
  const { images } = imagesFor(
    deployed,
    runsImage ? imaged(deployed.config, platforms, artifacts) : {},
    { account: account ?? unknownAccount, region },
    undefined,
  )
  return {
    deployment: {
      ...bare,
      environment,
      artifacts,
      ...(account === undefined ? {} : { account }),
      ...(Object.keys(images).length > 0 ? { images } : {}),
    },
    warnings,
  }
}

/** Those of the artifacts that run in containers. */
export function imaged(
  config: FairleadConfig,
  platforms: readonly Platform[],
  artifacts: Deployment['artifacts'],
): Partial<Record<ImagedArtifact, Artifact>> {
  const names = imagedArtifacts(config, platforms)
  return Object.fromEntries(names.flatMap((name) => (artifacts[name] ? [[name, artifacts[name]]] : [])))
}

function withGuard(config: FairleadConfig): FairleadConfig {
  const { lambda = {} } = config.platforms
  return lambda.runtime ? config : { ...config, platforms: { lambda: { ...lambda, auth: 'oauth' } } }
}

function chosen({ platforms }: FairleadConfig, given: readonly string[] | undefined): Platform[] {
  const there = platformNames.filter((name) => platforms[name])
  const absent = given?.find((name) => !there.includes(name as Platform))
  if (absent !== undefined) {
    const meant = nearest(absent, there)
    throw new FairleadError(
      'USAGE',
      `The configuration has no platform ${absent}${meant ? `; did you mean ${meant}?` : ''}`,
      {
        why: `It has ${there.join(', ') || 'none'}.`,
        fix: there[0] === undefined ? 'Write platforms: { lambda: {} }.' : `--platform ${meant ?? there[0]}`,
      },
    )
  }
  if (there.length === 0)
    throw new FairleadError('USAGE', 'The configuration names no platform', { fix: 'Write platforms: { lambda: {} }.' })
  return there.filter((name) => given === undefined || given.includes(name))
}

/** What AWS takes as a principal of a policy: no group, no wildcard, no session. Throws PRINCIPAL_INVALID. */
function checkCaller(arn: string): void {
  try {
    principalOf(arn)
  } catch (error) {
    const { code, message, why, fix } = error as FairleadError
    throw new FairleadError(code, `\`callers\`: ${message}`, { why, fix: fix.replace('fairlead grant', 'Write') })
  }
}

/** AWS refuses a principal that does not exist, and the one of `dev` exists here alone. */
function realCallers({ callers }: FairleadConfig): { callers: string[] | undefined; warnings: string[] } {
  const local = (arn: string) => arn.includes(`::${localAccount.accountId}:`)
  for (const arn of callers ?? []) if (!local(arn) && arn !== '*') checkCaller(arn)
  return {
    callers: callers?.filter((arn) => !local(arn)),
    warnings: (callers ?? [])
      .filter(local)
      .map((arn) => `${arn} is not deployed: the account ${localAccount.accountId} is the one that dev plays.`),
  }
}
