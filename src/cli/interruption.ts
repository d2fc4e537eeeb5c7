import { FairleadError } from '../errors.ts'
import { report, type Io } from './output.ts'

export interface Interruption {
  /** From here on something of the account changes. */
  begun(): void
  end(): void
}

/** On Ctrl-C says what goes on without us, and ends with 130. */
export function onInterruption(io: Pick<Io, 'json' | 'verbose'>, clear: () => void): Interruption {
  let begun = false
  const stop = () => {
    clear()
    report(
      begun
        ? new FairleadError('DEPLOY_INTERRUPTED', 'Interrupted while AWS was at work')
        : new FairleadError('DEPLOY_INTERRUPTED', 'Interrupted before anything was changed', {
            why: 'Nothing of the account was touched.',
            fix: 'Run the same command again.',
          }),
      io,
    )
    // What was written goes out first.
    process.stdout.write('', () => process.stderr.write('', () => process.exit()))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    begun: () => (begun = true),
    end: () => void process.off('SIGINT', stop).off('SIGTERM', stop),
  }
}
