import type { Granting } from '../deploy/grant-statements.ts'
import { grantingOf } from '../deploy/grants.ts'
import { isPlatform, type Part } from '../deploy/deployment.ts'
import type { Place } from '../deploy/preflight.ts'
import { deployedStack } from '../deploy/stack-state.ts'
import type { OpenAws } from '../deploy/toolkit-clients.ts'
import { FairleadError } from '../errors.ts'
import { placeText } from './commands/plan.ts'
import { confirm, type Confirming } from './confirm.ts'
import { chosenDeployment, openAccount, type DeploymentOptions } from './deployment-options.ts'
import type { Result } from './output.ts'

export interface GuardedStack {
  name: string
  part: Part
  outputs: Record<string, string>
  granting: Granting
}

export interface Guarded {
  aws: OpenAws
  place: Place
  environment: string
  stacks: GuardedStack[]
}

/** The deployed stacks that IAM guards; with `--platform`, that one has to be among them. Throws GRANT_NOT_POSSIBLE, STACK_NOT_DEPLOYED. */
export async function guardedStacks(options: DeploymentOptions): Promise<Guarded> {
  const chosen = await chosenDeployment(options)
  const { aws, place } = await openAccount(chosen, options)
  const stacks: GuardedStack[] = []
  const refusals: FairleadError[] = []
  for (const { part, name } of chosen.stacks.filter(({ part }) => isPlatform(part)))
    try {
      const { outputs } = await deployedStack(aws.clients('cloudformation'), name, chosen.environment)
      stacks.push({ name, part, outputs, granting: grantingOf(outputs, name, aws.clients) })
    } catch (error) {
      if (!(error instanceof FairleadError) || !/^(GRANT_NOT_POSSIBLE|STACK_NOT_DEPLOYED)$/.test(error.code))
        throw error
      refusals.push(error)
    }
  const refused = refusals[0]
  if (refused && (stacks.length === 0 || options.platform)) throw refused
  return { aws, place, environment: chosen.environment, stacks }
}

/** Grants or revokes on each stack that IAM guards, when somebody agrees; with `--dry-run` it says what would change. */
export async function changeGrants(
  verb: 'grant' | 'revoke',
  principal: string,
  { place, environment, stacks }: Guarded,
  { dryRun = false, ...confirming }: Confirming & { dryRun?: boolean },
): Promise<Result> {
  const where = placeText({ place, region: place.region }, environment)
  const would: { name: string; part: Part; changed: boolean }[] = []
  for (const { name, part, granting } of stacks) would.push({ name, part, ...(await granting[verb](principal, true)) })
  const data = { principal, account: place.account, region: place.region }
  const line = ({ part, changed }: { part: Part; changed: boolean }, says: string) => `${part}  ${principal} ${changed ? says : words[verb].already}` // prettier-ignore
  const planned = would.map((each) => line(each, words[verb].would))
  if (dryRun)
    return {
      data: { ...data, dryRun: true, stacks: would },
      text: [where, ...planned, 'Nothing was changed.'].join('\n'),
    }
  for (const each of [where, ...planned]) process.stderr.write(`${each}\n`)
  if (would.some(({ changed }) => changed))
    await confirm(`\n${words[verb].question} in account ${place.account}? [y/N]`, confirming)
  for (const { granting } of stacks) await granting[verb](principal)
  return { data: { ...data, stacks: would }, text: would.map((each) => line(each, words[verb].done)).join('\n') }
}

const words = {
  grant: { question: 'Let it in', would: 'would be let in', done: 'may call it now', already: 'could call it already' },
  revoke: { question: 'Take it back', would: 'would be kept out', done: 'may not call it any more', already: 'had no grant' }, // prettier-ignore
} as const
