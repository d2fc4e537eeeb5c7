import type { Command } from 'commander'
import { deployedStack } from '../../deploy/stack-state.ts'
import { chosenDeployment, deploymentCommand, openAccount, type DeploymentOptions } from '../deployment-options.ts'
import { run } from '../output.ts'

export function outputsCommand(): Command {
  const command = deploymentCommand('outputs', 'what the stacks give out: URLs, ARNs, log groups')
  return command.action(() =>
    run(command, async () => {
      const options = command.opts<DeploymentOptions>()
      const chosen = await chosenDeployment(options)
      const { aws } = await openAccount(chosen, options)
      const found: Record<string, Record<string, string>> = {}
      for (const { part, name, region } of chosen.stacks)
        found[part] = (await deployedStack(aws.clients('cloudformation', region), name)).outputs
      return {
        data: found,
        text: Object.entries(found)
          .flatMap(([part, outputs]) => Object.entries(outputs).map(([key, value]) => `${part}.${key}=${value}`))
          .join('\n'),
      }
    }),
  )
}
