import type { Command } from 'commander'
import { conditionOf, stackState, stuck, type StackState } from '../../deploy/stack-state.ts'
import { asFairleadError, exitCodes } from '../../errors.ts'
import { endpointsOf } from '../after-deploy.ts'
import {
  chosenDeployment,
  deploymentCommand,
  openAccount,
  openFor,
  type DeploymentOptions,
} from '../deployment-options.ts'
import { run } from '../output.ts'
import { planOf } from '../planning.ts'
import { placeText } from './plan.ts'
import type { StackPlan } from '../plan-text.ts'

export function statusCommand(): Command {
  const command = deploymentCommand(
    'status',
    'the stacks, their states and endpoints, and whether they are what is here',
  ).option(
    // prettier-ignore
    '--no-compare',
    'do not build and compare with what is here',
  )
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<DeploymentOptions & { compare?: boolean }>()
      const chosen = await chosenDeployment(options)
      const { aws, place } = await openAccount(chosen, options)
      const states = new Map<string, StackState>()
      for (const { name } of chosen.stacks) {
        const found = await stackState(aws.clients('cloudformation'), name)
        if (found) states.set(name, found)
      }
      let plans: StackPlan[] = []
      if (options.compare !== false && states.size > 0)
        try {
          const { toolkit } = await openFor(chosen, options, { step: () => {}, note: io.note })
          plans = (await planOf(toolkit, chosen, { place, states, note: io.note })).stacks
        } catch (error) {
          io.note(`! Not compared with what is here: ${asFairleadError(error).message}`)
        }
      const stacks = chosen.stacks.map(({ part, name }) => {
        const found = states.get(name)
        const plan = plans.find((each) => each.name === name)
        return {
          name,
          part,
          state: found?.state ?? null,
          ...(found?.reason ? { reason: found.reason } : {}),
          ...(found?.changedAt ? { changedAt: found.changedAt.toISOString() } : {}),
          ...(found && conditionOf(found.state) === 'stuck' ? { fix: stuck(found).fix } : {}),
          ...(found && plan ? { local: localOf(plan) } : {}),
          outputs: found?.outputs ?? {},
        }
      })
      const endpoints = endpointsOf(stacks)
      const bad = [...states.values()].some(({ state }) => ['stuck', 'remade'].includes(conditionOf(state)))
      return {
        data: { environment: chosen.environment, account: place.account, region: place.region, stacks, endpoints },
        text: [
          placeText({ place, region: place.region }, chosen.environment),
          ...stacks.flatMap(({ name, state, reason, changedAt, fix, local }) => [
            '',
            `${name}  ${state ?? 'not deployed'}${changedAt ? `  ${changedAt}` : ''}`,
            ...(reason ? [`  ${reason}`] : []),
            ...(fix ? [`  Fix: ${fix}`] : []),
            ...(local ? [`  ${local.same ? 'the same as here' : `differs from here: ${local.artifact === 'differs' ? 'the artifact, ' : ''}${local.differs.length} resources (fairlead plan)`}`] : []), // prettier-ignore
            ...endpoints.filter(({ platform }) => name.endsWith(`-${platform}`)).map(({ url, auth }) => `  ${url}  (${auth})`), // prettier-ignore
          ]),
        ].join('\n'),
        exitCode: bad ? exitCodes.aws : exitCodes.ok,
      }
    }),
  )
}

/** The properties that carry the artifact: its zip, or the image with it. */
const carriesArtifact = /^(Code|AgentRuntimeArtifact|ContainerDefinitions)$/

function localOf({ changes }: StackPlan): { same: boolean; artifact: 'same' | 'differs'; differs: string[] } {
  const artifact = changes.some(({ properties = [] }) => properties.some((each) => carriesArtifact.test(each)))
  return {
    same: changes.length === 0,
    artifact: artifact ? 'differs' : 'same',
    differs: changes.map(({ id }) => id),
  }
}
