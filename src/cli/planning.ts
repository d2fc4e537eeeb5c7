import type { Assembly } from '../deploy/app.ts'
import { asAwsError } from '../deploy/aws-error.ts'
import { checkNames } from '../deploy/aws-names.ts'
import { follow } from '../deploy/follow.ts'
import { idleCost } from '../deploy/idle-cost.ts'
import { regionOf } from '../deploy/deployment.ts'
import { checkAccount, whoAmI, type Place } from '../deploy/preflight.ts'
import { conditionOf, isEmpty, stackState, stuck, type StackState } from '../deploy/stack-state.ts'
import type { ResourceStep } from '../deploy/toolkit-host.ts'
import { planAgainstAws, planFromNothing, type PlannedStack } from '../deploy/toolkit-plan.ts'
import type { OpenToolkit } from '../deploy/toolkit.ts'
import type { ErrorCode, FairleadError } from '../errors.ts'
import { synthesized, type Chosen, type Synthesized } from './deployment-options.ts'
import type { StackPlan } from './plan-text.ts'
import { openBook } from './workload-options.ts'

export interface Planned {
  place?: Place
  region: string
  assembly: Synthesized
  stacks: StackPlan[]
  /** With what it was compared. */
  compared: 'aws' | 'nothing'
}

const withoutAws = new Set<ErrorCode>(['CREDENTIALS_MISSING', 'CREDENTIALS_EXPIRED', 'UNREACHABLE'])

/** Asks who calls, and that it is the right account. Gives why not where that is no reason to stop. */
export async function placeOf(
  { clients, region }: OpenToolkit,
  chosen: Chosen,
): Promise<{ place: Place } | { why: FairleadError }> {
  try {
    const place = await whoAmI(clients, region)
    checkAccount(place, chosen.environment, chosen.account)
    return { place }
  } catch (error) {
    if (withoutAws.has((error as FairleadError).code)) return { why: error as FairleadError }
    throw error
  }
}

/** The stacks as they are. What is under way is waited for; what is stuck is refused. Throws STACK_HALF_MADE. */
export async function steadyStacks(
  { clients }: OpenToolkit,
  chosen: Chosen,
  how: { step(step: ResourceStep): void; note(line: string): void; pollMs: number },
): Promise<Map<string, StackState>> {
  const found = new Map<string, StackState>()
  for (const { name, region } of chosen.stacks) {
    const cloudFormation = clients('cloudformation', region)
    let now = await stackState(cloudFormation, name)
    if (now && conditionOf(now.state) === 'under-way') {
      how.note(`${name} is ${now.state}, from a deployment before; waiting for it`)
      now = (await follow(cloudFormation, now, how)).stack
      how.note(now ? `${name} is ${now.state}` : `${name} is gone`)
    }
    if (!now) continue
    const condition = conditionOf(now.state)
    if (condition === 'stuck') throw stuck(now)
    if (condition === 'remade')
      how.note(`! ${name} is ${now.state}: it was never made. Deploying deletes what is left of it and makes it again.`)
    found.set(name, now)
  }
  return found
}

/** Builds, synthesizes, checks the names, and compares with what is deployed, or with nothing. */
export async function planOf(
  toolkit: OpenToolkit,
  chosen: Chosen,
  given: { place?: Place; states?: ReadonlyMap<string, StackState>; docker?: boolean; looksOnly?: boolean; note(line: string): void }, // prettier-ignore
): Promise<Planned> {
  const { region } = toolkit
  const { place, states = new Map<string, StackState>(), docker = false, looksOnly = false } = given
  const account = place?.account ?? chosen.account
  const assembly = await synthesized(
    chosen,
    { region, docker, looksOnly, aws: toolkit.credentials, ...(account ? { account } : {}) },
    given.note,
  )
  checkNames(assembly.stacks)
  const compared = place ? 'aws' : 'nothing'
  const diffs = await compare(toolkit, assembly, states, place ? 'template' : 'nothing')
  return {
    region,
    assembly,
    compared,
    ...(place ? { place } : {}),
    stacks: stackPlans(assembly, diffs, states, region),
  }
}

/** The same plan, as change sets of CloudFormation have it. */
export async function planByChangeSets(
  toolkit: OpenToolkit,
  planned: Planned,
  states: ReadonlyMap<string, StackState>,
): Promise<Planned> {
  // prettier-ignore
  const diffs = await compare(toolkit, planned.assembly, states, 'change-set')
  return { ...planned, stacks: stackPlans(planned.assembly, diffs, states, planned.region) }
}

async function compare(
  toolkit: OpenToolkit,
  { dir, stacks }: Assembly,
  states: ReadonlyMap<string, StackState>,
  how: 'template' | 'change-set' | 'nothing',
): Promise<PlannedStack[]> {
  const names = stacks.map(({ name }) => name)
  // CloudFormation still has the template of a stack that was rolled back; nothing of it is there.
  const fresh = names.filter((name) => how === 'nothing' || isEmpty(states.get(name)?.state ?? ''))
  const there = names.filter((name) => !fresh.includes(name))
  try {
    const found = [
      ...(await planFromNothing(toolkit, dir, fresh)),
      ...(how === 'nothing' ? [] : await planAgainstAws(toolkit, dir, there, how)),
    ]
    return names.map((name) => found.find((each) => each.name === name)!)
  } catch (error) {
    throw asAwsError(error, 'Comparing with what is deployed')
  }
}

function stackPlans(
  assembly: Assembly,
  diffs: readonly PlannedStack[],
  states: ReadonlyMap<string, StackState>,
  region: string,
): StackPlan[] {
  return assembly.stacks.map(({ name, part, template }, at) => {
    const { book } = openBook(regionOf(part, region))
    const state = states.get(name)?.state
    return { ...diffs[at]!, part, ...(state ? { state } : {}), idle: idleCost(template.Resources, book) }
  })
}
