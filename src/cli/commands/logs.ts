import type { Command } from 'commander'
import { readLogs, type LogLine } from '../../deploy/logs.ts'
import { deployCommandFor, deployedStack } from '../../deploy/stack-state.ts'
import { exitCodes, FairleadError } from '../../errors.ts'
import { chosenDeployment, deploymentCommand, openAccount, pollMsOf, type Chosen, type ChosenStack, type DeploymentOptions } from '../deployment-options.ts' // prettier-ignore
import { run } from '../output.ts'

interface Options extends DeploymentOptions {
  authorization?: boolean
  follow?: boolean
  since?: string
}

export function logsCommand(): Command {
  const command = deploymentCommand('logs', 'the log lines of a deployed server')
    .option('--authorization', 'of the authorization service, where people sign in')
    .option('--follow', 'go on, until Ctrl-C')
    .option('--since <time>', 'from then on: 30s, 10m, 2h, 3d, or a time as 2026-11-25T08:00:00Z (10m)')
    .option('--poll-ms <ms>', 'how often CloudWatch is asked with --follow (2000)')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      const since = sinceOf(options.since ?? '10m')
      const everyMs = pollMsOf(options)
      if (options.follow && io.json) throw new FairleadError('USAGE', '--follow prints lines, and --json prints one object: choose one') // prettier-ignore
      const chosen = await chosenDeployment(options)
      const { part, name } = stackOf(chosen, options)
      const { aws } = await openAccount(chosen, options)
      const { LogGroup: group } = (await deployedStack(aws.clients('cloudformation'), name, chosen.environment)).outputs
      if (!group) throw new FairleadError('STACK_NOT_DEPLOYED', `${name} names no log group`, { fix: deployCommandFor(chosen.environment), why: part === 'authorization' ? "With `oauth.verifier: 'cognito'` it has no service: people sign in at Cognito itself." : 'It was made by an older fairlead, or by hand.' }) // prettier-ignore
      const stop = new AbortController()
      const interrupted = () => {
        stop.abort()
        process.exitCode = exitCodes.interrupted
      }
      process.once('SIGINT', interrupted)
      // Nobody reads any more, as behind `| head`.
      process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
        stop.abort()
      })
      const lines: LogLine[] = []
      try {
        for await (const line of readLogs(aws.clients('cloudwatch-logs'), group, {
          since,
          everyMs,
          follow: options.follow ?? false,
          signal: stop.signal,
          note: io.note,
        }))
          // prettier-ignore
          if (io.json) lines.push(line)
          else io.out(`${line.at.toISOString()}  ${line.message}`)
      } finally {
        process.off('SIGINT', interrupted)
      }
      return io.json ? { data: { group, lines }, text: '' } : undefined
    }),
  )
}

/** Whose log is read. Throws USAGE. */
function stackOf({ stacks, platforms: [one, second] }: Chosen, { authorization, platform }: Options): ChosenStack {
  const service = stacks.find(({ part }) => part === 'authorization')
  if (authorization && platform)
    throw new FairleadError('USAGE', 'One log is read, and these are two', {
      fix: '--platform NAME, or --authorization',
    })
  if (authorization && !service)
    throw new FairleadError('USAGE', 'Nobody signs in at an authorization service here', {
      why: 'No platform of this configuration has one.',
      fix: `fairlead logs --platform ${one ?? 'lambda'}`,
    })
  if (authorization) return service!
  if (!one || second)
    throw new FairleadError('USAGE', 'Which log? One is read', {
      why: 'The configuration has more than one platform.',
      fix: `--platform ${one ?? 'lambda'}${service ? ', or --authorization' : ''}`,
    })
  return stacks.find(({ part }) => part === one)!
}

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Throws USAGE. */
function sinceOf(given: string): Date {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? []
  if (count && unit) return new Date(Date.now() - Number(count) * units[unit as keyof typeof units] * 1000)
  const at = new Date(given)
  if (/^\d{4}-\d\d-\d\d/.test(given) && !Number.isNaN(at.getTime())) return at
  throw new FairleadError('USAGE', `--since ${given} is not a time`, {
    fix: '--since 10m, or --since 2026-11-25T08:00:00Z',
  })
}
