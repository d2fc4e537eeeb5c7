import type { Explanation } from '../../src/explain/explain.ts'
import type { Platform } from '../../src/platforms.ts'

/** One fault, or two, and what was said of it. */
export interface Row {
  faults: string[]
  does: string
  /** The platform that was called. */
  on: Platform | 'template'
  by: 'explain' | 'doctor' | 'doctor --template'
  /** What was named, and how sure. */
  verdict: string
  right: boolean
  /** What `fairlead explain` said, as data. */
  said?: Explanation
}
