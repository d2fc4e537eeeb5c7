import type { Command } from 'commander'
import { deploymentCommand, type DeploymentOptions } from '../deployment-options.ts'
import { chosenDeployment } from '../deployment-options.ts'
import { guardedStacks } from '../grants.ts'
import { run } from '../output.ts'

export function grantsCommand(): Command {
  const command = deploymentCommand('grants', 'who may call the deployed endpoints')
  return command.action(() =>
    run(command, async () => {
      const options = command.opts<DeploymentOptions>()
      const configured = (await chosenDeployment(options)).project.config.callers ?? []
      const { stacks } = await guardedStacks(options)
      const found = []
      for (const { name, part, granting } of stacks)
        found.push({
          name,
          part,
          grants: (await granting.list()).map((each) => ({ ...each, configured: configured.includes(each.principal) })),
        })
      return {
        data: { stacks: found },
        text: found
          .flatMap(({ name, grants }) => [
            name,
            ...grants.map(
              ({ principal, by, configured: own, complete }) =>
                `  ${principal}  ${own ? 'in the configuration' : by === 'fairlead grant' ? 'by fairlead grant, not in the configuration' : 'made elsewhere, not in the configuration'}${complete ? '' : '  ! INCOMPLETE: it gets 403'}`,
            ),
            ...(grants.length === 0 ? ['  nobody'] : []),
          ])
          .join('\n'),
      }
    }),
  )
}
