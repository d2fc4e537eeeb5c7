import type { Workload } from './workload.ts'
import { invalid } from './workload.ts'

/** What `fairlead choose` is asked. Where a thing is not known, it says `unknown`. */
export interface Question {
  /** With `calls` 0 when they are not known. */
  workload: Workload
  callsKnown: boolean
  callers: 'aws' | 'public' | 'both' | 'unknown'
  /** What has to outlive a call: nothing, a session in the server's memory, or what AgentCore Memory keeps. */
  state: 'none' | 'session' | 'managed' | 'unknown'
  bursty: boolean
  multiTenant: boolean
  existing: Existing[]
}

export const existingKinds = ['lambdas', 'openapi', 'rest', 'smithy', 'mcp'] as const
export type Existing = (typeof existingKinds)[number]

/** Refuses answers that contradict each other. Throws WORKLOAD_INVALID. */
export function checkQuestion(question: Question): Question {
  const { state, workload } = question
  if (state === 'none' && workload.sessionS > 900)
    throw invalid(
      `--state none and a session of ${workload.sessionS / 60} minutes contradict each other`,
      'Say --state session when something has to live that long, or leave --session out.',
    )
  return question
}
