import type { Command } from 'commander'
import { deployedStack, stackState } from '../../deploy/stack-state.ts'
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
      // Without --platform: of what is there.
      for (const { part, name, region } of chosen.stacks) {
        const cloudFormation = aws.clients('cloudformation', region)
        const state = options.platform ? await deployedStack(cloudFormation, name, chosen.environment) : await stackState(cloudFormation, name) // prettier-ignore
        if (state) found[part] = state.outputs
      }
      const last = chosen.stacks.at(-1)!
      if (Object.keys(found).length === 0)
        await deployedStack(aws.clients('cloudformation', last.region), last.name, chosen.environment)
      return {
        data: found,
        text: Object.entries(found)
          .flatMap(([part, outputs]) => Object.entries(outputs).map(([key, value]) => `${part}.${key}=${value}`))
          .join('\n'),
      }
    }),
  )
}
