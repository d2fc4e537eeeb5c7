import type { Command } from 'commander'
import { imagedArtifacts, pushDeploymentImage } from '../../deploy/image.ts'
import { checkDocker } from '../../deploy/oci/docker.ts'
import { isBootstrapped, placesOf, refuseUnprepared, type Place } from '../../deploy/preflight.ts'
import { isEmpty } from '../../deploy/stack-state.ts'
import { bootstrap, deployStacks, type DeployedStack } from '../../deploy/toolkit-deploy.ts'
import { exitCodes } from '../../errors.ts'
import { connectEntries, endpointText, endpointsOf, examineDeployed } from '../after-deploy.ts'
import { confirm, refuseUnasked, type Confirming } from '../confirm.ts'
import { chosenDeployment, deploymentCommand, openFor, pollMsOf, type Chosen, type DeploymentOptions, type Opened } from '../deployment-options.ts' // prettier-ignore
import { deployProgress, type Progress } from '../deploy-progress.ts'
import { onInterruption, type Interruption } from '../interruption.ts'
import { run, type Io, type Result } from '../output.ts'
import { idleText, planText } from '../plan-text.ts'
import { placeOf, planByChangeSets, planOf, steadyStacks, type Planned } from '../planning.ts'
import { refusalsOf, risksOf, takenOf } from '../refusals.ts'
import { stdoutToStderr } from '../stdout-detour.ts'
import { placeText, planData } from './plan.ts'

interface Options extends DeploymentOptions {
  allowReplace?: boolean
  bootstrap?: boolean
  docker?: boolean
  doctor?: boolean
}

export function deployCommand(): Command {
  const command = deploymentCommand('deploy', 'put the artifacts on AWS, and check the endpoints', {
    yes: 'do not ask',
    dryRun: 'everything up to AWS’s edge: change sets are made, shown and deleted',
  })
    .option('--allow-replace', 'also when a user pool or a table would be replaced, and so be empty')
    .option('--bootstrap', 'prepare the account and region for CDK first, if they are not')
    .option('--docker', 'build the image by Docker, where a platform runs one')
    .option('--no-doctor', 'do not check the endpoints afterwards')
    .option('--poll-ms <ms>', 'how often CloudFormation is asked (2000)')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      if (!options.dryRun) refuseUnasked({ ...options, json: io.json }, 'The deployment')
      const progress = deployProgress()
      const restore = options.docker ? stdoutToStderr() : () => {}
      const end = () => {
        progress.end()
        restore()
      }
      const interruption = onInterruption(io, end)
      try {
        return await deploy(options, io, progress, interruption)
      } finally {
        end()
        interruption.end()
      }
    }),
  )
}

