import type { Granting } from '../deploy/grant-statements.ts'
import { grantingOf } from '../deploy/grants.ts'
import { isPlatform, type Part } from '../deploy/deployment.ts'
import { deployedStack } from '../deploy/stack-state.ts'
import type { OpenAws } from '../deploy/toolkit-clients.ts'
import { FairleadError } from '../errors.ts'
import { chosenDeployment, openAccount, type DeploymentOptions } from './deployment-options.ts'

export interface GuardedStack {
  name: string
  part: Part
  outputs: Record<string, string>
  granting: Granting
}

/** The deployed stacks that IAM guards; with `--platform`, that one has to be among them. Throws GRANT_NOT_POSSIBLE, STACK_NOT_DEPLOYED. */
export async function guardedStacks(options: DeploymentOptions): Promise<{ aws: OpenAws; stacks: GuardedStack[] }> {
  // prettier-ignore
  const chosen = await chosenDeployment(options)
  const { aws } = await openAccount(chosen, options)
  const stacks: GuardedStack[] = []
  const refusals: FairleadError[] = []
  for (const { part, name } of chosen.stacks.filter(({ part }) => isPlatform(part)))
    try {
      const { outputs } = await deployedStack(aws.clients('cloudformation'), name)
      stacks.push({ name, part, outputs, granting: grantingOf(outputs, name, aws.clients) })
    } catch (error) {
      if (!(error instanceof FairleadError) || !/^(GRANT_NOT_POSSIBLE|STACK_NOT_DEPLOYED)$/.test(error.code))
        throw error
      refusals.push(error)
    }
  const refused = refusals[0]
  if (refused && (stacks.length === 0 || options.platform)) throw refused
  return { aws, stacks }
}
