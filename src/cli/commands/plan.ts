import type { Command } from 'commander'
import { isBootstrapped, placesOf, refuseUnprepared, type Place } from '../../deploy/preflight.ts'
import { stackState, type StackState } from '../../deploy/stack-state.ts'
import type { OpenToolkit } from '../../deploy/toolkit.ts'
import type { FairleadError } from '../../errors.ts'
import {
  chosenDeployment,
  deploymentCommand,
  openFor,
  type Chosen,
  type DeploymentOptions,
} from '../deployment-options.ts'
import { run } from '../output.ts'
import { idleSum, idleText, planText } from '../plan-text.ts'
import { placeOf, planOf, type Planned } from '../planning.ts'
import { refusalsOf, takenOf } from '../refusals.ts'

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
      const refusals = place ? [...(await unprepared(toolkit, place, chosen)), ...(await refusalsOf(toolkit, planned, states, { taken: await takenOf(toolkit, planned, chosen), allowReplace: false }))] : [] // prettier-ignore
      return {
        data: {
          ...planData(planned, chosen.environment),
          ...(why ? { notCompared: why } : {}),
          refusals: refusals.map(({ code, message, why, fix }) => ({ code, message, why, fix })),
        },
        text: [
          ...(why ? [`Not compared with what is deployed: ${why}. So everything is listed as new.`] : []),
          placeText(planned, chosen.environment),
          ...planText(planned.stacks),
          ...idleText(planned.stacks, planned.region),
          ...refusals.flatMap(({ code, message, why: reason, fix }) => ['', `! deploy would refuse this: ${code}  ${message}`, `  Why   ${reason}`, `  Fix   ${fix}`]), // prettier-ignore
        ].join('\n'),
      }
    }),
  )
}

/** The regions that CDK has nothing in yet: `deploy` asks, or takes `--bootstrap`. */
async function unprepared({ clients }: OpenToolkit, place: Place, { stacks }: Chosen): Promise<FairleadError[]> {
  const found: FairleadError[] = []
  for (const each of placesOf(place, stacks))
    if (!(await isBootstrapped(clients, each))) found.push(refuseUnprepared(each))
  return found
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
