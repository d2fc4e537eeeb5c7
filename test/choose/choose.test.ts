import { describe, expect, it } from 'vitest'
import { choose } from '../../src/choose/choose.ts'
import { priceBook } from '../../src/choose/price-book.ts'
import { checkQuestion, type Question } from '../../src/choose/question.ts'
import { workload, type Workload } from '../../src/choose/workload.ts'

interface Asked extends Partial<Omit<Question, 'workload'>> {
  workload?: Partial<Workload>
}

function ask({ workload: given = {}, ...rest }: Asked) {
  const callers = rest.callers ?? 'aws'
  const whole = workload({ calls: 1e5, ...(callers === 'unknown' ? {} : { callers }), ...given })
  const defaults = { callsKnown: true, state: 'none' as const, bursty: false, multiTenant: false, existing: [] }
  return choose({ ...defaults, ...rest, callers, workload: whole }, priceBook(whole.region))
}

/** Short calls never cost more on lambda with IAM than behind CloudFront and a web ACL; these do. */
const long = { durationMs: 1_000, memoryMb: 1_024 }

describe('the rules, in the order R0, R2, R3, R4, R1, R5, R6', () => {
  const cases: [string, Asked, string, string, string][] = [
    ['callers in AWS, stateless, bursty', { bursty: true }, 'R1', 'lambda', 'IAM'],
    ['callers in AWS, stateless, few calls', {}, 'R1', 'lambda', 'IAM'],
    ['existing Lambdas', { existing: ['lambdas'] }, 'R2', 'agentcore-gateway', 'IAM'],
    [
      'existing Lambdas win over bursty and internal',
      { existing: ['lambdas'], bursty: true },
      'R2',
      'agentcore-gateway',
      'IAM',
    ],
    ['existing APIs win over a session', { existing: ['openapi'], state: 'session' }, 'R2', 'agentcore-gateway', 'IAM'],
    ['existing APIs for the public', { existing: ['rest'], callers: 'public' }, 'R2', 'agentcore-gateway', 'JWT'],
    ['a session in memory', { state: 'session' }, 'R3', 'agentcore-runtime', 'IAM'],
    ['a session of an hour', { state: 'session', workload: { sessionS: 3600 } }, 'R3', 'agentcore-runtime', 'IAM'],
    ['managed memory', { state: 'managed' }, 'R3', 'agentcore-runtime', 'IAM'],
    ['a session for the public', { state: 'session', callers: 'public' }, 'R3', 'agentcore-runtime', 'JWT'],
    ['the public, few calls', { callers: 'public' }, 'R4', 'lambda', 'OAuth'],
    ['several tenants', { multiTenant: true }, 'R4', 'lambda', 'OAuth'],
    ['the public, calls over the crossover', { callers: 'both', workload: { calls: 1e9 } }, 'R4', 'fargate', 'OAuth'],
    ['a steady load over the crossover', { workload: { calls: 1e9, ...long } }, 'R5', 'fargate', 'OAuth'],
    ['bursty over the crossover', { bursty: true, workload: { calls: 1e9 } }, 'R1', 'lambda', 'IAM'],
    ['open connections', { workload: { streams: 10 } }, 'R5', 'fargate', 'OAuth'],
    ['open connections of the public', { callers: 'public', workload: { streams: 10 } }, 'R5', 'fargate', 'OAuth'],
    [
      'nothing known',
      { callers: 'unknown', state: 'unknown', callsKnown: false, workload: { calls: 0 } },
      'R6',
      'lambda',
      'IAM',
    ],
    ['calls of 20 minutes', { workload: { durationMs: 1.2e6 } }, 'R0', 'fargate', 'OAuth'],
    [
      'a session where AgentCore is not',
      { state: 'session', workload: { region: 'me-south-1' } },
      'R5',
      'fargate',
      'OAuth',
    ],
    [
      'existing Lambdas where AgentCore is not',
      { existing: ['lambdas'], workload: { region: 'me-south-1' } },
      'R1',
      'lambda',
      'IAM',
    ],
    ['a session on x86_64', { state: 'session', workload: { architecture: 'x86_64' } }, 'R5', 'fargate', 'OAuth'],
  ]
  it.each(cases)('%s', (_, asked, rule, platform, auth) => {
    const choice = ask(asked)
    if (rule !== 'R0') return expect(choice).toMatchObject({ rule, platform, auth })
    // What the limits leave, the cheapest first.
    expect(choice.rule).toBe('R0')
    expect(choice.ruledOut).toBe(false)
    expect(['fargate', 'agentcore-runtime']).toContain(choice.platform)
  })
})

