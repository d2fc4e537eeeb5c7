import type { Command } from 'commander'
import { stackState, type StackState } from '../../deploy/stack-state.ts'
import { chosenDeployment, deploymentCommand, openFor, type DeploymentOptions } from '../deployment-options.ts'
import { run } from '../output.ts'
import { idleSum, idleText, planText } from '../plan-text.ts'
import { placeOf, planOf, type Planned } from '../planning.ts'

export function planCommand(): Command {
  const command = deploymentCommand('plan', 'what a deployment would change, and what it costs when nobody calls')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<DeploymentOptions>()
      const chosen = await chosenDeployment(options)
      const { toolkit } = await openFor(chosen, options, { step: () => {}, note: io.note })
      const found = await placeOf(toolkit, chosen)
      const place = 'place' in found ? found.place : undefined
      const states = new Map<string, StackState>()
      for (const { name, region } of place ? chosen.stacks : []) {
        const state = await stackState(toolkit.clients('cloudformation', region), name)
        if (state) states.set(name, state)
      }
      const planned = await planOf(toolkit, chosen, { ...(place ? { place } : {}), states, note: io.note })
      const why = 'why' in found ? found.why.message : undefined
      return {
        data: { ...planData(planned, chosen.environment), ...(why ? { notCompared: why } : {}) },
        text: [
          ...(why ? [`Not compared with what is deployed: ${why}. So everything is listed as new.`] : []),
          placeText(planned, chosen.environment),
          ...planText(planned.stacks),
          ...idleText(planned.stacks, planned.region),
        ].join('\n'),
      }
    }),
  )
}

/** Where it goes, in one line. */
export function placeText({ place, region }: Pick<Planned, 'place' | 'region'>, environment: string): string {
  return `environment ${environment}, ${place ? `account ${place.account} as ${place.caller}` : 'account not known'}, ${region}` // prettier-ignore
}

/** A plan for `--json`. */
export function planData({ place, region, compared, stacks }: Planned, environment: string): Record<string, unknown> {
  return {
    environment,
    account: place?.account ?? null,
    caller: place?.caller ?? null,
    region,
    compared,
    stacks: stacks.map(({ name, part, state, changes, statements, idle }) => ({ name, part, state: state ?? null, changes, statements, idle: { ...idle, usd: idle.usd ?? null } })), // prettier-ignore
    idleUsdPerMonth: idleSum(stacks) ?? null,
  }
}
