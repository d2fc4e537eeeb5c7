import type { Decision } from '../aws/permissions.ts'

/** The process of a session that was started for a call. */
export interface SessionProcess {
  /** How long the call waited for it. */
  startedMs: number
  /** The session had another process before, which has ended. */
  successor?: true
}

/** What is known of an answer beside what the client is told: for logs. Never a secret. */
export interface Note {
  /** Of the process that answered, where one was started for this call. */
  process?: SessionProcess
  /** Fairlead's own code of a refusal. */
  code?: string
  /** Its cause, as it was proved. */
  why?: string
  /** Who called. */
  principal?: string
  /** The gateway's policies that decided. */
  policies?: readonly string[]
  /** What the policy was asked, when it refused. */
  decision?: Decision
}

const notes = new WeakMap<Response, Note>()

/** Notes something beside a Response: for the log line, never for the client. */
export function annotate(response: Response, note: Note): Response {
  notes.set(response, note)
  return response
}

export function noteOf(response: Response): Note {
  return notes.get(response) ?? {}
}
