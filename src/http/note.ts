import type { Decision } from '../aws/permissions.ts'

/** What is known of an answer beside what the client is told: for logs. Never a secret. */
export interface Note {
  /** Fairlead's own code of a refusal. */
  code?: string
  /** Its cause, as it was proved. */
  why?: string
  /** Who called. */
  principal?: string
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
