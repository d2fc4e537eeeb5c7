import type { Command } from 'commander'
import { grantCommands } from '../../deploy/grant-commands.ts'
import { principalOf } from '../../deploy/principal.ts'
import { deploymentCommand, type DeploymentOptions } from '../deployment-options.ts'
import { FairleadError } from '../../errors.ts'
import { refuseUnasked } from '../confirm.ts'
import { changeGrants, guardedStacks } from '../grants.ts'
import { run } from '../output.ts'

export function grantCommand(): Command {
  const command = deploymentCommand('grant', 'let an IAM principal call the deployed endpoints', {
    yes: 'do not ask',
    dryRun: 'say what would change',
  })
    .argument('<principal>', 'the ARN of a role or a user, or the number of an account')
    .option('--print', 'print the commands of the AWS CLI instead')
    .option(
      '--function <name>',
      'with --print: a function that SAM or Terraform deployed, by name or ARN; asks AWS nothing',
    )
  return command.action((given: string) =>
    run(command, async (io) => {
      const options = command.opts<DeploymentOptions & { print?: boolean; function?: string }>()
      const principal = principalOf(given)
      if (options.function !== undefined) return printed(principal, options)
      if (!options.print && !options.dryRun) refuseUnasked({ ...options, json: io.json }, 'The grant')
      const guarded = await guardedStacks(options)
      const { aws, stacks } = guarded
      if (options.print) {
        const commands = stacks.flatMap(({ outputs }) => grantCommands(outputs, principal, aws.region))
        return { data: { principal, commands }, text: commands.join('\n') }
      }
      return changeGrants('grant', principal, guarded, { ...options, json: io.json })
    }),
  )
}

/** For a function that fairlead did not deploy: it has no stack of ours to look into. */
function printed(
  principal: string,
  { print, function: name, region }: { print?: boolean; function?: string; region?: string },
) {
  if (!print) throw new FairleadError('USAGE', '--function goes with --print')
  const where =
    region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? /^arn:[^:]+:lambda:([^:]+):/.exec(name!)?.[1]
  if (!where)
    throw new FairleadError('REGION_UNKNOWN', 'Which region?', {
      why: 'Neither --region, AWS_REGION nor an ARN says it.',
    })
  const commands = grantCommands({ FunctionArn: name! }, principal, where)
  return { data: { principal, commands }, text: commands.join('\n') }
}
