import { FairleadError } from '../../errors.ts'

/** Says which part of a template does not run, and why. */
export function refused(
  { file }: { file: string },
  part: string,
  problem: string,
  more: { why?: string; fix?: string; cause?: unknown } = {},
): FairleadError {
  return new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: ${part}: ${problem}`, more)
}
