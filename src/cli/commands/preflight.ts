import type { Command } from 'commander'
import { readProject } from '../../build/project.ts'
import { exitCodes, FairleadError } from '../../errors.ts'
import type { Finding } from '../../gateway/portability.ts'
import { preflight } from '../../gateway/open.ts'
import { readGatewayProject } from '../../gateway/project.ts'
import { newCommand, run } from '../output.ts'

export function preflightCommand(): Command {
  const command = newCommand('preflight', 'what the managed AgentCore Gateway would refuse').option(
    '--project <folder>',
    'the folder with fairlead.config.ts',
  )
  return command.action(() =>
    run(command, async () => {
      const { dir, config } = await readProject(command.opts<{ project?: string }>().project)
      const gateway = config.platforms['agentcore-gateway']
      if (!gateway)
        throw new FairleadError('USAGE', 'This project has no gateway', {
          why: 'preflight checks the definitions that platforms.agentcore-gateway names.',
          fix: "Add to fairlead.config.ts: platforms: { 'agentcore-gateway': { gateway: './gateway.json', targets: ['./target.json'] } }",
        })
      const { targets, bindings, policies } = readGatewayProject(gateway, dir)
      const findings = await preflight(targets, bindings, policies)
      const refused = findings.filter((each) => each.refused)
      return {
        data: { portable: refused.length === 0, targets: targets.length, findings },
        text: [...findings.map(line), summary(targets.length, refused.length, findings.length - refused.length)].join(
          '\n',
        ),
        exitCode: refused.length === 0 ? exitCodes.ok : exitCodes.check,
      }
    }),
  )
}

function line({ target, where, problem, refused }: Finding): string {
  return `${refused ? '✗ refused ' : '! differs '} ${[target, where].filter(Boolean).join('  ')}  ${problem}`
}

function summary(targets: number, refused: number, differs: number): string {
  const checked = `${targets} ${targets === 1 ? 'target' : 'targets'} checked`
  if (refused + differs === 0) return `${checked}: the managed service takes all of it`
  return `${checked}: ${refused} refused by the managed service, ${differs} served otherwise than here`
}
