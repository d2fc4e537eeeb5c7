import { FairleadError, type ErrorDetails } from '../../errors.ts'

/** Makes a SIGN_IN_FAILED, whose why is what the other side said. */
export function signInFailed(message: string, cause?: unknown, details: ErrorDetails = {}): FairleadError {
  const said = cause instanceof Error ? describe(cause) : undefined
  return new FairleadError('SIGN_IN_FAILED', message, { ...(said ? { why: said } : {}), cause, ...details })
}

/** An OAuth error in its own words; from anything else the first line. */
function describe(error: Error): string {
  const { code } = error as { code?: unknown }
  const line = error.message.split('\n')[0]!.slice(0, 300)
  return typeof code === 'string' && !line.includes(code) ? `${code}: ${line}` : line
}
