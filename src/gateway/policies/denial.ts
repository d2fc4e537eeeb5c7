import type { Note } from '../../http/note.ts'
import { Refusal } from '../message.ts'
import type { PolicyDecision } from './engine.ts'

/** What a client is told of a call that the policies deny, and what the log is told. */
export class PolicyDenial extends Refusal {
  readonly note: Note

  constructor(message: string, note: Note) {
    super(200, deniedCode, message)
    this.note = note
  }
}

/** Seen on live gateways, in September and October 2026; AWS's page has an older form, a result with `isError`. */
const deniedCode = -32_002

export function denialOf({ reason, policies }: PolicyDecision): PolicyDenial {
  return new PolicyDenial(`Tool Execution Denied: Tool call not allowed due to policy enforcement [${reason}]`, {
    code: 'POLICY_DENIED',
    why: reason,
    policies,
  })
}
