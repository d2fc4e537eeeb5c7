import { takenNames } from '../deploy/aws-names.ts'
import { gatewayNames } from '../deploy/gateway-names.ts'
import { gatewayNeeds } from '../deploy/gateway-needs.ts'
import { inUse, type InUse } from '../deploy/in-use.ts'
import { tooManyCallers } from '../deploy/policy-size.ts'
import { exceededConcurrency, exceededQuotas } from '../deploy/quotas.ts'
import { conditionOf, stuck, type StackState } from '../deploy/stack-state.ts'
import { atRiskError } from '../deploy/toolkit-deploy.ts'
import { dataAtRisk } from '../deploy/toolkit-plan.ts'
import type { OpenToolkit } from '../deploy/toolkit.ts'
import type { FairleadError } from '../errors.ts'
import type { Chosen } from './deployment-options.ts'
import type { Planned } from './planning.ts'

/** What `deploy` refuses to begin with, although it is all well formed: stacks that are stuck, data at risk, what is not in the account, quotas. */
export async function refusalsOf(
  toolkit: OpenToolkit,
  { assembly, stacks, region }: Planned,
  states: ReadonlyMap<string, StackState>,
  { taken, allowReplace }: { taken: InUse; allowReplace: boolean },
): Promise<FairleadError[]> {
  const halfMade = [...states.values()].filter(({ state }) => conditionOf(state) === 'stuck')
  const made = assembly.stacks.map(({ name, part, template }) => ({
    name,
    part,
    region,
    template,
    ...(taken.deployed.has(name) ? { before: { Resources: {}, ...taken.deployed.get(name) } } : {}),
    added: stacks.find((each) => each.name === name)!.changes.filter(({ verb }) => verb === 'add').map(({ id }) => id), // prettier-ignore
  }))
  return [
    ...halfMade.map(stuck),
    ...risksOf(stacks, allowReplace),
    ...taken.refusals,
    ...(await takenNames(toolkit, made)),
    ...tooManyCallers(made),
    ...(await gatewayNames(toolkit.clients, made, stacks)),
    ...(await gatewayNeeds(
      toolkit.clients,
      made.filter(({ part }) => part === 'agentcore-gateway'),
    )),
    ...(await exceededConcurrency(toolkit, made)),
    ...(await exceededQuotas(toolkit, made)),
  ]
}

/** What deployed stacks take from each other: what decides the order, and what `deploy` refuses. */
export function takenOf({ clients }: OpenToolkit, { assembly }: Planned, { every }: Chosen): Promise<InUse> {
  return inUse(clients, assembly.stacks, every)
}

/** The refusal of changes that would lose data, where there are any and nobody has agreed. */
export function risksOf(stacks: Planned['stacks'], allowReplace: boolean): FairleadError[] {
  const risky = dataAtRisk(stacks.flatMap(({ changes }) => changes))
  return risky.length > 0 && !allowReplace ? [atRiskError(risky)] : []
}
