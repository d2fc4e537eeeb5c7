import { FairleadError } from '../errors.ts'
import { report, type Io } from './output.ts'

export interface Interruption {
  /** An image goes into its registry; CloudFormation was given nothing yet. */
  pushing(): void
  /** From here on something of the account changes. */
  begun(): void
  /** Everything is deployed; what follows only looks. */
  done(): void
  end(): void
}

const said: Record<'before' | 'pushing' | 'begun' | 'done', { message: string; why?: string; fix?: string }> = {
  before: {
    message: 'Interrupted before anything was changed',
    why: 'Nothing of the account was touched.',
    fix: 'Run the same command again.',
  },
  pushing: {
    message: 'Interrupted while an image was pushed',
    why: 'No stack was touched. Layers that have arrived whole stay in the registry, and nobody runs them.',
    fix: 'Run the same command again: it sends what is missing, and goes on.',
  },
  begun: { message: 'Interrupted while AWS was at work' },
  done: {
    message: 'Everything is deployed; interrupted while the endpoints were checked',
    why: 'The doctor looks from outside, and changes nothing.',
    fix: 'fairlead outputs has the URLs; fairlead doctor URL checks one.',
  },
}

/** On Ctrl-C says what goes on without us, and ends with 130. */
export function onInterruption(io: Pick<Io, 'json' | 'verbose'>, clear: () => void): Interruption {
  let phase: keyof typeof said = 'before'
  const stop = () => {
    clear()
    const { message, ...details } = said[phase]
    report(new FairleadError('DEPLOY_INTERRUPTED', message, details), io)
    // What was written goes out first.
    process.stdout.write('', () => process.stderr.write('', () => process.exit()))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    pushing: () => void (phase = 'pushing'),
    begun: () => void (phase = 'begun'),
    done: () => void (phase = 'done'),
    end: () => void process.off('SIGINT', stop).off('SIGTERM', stop),
  }
}
