import { join } from 'node:path'
import type { Command } from 'commander'
import { readProject, type Project } from '../build/project.ts'
import type { Assembly } from '../deploy/app.ts'
import { everyPart, onAgentcore, partsOf, regionOf, stackName, type Part } from '../deploy/deployment.ts'
import { imagesFor } from '../deploy/image.ts'
import type { ImagePlan } from '../deploy/oci/plan.ts'
import { imaged, prepareDeployment } from '../deploy/prepare.ts'
import { checkAccount, checkPlace, whoAmI, type Place } from '../deploy/preflight.ts'
import { deployHost, type DeployHost, type HostOptions } from '../deploy/toolkit-host.ts'
import { orMissing } from '../deploy/cdk-missing.ts'
import { configuredRegion, openAws, type CredentialSource, type OpenAws, type OpenAwsOptions } from '../deploy/toolkit-clients.ts' // prettier-ignore
import { openToolkit, type OpenToolkit } from '../deploy/toolkit.ts'
import { environmentOf, refuseOtherRegion } from '../environment.ts'
import { FairleadError } from '../errors.ts'
import { stateDir } from '../local/state.ts'
import { nearest } from '../nearest.ts'
import { localAccount, platformNames, type Platform } from '../platforms.ts'
import { ask } from './confirm.ts'
import { newCommand } from './output.ts'

export interface DeploymentOptions {
  env?: string
  platform?: string[]
  region?: string
  profile?: string
  project?: string
  yes?: boolean
  dryRun?: boolean
  pollMs?: string
}

/** What `--yes` and `--dry-run` mean to a command. */
export interface Meanings {
  yes?: string
  dryRun?: string
}

/** Adds the two options that every command about a deployment takes, so that a script can pass them to each. */
export function withConfirming(
  command: Command,
  { yes = 'as everywhere; nothing is asked here', dryRun = 'as everywhere; nothing is changed here' }: Meanings = {},
): Command {
  return command.option('--yes', yes).option('--dry-run', dryRun)
}

/** Of an option that may be given more than once. */
export function again(value: string, before?: string[]): string[] {
  return [...(before ?? []), value]
}

