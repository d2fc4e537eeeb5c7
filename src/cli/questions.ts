import { createInterface } from 'node:readline/promises'
import { FairleadError } from '../errors.ts'
import type { WorkloadOptions } from './workload-options.ts'

/** An answer that a command cannot do without: the option that gives it, and what to ask for it on a terminal. */
export interface Needed {
  name: string
  question: string
  why: string
}

/** Asks on a terminal for what was not given; an empty answer means `unknown`. Without a terminal it throws USAGE and names the flag. */
export async function askFor(needed: Needed[], options: WorkloadOptions, json: boolean): Promise<WorkloadOptions> {
  const open = needed.filter(({ name }) => options[name] === undefined)
  if (open.length === 0) return options
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) throw missing(open)
  const answers = { ...options }
  // Questions are no data: they go to stderr, so that stdout can be piped.
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    for (const { name, question } of open)
      answers[name] = (await terminal.question(`${question} [unknown] `)).trim() || 'unknown'
  } catch (error) {
    throw new FairleadError('USAGE', 'The questions were not answered', { fix: fixFor(open), cause: error })
  } finally {
    terminal.close()
  }
  return answers
}

function missing(open: Needed[]): FairleadError {
  const flags = open.map(({ name }) => `--${name}`).join(', ')
  return new FairleadError(
    'USAGE',
    `${flags} ${open.length === 1 ? 'is' : 'are'} missing, and there is no terminal to ask on`,
    {
      why: open[0]!.why,
      fix: fixFor(open),
    },
  )
}

function fixFor(open: Needed[]): string {
  return `Give ${open.map(({ name }) => `--${name}`).join(', ')}; \`unknown\` is an answer too`
}
