import type { Command } from 'commander'
import { principalOf } from '../../deploy/principal.ts'
import { deploymentCommand, type DeploymentOptions } from '../deployment-options.ts'
import { guardedStacks } from '../grants.ts'
import { run } from '../output.ts'

export function revokeCommand(): Command {
  const command = deploymentCommand('revoke', 'take back what grant gave').argument(
    '<principal>',
    'the ARN of a role or a user, or the number of an account',
  )
  return command.action((given: string) =>
    run(command, async () => {
      const principal = principalOf(given)
      const { stacks } = await guardedStacks(command.opts<DeploymentOptions>())
      const done = []
      for (const { name, part, granting } of stacks) done.push({ name, part, ...(await granting.revoke(principal)) })
      return {
        data: { principal, stacks: done },
        text: done.map(({ part, changed }) => `${part}  ${principal} ${changed ? 'may not call it any more' : 'had no grant'}`).join('\n'), // prettier-ignore
      }
    }),
  )
}
