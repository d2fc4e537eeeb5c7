import { Command, CommanderError } from 'commander'
import { asFairleadError, exitCodes, FairleadError } from '../errors.ts'

/** What a command gives back: the same facts for a program (`data`) and for a reader (`text`). */
export interface Result {
  data: unknown
  text: string
  /** Set when the command worked and its answer is bad news, such as a failed check. */
  exitCode?: number
}

export interface Io {
  json: boolean
  verbose: boolean
  /** Data, for standard output; a command that streams uses it before it returns. */
  out(text: string): void
  /** Progress and notes, for standard error. */
  note(text: string): void
}

/** Makes a command with the options that all commands have. */
export function newCommand(name: string, summary: string): Command {
  return new Command(name)
    .description(summary)
    .option('--json', 'print exactly one JSON object')
    .option('--verbose', 'show stacks of unexpected errors')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

/** Does a command's work, and prints its result or its error: data on stdout, everything else on stderr. */
export async function run(command: Command, work: (io: Io) => Promise<Result | undefined>): Promise<void> {
  const options = command.opts<{ json?: boolean; verbose?: boolean }>()
  const io: Io = {
    json: options.json ?? false,
    verbose: options.verbose ?? false,
    out: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
  }
  try {
    const result = await work(io)
    if (!result) return
    if (io.json) io.out(JSON.stringify({ ok: true, data: result.data }))
    else if (result.text !== '') io.out(result.text)
    process.exitCode = result.exitCode ?? exitCodes.ok
  } catch (thrown) {
    report(thrown, io)
  }
}

/**
 * Prints an error as DESIGN has it, CODE and one sentence, then Why, Fix and Docs, and sets the exit code. Gives it back
 * as one of ours; undefined when it was none, but the end of `--help`.
 */
export function report(thrown: unknown, io: { json: boolean; verbose: boolean }): FairleadError | undefined {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return undefined
  const error = thrown instanceof CommanderError ? usage(thrown) : asFairleadError(thrown)
  process.exitCode = error.exitCode
  if (io.json) {
    process.stdout.write(`${JSON.stringify({ ok: false, error })}\n`)
    return error
  }
  const lines = [
    `${error.code}  ${error.message}`,
    `  Why   ${error.why}`,
    `  Fix   ${error.fix}`,
    `  Docs  ${error.docs}`,
  ]
  if (io.verbose) lines.push(String((error.cause as Error | undefined)?.stack ?? error.stack))
  process.stderr.write(`${lines.join('\n')}\n`)
  return error
}

function usage(error: CommanderError): FairleadError {
  const said = error.message.replace(/^error: /, '')
  return new FairleadError('USAGE', said.charAt(0).toUpperCase() + said.slice(1), { cause: error })
}
