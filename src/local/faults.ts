import { FairleadError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { Platform } from '../platforms.ts'
import { answerFaults } from './faults/answers.ts'
import { policyFaults } from './faults/policies.ts'
import { requestFaults } from './faults/requests.ts'
import { signatureFaults } from './faults/signatures.ts'
import { tokenFaults } from './faults/tokens.ts'

/** Where a fault bites: one platform, or every endpoint of one kind. */
type Where = Platform | 'iam' | 'oauth' | 'any'

/** Switches that break one thing on purpose, for practice. What each does stands in one sentence, for the command line too. */
export const faults = {
  ...at('iam', signatureFaults),
  ...at('lambda', policyFaults),
  ...at('oauth', tokenFaults),
  ...at('any', answerFaults),
  ...at('agentcore-runtime', requestFaults),
  'session-rotates': {
    platform: 'agentcore-runtime',
    does: 'Every answer carries a fresh Mcp-Session-Id, and only the one from the first answer of a session stays good.',
  },
  'cold-start': {
    platform: 'agentcore-runtime',
    does: 'A new session takes 18 seconds to start, as measured on AWS.',
  },
  'session-busy': {
    platform: 'agentcore-runtime',
    does: 'Every other call is answered with -32005, as while a session is being created.',
  },
  'session-killed': {
    platform: 'agentcore-runtime',
    does: 'The process of the session is killed under every other call, which is answered with -32010.',
  },
  'session-expired': {
    platform: 'agentcore-runtime',
    does: 'Every call meets a session that has just ended, as after its idle time: a new process without its memory answers.',
  },
} as const satisfies Record<string, { platform: Where; does: string }>

export type FaultName = keyof typeof faults

/** Which faults are on. The command line sets them at the start, the control API at any time; platforms ask before each step. */
export class Faults {
  readonly #on = new Set<FaultName>()

  /** Throws FAULT_UNKNOWN. */
  constructor(names: readonly string[] = []) {
    for (const name of names) this.set(name, true)
  }

  /** Whether nothing is broken. */
  get none(): boolean {
    return this.#on.size === 0
  }

  /** Those of one table that are on. */
  of<T extends object>(table: T): (keyof T & string)[] {
    return [...this.#on].filter((name) => Object.hasOwn(table, name)) as unknown as (keyof T & string)[]
  }

  has(name: FaultName): boolean {
    return this.#on.has(name)
  }

  /** Throws FAULT_UNKNOWN. */
  set(name: string, on: boolean): void {
    if (!isFault(name)) {
      const meant = nearest(name, Object.keys(faults))
      throw new FairleadError('FAULT_UNKNOWN', `There is no fault ${name}${meant ? `; did you mean ${meant}?` : ''}`)
    }
    if (on) this.#on.add(name)
    else this.#on.delete(name)
  }

  list(): { name: FaultName; platform: Where; does: string; on: boolean }[] {
    return Object.entries(faults).map(([name, facts]) => ({
      name: name as FaultName,
      ...facts,
      on: this.#on.has(name as FaultName),
    }))
  }
}

function at<T extends Record<string, { does: string }>, W extends Where>(
  platform: W,
  table: T,
): { [Name in keyof T]: { platform: W; does: string } } {
  const rows = Object.entries(table).map(([name, { does }]) => [name, { platform, does }])
  return Object.fromEntries(rows) as { [Name in keyof T]: { platform: W; does: string } }
}

function isFault(name: string): name is FaultName {
  return Object.hasOwn(faults, name)
}