describe('the answer', () => {
  it('ranks all four platforms, each once, those ruled out last', () => {
    const choice = ask({ workload: { durationMs: 1.2e6 } })
    const all = [choice, ...choice.ranking].map(({ platform }) => platform)
    expect([...all].sort()).toEqual(['agentcore-gateway', 'agentcore-runtime', 'fargate', 'lambda'])
    expect(choice.ranking.slice(-2).map(({ platform, ruledOut }) => [platform, ruledOut])).toEqual([
      ['lambda', true],
      ['agentcore-gateway', true],
    ])
    expect(choice.hardLimits.map(({ platform }) => platform)).toEqual(['lambda', 'agentcore-gateway'])
  })

  it('says what would change it, and asking that way changes it', () => {
    const choice = ask({ workload: long })
    expect(choice.wouldChange).toContainEqual(expect.objectContaining({ platform: 'agentcore-gateway', rule: 'R2' }))
    expect(choice.wouldChange).toContainEqual(expect.objectContaining({ platform: 'agentcore-runtime', rule: 'R3' }))
    const many = choice.wouldChange.find(({ when }) => when.startsWith('a steady'))
    expect(many).toMatchObject({ platform: 'fargate', rule: 'R5' })
    expect(ask({ workload: { ...long, calls: choice.crossover! } }).platform).toBe('fargate')
    expect(ask({ workload: { ...long, calls: choice.crossover! - 2 } }).platform).toBe('lambda')
  })

  it('names a price that is missing, and still decides by the rules', () => {
    const choice = ask({ workload: { region: 'eu-west-2' } })
    expect(choice).toMatchObject({ platform: 'lambda', usd: undefined })
    expect(choice.missing).toContain('lambda-request')
  })

  it('warns of machine tokens, idle tasks and what managed memory is', () => {
    expect(ask({ callers: 'public', workload: { machineTokens: 20_000 } }).cautions.join()).toMatch(/Machine tokens/)
    expect(ask({ workload: { streams: 10 } }).cautions.join()).toMatch(/idle for more than 90 %/)
    expect(ask({ state: 'managed' }).cautions.join()).toMatch(/AgentCore Memory.*\$0.25 a thousand events/)
  })

  it('gives the command to go on with', () => {
    expect(ask({}).next).toEqual({
      config: "platforms: { lambda: { auth: 'iam' } }",
      command: 'fairlead dev',
      deploy: 'fairlead deploy --platform lambda',
    })
  })
})

describe('a workload that cannot be', () => {
  it.each<[Partial<Workload>, RegExp]>([
    [{ calls: -1 }, /--calls is -1/],
    [{ calls: Infinity }, /--calls/],
    [{ calls: NaN }, /--calls/],
    [{ calls: 1e15 }, /--calls/],
    [{ durationMs: 0 }, /--duration/],
    [{ memoryMb: 1 }, /--memory/],
    [{ region: 'mars-1' }, /not an AWS region/],
    [{ region: 'us-east-11' }, /did you mean us-east-1/],
    [{ sessions: 200_000 }, /more sessions/],
    [{ sessions: 0 }, /sessions is 0/],
    [{ durationMs: 10, cpuMs: 20 }, /cannot use 20 ms of CPU/],
    [{ users: 5 }, /all callers are in AWS/],
    [{ taskVcpu: 3 }, /--task-vcpu/],
    [{ taskVcpu: 0.25, taskMemoryMb: 4096 }, /Fargate task of 0.25 vCPU/],
    [{ cloudfront: 'free', calls: 2e6 }, /plan/],
  ])('%j is refused', (given, message) => {
    expect(() => workload({ calls: 1e5, ...given })).toThrow(message)
  })

  it('a stateless server with a session of two hours is refused', () => {
    const whole = workload({ calls: 1e5, sessionS: 7200 })
    const question = { workload: whole, callsKnown: true, callers: 'aws', state: 'none', bursty: false } as const
    expect(() => checkQuestion({ ...question, multiTenant: false, existing: [] })).toThrow(/contradict/)
  })
})
