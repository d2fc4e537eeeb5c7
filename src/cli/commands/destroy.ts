import { join } from 'node:path'
import type { Command } from 'commander'
import { isPlatform } from '../../deploy/deployment.ts'
import { checkAccount, whoAmI } from '../../deploy/preflight.ts'
import { retainedBy, type Retained } from '../../deploy/retained.ts'
import { stackState } from '../../deploy/stack-state.ts'
import { destroyStacks } from '../../deploy/toolkit-deploy.ts'
import { orMissing } from '../../deploy/cdk-missing.ts'
import { stateDir } from '../../local/state.ts'
import { confirm, refuseUnasked } from '../confirm.ts'
import { chosenDeployment, deploymentCommand, openFor, pollMsOf, type ChosenStack, type DeploymentOptions } from '../deployment-options.ts' // prettier-ignore
import { deployProgress, type Progress } from '../deploy-progress.ts'
import { onInterruption } from '../interruption.ts'
import { run, type Io, type Result } from '../output.ts'
import { placeText } from './plan.ts'

export function destroyCommand(): Command {
  const command = deploymentCommand('destroy', 'take the stacks off AWS; what holds data stays', {
    yes: 'do not ask',
    dryRun: 'say what would go and what would stay',
  }).option('--poll-ms <ms>', 'how often CloudFormation is asked (2000)')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<DeploymentOptions>()
      if (!options.dryRun) refuseUnasked({ ...options, json: io.json }, 'Destroying')
      const progress = deployProgress()
      const interruption = onInterruption(io, progress.end)
      try {
        return await destroy(options, io, progress, interruption.begun)
      } finally {
        progress.end()
        interruption.end()
      }
    }),
  )
}

async function destroy(options: DeploymentOptions, io: Io, progress: Progress, begun: () => void): Promise<Result> {
  const pollMs = pollMsOf(options)
  const chosen = await chosenDeployment(options)
  const { toolkit, host } = await openFor(chosen, options, { ...progress })
  const place = await whoAmI(toolkit.clients, toolkit.region)
  checkAccount(place, chosen.environment, chosen.account)
  const there: ChosenStack[] = []
  const stays: Retained[] = []
  // With --platform, what other platforms may still need stays; without it everything goes, also what was configured once.
  const asked = options.platform ? chosen.stacks.filter(({ part }) => isPlatform(part)) : chosen.every
  for (const stack of asked) {
    const cloudFormation = toolkit.clients('cloudformation', stack.region)
    if (!(await stackState(cloudFormation, stack.name))) continue
    there.push(stack)
    stays.push(...(await retainedBy(cloudFormation, stack.name)))
  }
  const names = there.map(({ name }) => name)
  const data = { environment: chosen.environment, account: place.account, region: place.region, stays }
  if (there.length === 0) return { data: { ...data, destroyed: [] }, text: 'There is nothing to destroy.' }
  progress.note(placeText({ place, region: place.region }, chosen.environment))
  const meant = [...names.map((name) => `  - ${name}`), ...staysText(stays)]
  if (options.dryRun) return { data: { ...data, dryRun: true, would: names }, text: [...meant, '', 'Nothing was destroyed.'].join('\n') } // prettier-ignore
  for (const line of meant) progress.note(line)
  await confirm(`\nType the name of the environment (${chosen.environment}) to destroy it:`, { ...options, json: io.json }, chosen.environment) // prettier-ignore
  const { emptyStacks } = await orMissing(() => import('../../deploy/cdk/empty-stacks.ts'))
  const dir = join(stateDir(chosen.project.dir), 'deploy', chosen.environment, 'destroy.out')
  emptyStacks(there, place.account, dir)
  begun()
  await destroyStacks(toolkit, dir, host, pollMs)
  return {
    data: { ...data, destroyed: names },
    text: [`Destroyed: ${names.join(', ')}`, ...staysText(stays)].join('\n'),
  }
}

function staysText(stays: readonly Retained[]): string[] {
  if (stays.length === 0) return []
  return [
    'These stay, since they hold data. Delete them by hand when it may go:',
    ...stays.map(({ type, physicalId }) => `  ${type.padEnd(34)} ${physicalId}`),
  ]
}
