import { createInterface } from 'node:readline/promises'
import { FairleadError } from '../errors.ts'

export interface Confirming {
  yes?: boolean
  json: boolean
}

/** Refuses at once what could not be confirmed later: there is no terminal, and no `--yes`. Throws NOT_CONFIRMED. */
export function refuseUnasked({ yes, json }: Confirming, what: string): void {
  if (yes || (!json && process.stdin.isTTY && process.stderr.isTTY)) return
  throw new FairleadError('NOT_CONFIRMED', `${what} was not confirmed, and there is no terminal to ask on`)
}

/** Asks, and goes on only when the answer is the expected one: `y`, or a name that has to be typed. Throws NOT_CONFIRMED. */
export async function confirm(question: string, { yes }: Confirming, expected = 'y'): Promise<void> {
  if (yes) return
  const answer = await ask(question)
  if (answer === expected || (expected === 'y' && /^(y|yes)$/i.test(answer))) return
  throw new FairleadError('NOT_CONFIRMED', 'It was not confirmed, so nothing was changed')
}

/** Questions are no data: they go to stderr. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // A terminal that is asked on takes Ctrl-C for itself; whoever is asked means the command.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  try {
    return (await Promise.race([terminal.question(`${question} `), closed])).trim()
  } finally {
    terminal.close()
  }
}
