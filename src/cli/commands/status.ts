import type { Command } from 'commander'
import { conditionOf, stackState, stuck, type StackState } from '../../deploy/stack-state.ts'
import { asFairleadError, exitCodes } from '../../errors.ts'
import { endpointsOf, type DeployedEndpoint } from '../after-deploy.ts'
import {
  chosenDeployment,
  deploymentCommand,
  openAccount,
  openFor,
  type Chosen,
  type DeploymentOptions,
} from '../deployment-options.ts'
import { run, type Io } from '../output.ts'
import type { StackPlan } from '../plan-text.ts'
import { planOf } from '../planning.ts'
import type { Place } from '../../deploy/preflight.ts'
import { placeText } from './plan.ts'

interface Options extends DeploymentOptions {
  compare?: boolean
}

export function statusCommand(): Command {
  const command = deploymentCommand(
    'status',
    'the stacks, their states and endpoints, and whether they are what is here',
  )
  command.option('--no-compare', 'do not build and compare with what is here')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      const chosen = await chosenDeployment(options)
      const { aws, place } = await openAccount(chosen, options)
      const states = new Map<string, StackState>()
      for (const { name, region } of options.platform ? chosen.stacks : chosen.every) {
        const found = await stackState(aws.clients('cloudformation', region), name)
        if (found) states.set(name, found)
      }
      // What is not there is not built: it may not be ready to be.
      const there = chosen.platforms.filter((each) => chosen.stacks.some(({ part, name }) => part === each && states.has(name))) // prettier-ignore
      const plans = options.compare === false || there.length === 0 ? [] : await compared({ ...chosen, platforms: there }, options, { place, states, io }) // prettier-ignore
      const configured = new Set(chosen.stacks.map(({ name }) => name))
      const stacks = chosen.every
        .filter(({ name }) => configured.has(name) || states.has(name))
        .map(({ part, name }) => ({
          name,
          part,
          configured: configured.has(name),
          ...stateOf(states.get(name), plans.find((each) => each.name === name)), // prettier-ignore
        }))
      const endpoints = endpointsOf(stacks)
      const bad = [...states.values()].some(({ state }) => ['stuck', 'remade'].includes(conditionOf(state)))
      return {
        data: { environment: chosen.environment, account: place.account, region: place.region, stacks, endpoints },
        text: [
          placeText({ place, region: place.region }, chosen.environment),
          ...stacks.flatMap((each) => ['', ...stackText(each, endpoints)]),
        ].join('\n'),
        exitCode: bad ? exitCodes.aws : exitCodes.ok,
      }
    }),
  )
}

/** What is here against what is there; nothing, with a note, where what is here does not build. */
async function compared(
  chosen: Chosen,
  options: Options,
  { place, states, io }: { place: Place; states: ReadonlyMap<string, StackState>; io: Io },
): Promise<StackPlan[]> {
  try {
    const { toolkit } = await openFor(chosen, options, { step: () => {}, note: io.note })
    return (await planOf(toolkit, chosen, { place, states, looksOnly: true, note: io.note })).stacks
  } catch (error) {
    io.note(`! Not compared with what is here: ${asFairleadError(error).message}`)
    return []
  }
}

interface Local {
  same: boolean
  artifact: 'same' | 'differs'
  differs: string[]
}

interface Shown {
  state: string | null
  reason?: string
  changedAt?: string
  fix?: string
  local?: Local
  outputs: Record<string, string>
}

function stateOf(found: StackState | undefined, plan: StackPlan | undefined): Shown {
  if (!found) return { state: null, outputs: {} }
  const { state, reason, changedAt, outputs } = found
  return {
    state,
    ...(reason ? { reason } : {}),
    ...(changedAt ? { changedAt: changedAt.toISOString() } : {}),
    ...(conditionOf(state) === 'stuck' ? { fix: stuck(found).fix } : {}),
    ...(plan ? { local: localOf(plan) } : {}),
    outputs,
  }
}

/** The properties that carry the artifact: its zip, or the image with it. */
const carriesArtifact = /^(Code|AgentRuntimeArtifact|ContainerDefinitions)$/

function localOf({ changes }: StackPlan): Local {
  const artifact = changes.some(({ properties = [] }) => properties.some((each) => carriesArtifact.test(each)))
  return { same: changes.length === 0, artifact: artifact ? 'differs' : 'same', differs: changes.map(({ id }) => id) }
}

function stackText(
  { name, part, configured, state, reason, changedAt, fix, local }: Shown & { name: string; part: string; configured: boolean }, // prettier-ignore
  endpoints: readonly DeployedEndpoint[],
): string[] {
  return [
    [name, state ?? 'not deployed', changedAt].filter(Boolean).join('  '),
    ...(configured ? [] : [`  ! not in the configuration any more; fairlead destroy takes it away`]),
    ...(reason ? [`  ${reason}`] : []),
    ...(fix ? [`  Fix: ${fix}`] : []),
    ...(local ? [`  ${localText(local)}`] : []),
    ...endpoints.filter(({ platform }) => platform === part).map(({ url, auth }) => `  ${url}  (${auth})`),
  ]
}

function localText({ same, artifact, differs }: Local): string {
  if (same) return 'the same as here'
  return `differs from here${artifact === 'differs' ? ', the artifact too' : ''}: ${differs.join(', ')} (fairlead plan)`
}
