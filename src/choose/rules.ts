import type { Platform } from '../platforms.ts'
import type { Question } from './question.ts'

export type RuleId = 'R0' | 'R1' | 'R2' | 'R3' | 'R4' | 'R5' | 'R6'
export type Auth = 'IAM' | 'OAuth' | 'JWT'

/** A question with what the rules need to know about money. */
export interface Asked extends Question {
  /** The calls at which fargate becomes cheaper than lambda; undefined: never, or not known. */
  crossover: number | undefined
}

export interface Verdict {
  rule: RuleId
  platform: Platform
  auth: Auth
  reason: string
}

type Rule = (asked: Asked) => Verdict | undefined

/** The rules in the order in which they are tried; R0, the hard limits, comes before them all. */
export const rules: Rule[] = [existing, state, published, internal, steady, unknown]

function existing(asked: Asked): Verdict | undefined {
  if (asked.existing.length === 0) return undefined
  const auth = asked.callers === 'aws' ? 'IAM' : 'JWT'
  return verdict(
    'R2',
    'agentcore-gateway',
    auth,
    `what exists (${asked.existing.join(', ')}) becomes tools without a server of its own`,
  )
}

function state(asked: Asked): Verdict | undefined {
  const auth = asked.callers === 'aws' ? 'IAM' : 'JWT'
  if (asked.state === 'managed')
    return verdict('R3', 'agentcore-runtime', auth, 'managed memory goes with AgentCore sessions')
  if (asked.state !== 'session' && asked.workload.sessionS <= 900) return undefined
  const reason =
    asked.workload.sessionS > 900
      ? 'a session longer than 15 minutes keeps its memory in an instance of its own'
      : 'a session in memory has an isolated instance of its own'
  return verdict('R3', 'agentcore-runtime', auth, reason)
}

function published(asked: Asked): Verdict | undefined {
  if (!isPublic(asked)) return undefined
  const who = asked.multiTenant ? 'several tenants' : 'callers outside AWS'
  if (isStateful(asked))
    return verdict('R4', 'fargate', 'OAuth', `${who} need OAuth, and a session needs a process that stays`)
  if (isAbove(asked))
    return verdict(
      'R4',
      'fargate',
      'OAuth',
      `${who} need OAuth, and so many calls cost less on tasks that are always on`,
    )
  return verdict(
    'R4',
    'lambda',
    'OAuth',
    `${who} need OAuth, and a stateless server needs no process that is always on`,
  )
}

function internal(asked: Asked): Verdict | undefined {
  if (asked.callers !== 'aws' || asked.state !== 'none' || (!asked.bursty && isAbove(asked))) return undefined
  if (!asked.callsKnown && !asked.bursty) return undefined
  const load = asked.bursty ? 'bursty' : 'under the crossover with fargate'
  return verdict(
    'R1',
    'lambda',
    'IAM',
    `callers in AWS sign with IAM, nothing outlives a call, and the load is ${load}`,
  )
}

function steady(asked: Asked): Verdict | undefined {
  const auth = 'OAuth'
  if (asked.workload.streams > 0) return verdict('R5', 'fargate', auth, 'connections stay open for hours')
  if (isStateful(asked)) return verdict('R5', 'fargate', auth, 'a session in memory needs a process that stays')
  if (!isAbove(asked)) return undefined
  return verdict('R5', 'fargate', auth, 'a steady load over the crossover costs less on tasks that are always on')
}

function unknown(asked: Asked): Verdict | undefined {
  if (isStateful(asked)) return undefined
  const auth = asked.callers === 'public' || asked.callers === 'both' ? 'OAuth' : 'IAM'
  return verdict('R6', 'lambda', auth, 'too little is known: start here, and move on when R3 or R5 becomes true')
}

function isPublic({ callers, multiTenant }: Asked): boolean {
  return callers === 'public' || callers === 'both' || multiTenant
}

function isStateful({ state, workload }: Asked): boolean {
  return state === 'session' || state === 'managed' || workload.sessionS > 900
}

function isAbove({ crossover, callsKnown, workload }: Asked): boolean {
  return callsKnown && crossover !== undefined && workload.calls >= crossover
}

function verdict(rule: RuleId, platform: Platform, auth: Auth, reason: string): Verdict {
  return { rule, platform, auth, reason }
}
