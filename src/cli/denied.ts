import { FairleadError } from '../errors.ts'

/** A call that the policies of a gateway deny, here or on AWS, as what it is; anything else as it came. */
export function denied(error: unknown): unknown {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string }
  return code === -32_002 && message.includes('policy enforcement')
    ? new FairleadError('POLICY_DENIED', message, { cause: error })
    : error
}