async function deploy(
  options: Options,
  io: Io,
  progress: Progress,
  { pushing, begun, done }: Interruption,
): Promise<Result> {
  const pollMs = pollMsOf(options)
  const { docker = false } = options
  const chosen = await chosenDeployment(options)
  if (docker && imagedArtifacts(chosen.project.config, chosen.platforms).length > 0) await checkDocker()
  const empty = new Set<string>()
  const opened = await openFor(chosen, options, {
    ...progress,
    empty,
    allowReplace: options.allowReplace ?? false,
  })
  const { toolkit } = opened
  const found = await placeOf(toolkit, chosen)
  if ('why' in found && !options.dryRun) throw found.why
  if ('why' in found) {
    const offline = await planOf(toolkit, chosen, { docker, note: progress.note })
    return dryRunResult(offline, chosen, `Not shown to CloudFormation: ${found.why.message}.`)
  }
  const { place } = found
  progress.note(placeText({ place, region: toolkit.region }, chosen.environment))
  const unprepared: Place[] = []
  for (const each of placesOf(place, chosen.stacks))
    if (!(await isBootstrapped(toolkit.clients, each))) unprepared.push(each)
  for (const each of unprepared) await agreeToBootstrap(each, options, io)
  const states = await steadyStacks(toolkit, chosen, { ...progress, pollMs })
  for (const { name, state } of states.values()) if (isEmpty(state)) empty.add(name)
  const planned = await planOf(toolkit, chosen, { place, states, docker, note: progress.note })
  const taken = await takenOf(toolkit, planned, chosen)
  const [refused] = await refusalsOf(toolkit, planned, states, { taken, allowReplace: options.allowReplace ?? false })
  if (refused) throw refused
  if (options.dryRun) {
    if (unprepared[0])
      return dryRunResult(planned, chosen, `Not shown to CloudFormation: the account is not prepared for CDK in ${unprepared[0].region}.`) // prettier-ignore
    const shown = await planByChangeSets(toolkit, planned, states)
    const [risk] = risksOf(shown.stacks, options.allowReplace ?? false)
    if (risk) throw risk
    return dryRunResult(shown, chosen, 'By change sets, which are deleted again.')
  }
  const changed = planned.stacks.some(({ changes, state }) => changes.length > 0 || state === undefined)
  for (const line of [...planText(planned.stacks), ...idleText(planned.stacks, planned.region)]) progress.note(line)
  if (changed)
    await confirm(`\nDeploy to account ${place.account} in ${place.region}? [y/N]`, { ...options, json: io.json })
  if (unprepared[0]) begun()
  for (const each of unprepared) await bootstrap(toolkit, each)
  const { images, dir } = planned.assembly
  if (images[0]) pushing()
  for (const image of images) await pushDeploymentImage(image, place, { ...toolkit, note: progress.note })
  begun()
  if (taken.first.length > 0) await deployStacks(toolkit, dir, opened.host, pollMs, taken.first)
  const stacks = await deployStacks(toolkit, dir, opened.host, pollMs)
  done()
  progress.end()
  return deployedResult(chosen, opened, planned, stacks, options)
}

/** Says that the account is not prepared, before anything else is done, and goes on when that is agreed to. */
async function agreeToBootstrap(place: Place, options: Options, io: Io): Promise<void> {
  const confirming: Confirming = { ...options, json: io.json }
  if (options.bootstrap) return
  if (options.dryRun) return
  if (confirming.yes || confirming.json || !process.stdin.isTTY) throw refuseUnprepared(place)
  io.note(
    `Account ${place.account} is not prepared for CDK in ${place.region}: it needs a bucket, a repository and roles, made once. CloudFormation gets a role with AdministratorAccess.`,
  )
  await confirm('Prepare it now (stack CDKToolkit)? [y/N]', confirming)
}

function dryRunResult(planned: Planned, chosen: Chosen, how: string): Result {
  return {
    data: { dryRun: true, ...planData(planned, chosen.environment), note: how },
    text: [placeText(planned, chosen.environment), how, ...planText(planned.stacks), ...idleText(planned.stacks, planned.region), '', 'Nothing was deployed.'].join('\n'), // prettier-ignore
  }
}

async function deployedResult(
  chosen: Chosen,
  { toolkit }: Opened,
  planned: Planned,
  deployed: readonly DeployedStack[],
  options: Options,
): Promise<Result> {
  const parts = planned.stacks.map(({ name, part, changes }) => ({ name, part, changed: changes.length > 0, outputs: deployed.find((each) => each.name === name)?.outputs ?? {} })) // prettier-ignore
  const endpoints = []
  for (const endpoint of endpointsOf(parts)) {
    const isNew = parts.some(({ part, changed }) => part === endpoint.platform && changed)
    const doctor = options.doctor === false ? undefined : await examineDeployed(endpoint, toolkit, isNew)
    const connect = connectEntries(endpoint, toolkit.region, chosen.project.config.name)
    endpoints.push({ ...endpoint, ...(doctor ? { doctor } : {}), connect })
  }
  const healthy = endpoints.every(({ doctor }) => doctor?.ok ?? true)
  return {
    data: {
      environment: chosen.environment,
      account: planned.place!.account,
      region: toolkit.region,
      stacks: parts,
      endpoints,
    },
    text: endpoints.flatMap((each) => endpointText(each, each.doctor, each.connect, toolkit.region)).join('\n').trimStart(), // prettier-ignore
    exitCode: healthy ? exitCodes.ok : exitCodes.check,
  }
}
