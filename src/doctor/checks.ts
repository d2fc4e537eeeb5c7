import type { Check } from './checks/check.ts'
import { authorizationChecks } from './checks/authorization-checks.ts'
import { platformChecks } from './checks/platform-checks.ts'
import { toolChecks } from './checks/tool-checks.ts'
import { transportChecks } from './checks/transport-checks.ts'

/** Every check of the doctor: one id, what is asked, where that is written, and what to do. */
export const checks = {
  ...transportChecks,
  ...toolChecks,
  ...authorizationChecks,
  ...platformChecks,
} as const satisfies Record<string, Check>

export type CheckId = keyof typeof checks

export interface Finding {
  id: CheckId
  ok: boolean
  /** What was seen. */
  says: string
}