/** Makes a command that is about a deployment. */
export function deploymentCommand(name: string, summary: string, meanings?: Meanings): Command {
  return withConfirming(newCommand(name, summary), meanings)
    .option('--env <name>', 'a key of `environments` (default: the only one, or `default`)')
    .option('--platform <name>', 'only this platform; again for another', again)
    .option('--region <name>', 'where, if the environment does not say it (default: AWS_REGION, or the profile’s)')
    .option('--profile <name>', 'with this AWS profile (default: the standard AWS chain)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
}

/** What a command is about: a project in an environment, and its stacks. */
export interface Chosen {
  /** As its file has it. */
  source: Project
  /** With the environment's part merged in. */
  project: Project
  environment: string
  account?: string
  region: string
  platforms: Platform[]
  /** In the order in which they are deployed. */
  stacks: ChosenStack[]
  /** The stacks that the environment may have, also of platforms that the configuration has no more. */
  every: ChosenStack[]
}

export interface ChosenStack {
  part: Part
  name: string
  /** Where it is: one of them may be in us-east-1. */
  region: string
}

/** Reads the project and the environment. Throws CONFIG_*, USAGE, CDK_MISSING. */
export async function chosenDeployment(options: DeploymentOptions): Promise<Chosen> {
  const found = await readProject(options.project)
  const environment = environmentOf(found.config, options.env)
  refuseOtherRegion(environment, options.region)
  const { name, account, region, config } = environment
  const project = { ...found, config }
  const configured = platformNames.filter((each) => config.platforms[each] !== undefined)
  const platforms = platformsOf(options.platform, configured)
  const where = options.region ?? region ?? (await configuredRegion(options.profile))
  const about = { project, environment: name, platforms, region: where }
  const named = (parts: readonly Part[]) =>
    parts.map((part) => ({ part, name: stackName(about, part), region: regionOf(part, where) }))
  return {
    source: found,
    project,
    environment: name,
    ...(account === undefined ? {} : { account }),
    region: where,
    platforms,
    stacks: named(partsOf(about)),
    every: named(everyPart),
  }
}

/** Of `--platform`: the ones that are named, or all. Throws USAGE. */
export function platformsOf(given: string[] | undefined, configured: Platform[]): Platform[] {
  for (const name of given ?? []) {
    if ((configured as string[]).includes(name)) continue
    const meant = nearest(name, configured)
    throw new FairleadError('USAGE', `The project has no platform ${name}${meant ? `; did you mean ${meant}?` : ''}`, {
      fix: `--platform takes ${configured.join(', ')}`,
    })
  }
  return given ? configured.filter((each) => given.includes(each)) : configured
}

export interface Opened {
  toolkit: OpenToolkit
  host: DeployHost
}

/** Opens CDK's toolkit where the deployment goes. Throws CDK_MISSING, REGION_UNKNOWN, REGION_WITHOUT_AGENTCORE. */
export async function openFor(chosen: Chosen, options: DeploymentOptions, host: HostOptions): Promise<Opened> {
  const made = deployHost(host)
  const toolkit = await openToolkit({ ...whereOf(chosen, options), host: made.host })
  checkPlace(toolkit.region, onAgentcore(chosen.project.config, chosen.platforms))
  return { toolkit, host: made }
}

/** Opens AWS for a command that reads or grants, and checks whose account it is. Throws CDK_MISSING, ACCOUNT_WRONG. */
export async function openAccount(chosen: Chosen, options: DeploymentOptions): Promise<{ aws: OpenAws; place: Place }> {
  const aws = await openAws(whereOf(chosen, options))
  checkPlace(aws.region, [])
  const place = await whoAmI(aws.clients, aws.region)
  checkAccount(place, chosen.environment, chosen.account)
  return { aws, place }
}

function whereOf({ region }: Chosen, { profile }: DeploymentOptions): OpenAwsOptions {
  return {
    ...(profile === undefined ? {} : { profile }),
    region,
    ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  }
}

export interface Synthesized extends Assembly {
  /** What has to be pushed before the stacks are deployed. */
  images: ImagePlan[]
}

/** Builds the artifacts and synthesizes the stacks into `.fairlead/deploy/ENVIRONMENT`. */
export async function synthesized(
  chosen: Chosen,
  options: { region: string; account?: string; docker?: boolean; looksOnly?: boolean; aws?: CredentialSource },
  note: (line: string) => void,
): Promise<Synthesized> {
  const { source, environment, platforms } = chosen
  const outDir = join(stateDir(source.dir), 'deploy')
  const { region, account, docker } = options
  const { deployment, warnings } = await prepareDeployment(source, {
    platforms,
    outDir,
    region,
    environment,
    ...(account === undefined ? {} : { account }),
    ...(options.looksOnly ? {} : { pinning: { note, ...(options.aws ? { aws: options.aws } : {}) } }),
  })
  for (const warning of warnings) note(`! ${warning}`)
  const { project, artifacts } = deployment
  const inImages = imaged(project.config, platforms, artifacts)
  const place = { region, account: account ?? localAccount.accountId }
  const { images, plans } = imagesFor(project, inImages, place, docker ? { outDir: join(outDir, environment) } : undefined) // prettier-ignore
  const { synthesize } = await orMissing(() => import('../deploy/app.ts'))
  const assembly = await synthesize({ ...deployment, images }, join(outDir, environment, 'cdk.out')) // prettier-ignore
  return { ...assembly, images: plans }
}

/** Of `--poll-ms`: how often AWS is asked while something is under way. */
export function pollMsOf({ pollMs }: DeploymentOptions): number {
  const said = pollMs ?? process.env.FAIRLEAD_POLL_MS ?? 2000
  const given = Number(said)
  if (Number.isInteger(given) && given >= 20 && given <= 60_000) return given
  throw new FairleadError('USAGE', `--poll-ms is a whole number from 20 to 60000, not ${said}`, {
    why: pollMs === undefined ? 'FAIRLEAD_POLL_MS says it.' : 'The command line is not one that fairlead knows.',
    fix: '--poll-ms 2000',
  })
}
