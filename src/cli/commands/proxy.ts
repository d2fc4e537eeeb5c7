import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import { runProxy } from '../../connect/proxy/pump.ts'
import { refuseFirst } from '../../connect/proxy/refuse.ts'
import { FairleadError } from '../../errors.ts'
import { lightFetch } from '../../http/light-fetch.ts'
import { newCommand, report } from '../output.ts'
import { targetOf, withAuth, type TargetOptions } from '../where.ts'

interface Options extends TargetOptions {
  readOnly?: boolean
  timeout?: string
  verbose?: boolean
}

export function proxyCommand(): Command {
  const command = withAuth(newCommand('proxy', 'join a stdio client to any endpoint, signed or signed in'))
    .argument('<url|platform>', 'any MCP endpoint, or a platform of the local stack')
    .option('--as <identity>', 'who calls a local endpoint (default: agent, or the first user where OAuth guards)')
    .option('--read-only', 'hide tools that are not annotated read-only, and refuse to call them')
    .option('--timeout <seconds>', 'how long the endpoint may send nothing (default: 300)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(async (on: string) => {
    // A client starts one proxy for each server and keeps it: memory counts, and there is little to compute. V8's
    // optimizing compilers alone would take 20 MB.
    for (const flag of ['--optimize-for-size', '--no-opt', '--no-maglev']) setFlagsFromString(flag)
    const options = command.opts<Options>()
    // stdout carries the protocol, so every error goes to stderr as well, also with --json.
    const io = { json: false, verbose: options.verbose ?? false }
    const log = (line: string) => void process.stderr.write(`fairlead: ${line}\n`)
    try {
      const { answered, lastError } = await runProxy({
        ...targetOf(on, options, log, lightFetch),
        input: process.stdin,
        output: process.stdout,
        log,
        readOnly: options.readOnly ?? false,
        timeoutMs: timeoutOf(options.timeout),
      })
      process.exitCode = answered || !lastError ? 0 : lastError.exitCode
    } catch (error) {
      const said = report(error, io)
      if (said) return refuseClient(said)
    }
    end()
  })
}

/** Tells the client, too, why there is no proxy. A person at a terminal has read it by now. */
export async function refuseClient(error: FairleadError): Promise<void> {
  if (!process.stdin.isTTY) await refuseFirst(error, { input: process.stdin, output: process.stdout })
  end()
}

/** A stream that the endpoint keeps open, or a browser that nobody uses, must not keep the process. */
function end(): void {
  process.stdin.destroy()
  process.stdout.write('', () => process.exit())
}

function timeoutOf(given = '300'): number {
  const seconds = Number(given)
  if (seconds > 0 && seconds <= 86_400) return seconds * 1000
  throw new FairleadError('USAGE', `--timeout takes seconds, at most 86400, and ${given} is not that`)
}
