import type { RuntimeError } from '../../aws/agentcore-runtime.ts'
import type { ErrorCode, FairleadError } from '../../errors.ts'
import type { SessionProcess } from '../../http/note.ts'
import type { Session } from './session.ts'

/** A session with a call begun in it, or why there is none. */
export type Lease =
  | { ok: true; session: Session; done: () => void; process?: SessionProcess }
  | { ok: false; error: RuntimeError; code: ErrorCode; why: string; message?: string }

/** All sessions that may be are there. */
export function full(maxSessions: number): Lease {
  return {
    ok: false,
    error: 'ServiceQuotaExceededException',
    code: 'RUNTIME_SESSIONS_FULL',
    why: `All ${maxSessions} sessions are there.`,
  }
}

/** To be sent again after a moment. */
export function busy(code: ErrorCode, why: string): Lease {
  return { ok: false, error: 'RetryableConflictException', code, why }
}

/** The service's own words, as they were met. @see https://github.com/aws/bedrock-agentcore-starter-toolkit/issues/356 (2025-11-19) */
export function notStarted({ code, message, why }: FairleadError): Lease {
  return {
    ok: false,
    error: 'RuntimeClientError',
    code: 'RUNTIME_START_FAILED',
    why: `${message}. ${code === 'SERVER_THROWS' ? why : ''}`.trim(),
    message:
      code === 'SERVER_SILENT'
        ? 'Runtime initialization time exceeded. Please make sure that initialization completes in 120s.'
        : 'An error occurred when starting the runtime. Please check your CloudWatch logs for more information.',
  }
}
