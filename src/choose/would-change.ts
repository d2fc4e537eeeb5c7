import type { Platform } from '../platforms.ts'
import { spoken } from './amounts.ts'
import { decided, withCrossover } from './decide.ts'
import type { PriceBook } from './price-book.ts'
import type { Question } from './question.ts'
import type { RuleId } from './rules.ts'

export interface Change {
  when: string
  platform: Platform
  rule: RuleId
}

/** Asks again with one answer changed, and keeps what then comes out differently. */
export function changes(question: Question, book: PriceBook, now: Platform): Change[] {
  const { workload } = question
  const { crossover: cross } = withCrossover(question, book)
  const tries: [when: string, other: Question][] = [
    ['existing Lambdas or APIs that are to become tools', { ...question, existing: ['lambdas'] }],
    ['no existing Lambdas or APIs', { ...question, existing: [] }],
    ['a session in memory', { ...question, state: 'session' }],
    ['nothing that outlives a call', { ...question, state: 'none', workload: { ...workload, sessionS: 0 } }],
    ['connections that stay open for hours', { ...question, workload: { ...workload, streams: 1 } }],
    ['no open connections', { ...question, workload: { ...workload, streams: 0 } }],
    ['a call longer than 15 minutes', { ...question, workload: { ...workload, durationMs: 1_000_000 } }],
    ['calls under 15 minutes', { ...question, workload: { ...workload, durationMs: 1_000, cpuMs: 30 } }],
    ['callers outside AWS', calledBy(question, 'public')],
    ['callers in AWS alone', { ...calledBy(question, 'aws'), multiTenant: false }],
  ]
  if (cross !== undefined && workload.calls < cross) {
    const many = { ...question, callsKnown: true, bursty: false, workload: { ...workload, calls: cross } }
    tries.push([`a steady ${spoken(cross)} calls a month or more`, many])
  }
  if (cross !== undefined && workload.calls >= cross)
    tries.push([
      `fewer than ${spoken(cross)} calls a month`,
      { ...question, workload: { ...workload, calls: cross - 1 } },
    ])
  return tries.flatMap(([when, other]) => {
    const verdict = decided(other, book)
    return verdict && verdict.platform !== now ? [{ when, platform: verdict.platform, rule: verdict.rule }] : []
  })
}

function calledBy(question: Question, callers: 'aws' | 'public'): Question {
  const inAws = callers === 'aws'
  const { users } = question.workload
  const auth = { lambdaAuth: inAws ? ('iam' as const) : ('oauth' as const), users: inAws ? 0 : users }
  return { ...question, callers, workload: { ...question.workload, callers, ...auth } }
}
