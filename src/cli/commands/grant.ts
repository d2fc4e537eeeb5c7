import type { Command } from 'commander'
import { grantCommands } from '../../deploy/grant-commands.ts'
import { principalOf } from '../../deploy/principal.ts'
import { deploymentCommand, type DeploymentOptions } from '../deployment-options.ts'
import { guardedStacks } from '../grants.ts'
import { run } from '../output.ts'

export function grantCommand(): Command {
  const command = deploymentCommand('grant', 'let an IAM principal call the deployed endpoints')
    .argument('<principal>', 'the ARN of a role or a user, or the number of an account')
    .option('--print', 'print the commands of the AWS CLI instead')
  return command.action((given: string) =>
    run(command, async () => {
      const options = command.opts<DeploymentOptions & { print?: boolean }>()
      const principal = principalOf(given)
      const { aws, stacks } = await guardedStacks(options)
      if (options.print) {
        const commands = stacks.flatMap(({ outputs }) => grantCommands(outputs, principal, aws.region))
        return { data: { principal, commands }, text: commands.join('\n') }
      }
      const done = []
      for (const { name, part, granting } of stacks) done.push({ name, part, ...(await granting.grant(principal)) })
      return {
        data: { principal, stacks: done },
        text: done.map(({ part, changed }) => `${part}  ${principal} ${changed ? 'may call it now' : 'could call it already'}`).join('\n'), // prettier-ignore
      }
    }),
  )
}
