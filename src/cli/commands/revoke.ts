import type { Command } from 'commander'
import { principalOf } from '../../deploy/principal.ts'
import { refuseUnasked } from '../confirm.ts'
import { deploymentCommand, type DeploymentOptions } from '../deployment-options.ts'
import { changeGrants, guardedStacks } from '../grants.ts'
import { run } from '../output.ts'

export function revokeCommand(): Command {
  const command = deploymentCommand('revoke', 'take back what grant gave', {
    yes: 'do not ask',
    dryRun: 'say what would change',
  }).argument('<principal>', 'the ARN of a role or a user, or the number of an account')
  return command.action((given: string) =>
    run(command, async (io) => {
      const options = { ...command.opts<DeploymentOptions>(), json: io.json }
      const principal = principalOf(given)
      if (!options.dryRun) refuseUnasked(options, 'Revoking')
      return changeGrants('revoke', principal, await guardedStacks(options), options)
    }),
  )
}
