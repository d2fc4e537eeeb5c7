import { describe, expect, it } from 'vitest'
import { costOf, exact, taskCount } from '../../src/choose/cost.ts'
import { crossover } from '../../src/choose/crossover.ts'
import { priceBook } from '../../src/choose/price-book.ts'
import { scaled, workload, type Workload } from '../../src/choose/workload.ts'
import { platformNames, type Platform } from '../../src/platforms.ts'

const book = priceBook('us-east-1')
const usd = (platform: Platform, given: Partial<Workload> & { calls: number }) =>
  costOf(platform, workload(given), book).usd

describe('the cost of a month, to the cent', () => {
  // Two tasks of 0.5 vCPU and 1 GB: 730 vCPU-h × 0.03238 = 23.6374; 1,460 GB-h × 0.00356 = 5.1976. Load balancer
  // 730 × 0.0225 = 16.425. Addresses 2 × 730 × 0.005 = 7.30. Image 0.5 × 0.10 = 0.05. Web ACL 5 + 5 rules. Four secrets 1.60.
  // Of 20 alarms 10 are paid, 1.00; the dashboard is free. Sum 65.21.

  it('1: 10 k calls in 1 k sessions on lambda', () => {
    // 13 k requests and 2,030 GB-s are free. Logs 13 k × 1.5 KB = 0.0195 GB × 0.50 = 0.00975.
    expect(usd('lambda', { calls: 1e4, sessions: 1e3 })).toBe(0.01)
  })

  it('2: the same on fargate', () => {
    // 65.21 + LCU 13 k × 5 KB = 0.065 × 0.008 = 0.00052 + logs 0.00975 + DynamoDB 2 k × 0.625/M + 1 k × 0.125/M = 0.001375
    // + web ACL 13 k × 0.60/M = 0.0078; CloudFront is free = 65.229445
    expect(usd('fargate', { calls: 1e4, sessions: 1e3 })).toBe(65.23)
  })

  it('3: the same on agentcore-runtime', () => {
    // CPU (10 k × 0.03 + 1 k × 1.5) = 1,800 s = 0.5 h × 0.0895 = 0.04475
    // memory (1 k × 900 + 10 k × 0.2) = 902 k s = 250.5556 h × 150/1024 GB × 0.00945 = 0.346838; logs 0.00975. Sum 0.401338
    expect(usd('agentcore-runtime', { calls: 1e4, sessions: 1e3 })).toBe(0.4)
  })

  it('4: the same on agentcore-gateway', () => {
    // 13 k × 0.005/1000 = 0.065, and the function behind it 0.00975. Sum 0.07475
    expect(usd('agentcore-gateway', { calls: 1e4, sessions: 1e3 })).toBe(0.07)
  })

  it('5: a million calls in 50 k sessions on lambda with IAM', () => {
    // 1.15 M requests, 0.15 M paid × 0.20 = 0.03; 101.5 k GB-s are free; logs 1.725 GB × 0.50 = 0.8625; 4.6 GB out are free.
    expect(usd('lambda', { calls: 1e6, sessions: 5e4 })).toBe(0.89)
  })

  it('6: the same without the free tier', () => {
    // 1.15 × 0.20 = 0.23; (1 M × 0.2 s + 150 k × 0.02 s) × 0.5 GB = 101.5 k × 0.0000133334 = 1.3533401
    // data out 1.15 M × 4 KB = 4.6 GB × 0.09 = 0.414; logs 0.8625; six alarms 0.60 and a dashboard 3. Sum 6.4598401
    expect(usd('lambda', { calls: 1e6, sessions: 5e4, freeTier: false })).toBe(6.46)
  })

  it('7: the same on fargate for the public', () => {
    // 65.21 + LCU 5.75 × 0.008 = 0.046 + logs 0.8625 + DynamoDB 0.0625 + 0.00625 + web ACL 1.15 × 0.60 = 0.69 = 66.87725
    expect(usd('fargate', { calls: 1e6, sessions: 5e4, callers: 'public' })).toBe(66.88)
  })

  it('8: the same with a machine token for each session', () => {
    // 66.87725 + 50 k × 2.25/1000 = 112.50. Sum 179.37725
    expect(usd('fargate', { calls: 1e6, sessions: 5e4, callers: 'public', machineTokens: 5e4 })).toBe(179.38)
  })

  it('9: the same on agentcore-runtime, and with an idle time of one minute', () => {
    // CPU (30 k + 75 k) s = 29.16667 h × 0.0895 = 2.610417; memory (45 M + 0.2 M) s = 12,555.56 h × 0.146484375 × 0.00945
    // = 17.380371; logs 0.8625. Sum 20.853288
    expect(usd('agentcore-runtime', { calls: 1e6, sessions: 5e4 })).toBe(20.85)
    // memory (3 M + 0.2 M) s = 888.8889 h × 0.146484375 × 0.00945 = 1.230469. Sum 4.703386
    expect(usd('agentcore-runtime', { calls: 1e6, sessions: 5e4, idleS: 60 })).toBe(4.7)
  })

  it('10: ten million calls, 20 k people, on agentcore-gateway', () => {
    // 11.5 M × 0.005/1000 = 57.50; requests 10.5 M × 0.20 = 2.10; (2 M + 30 k) s × 0.5 = 1.015 M, 615 k GB-s paid = 8.200041
    // logs 17.25 × 0.50 = 8.625; people 10 k paid × 0.015 = 150. Sum 226.425041
    expect(usd('agentcore-gateway', { calls: 1e7, sessions: 5e5, callers: 'public', users: 2e4 })).toBe(226.43)
  })

  it('11: a hundred million calls of 50 ms on lambda', () => {
    // 102 M × 0.20 = 20.40; (5 M + 60 k) s × 0.5 = 2.53 M, 2.13 M GB-s paid × 0.0000133334 = 28.400142
    // 103 M × 4 KB = 412 GB, 312 paid × 0.09 = 28.08; logs 154.5 × 0.50 = 77.25. Sum 154.130142
    expect(usd('lambda', { calls: 1e8, sessions: 1e6, durationMs: 50 })).toBe(154.13)
  })

  it('12: the same on fargate, which then needs four tasks', () => {
    // 100 M × 0.03 s / 2,628,000 s = 1.1416 vCPU / 0.7 / 0.5 = 3.26, so 4 tasks
    // 1,460 vCPU-h × 0.03238 = 47.2748; 2,920 GB-h × 0.00356 = 10.3952; image 0.05; load balancer 16.425; LCU 515 × 0.008 = 4.12;
    // addresses 4 × 3.65 = 14.60; web ACL 10 + 103 × 0.60 = 71.80; secrets 1.60; alarms 1.00; CloudFront 93 M × 1.00 = 93, 412 GB
    // free; logs 77.25; DynamoDB 1.25 + 0.125. Sum 338.89
    expect(usd('fargate', { calls: 1e8, sessions: 1e6, durationMs: 50 })).toBe(338.89)
  })

  it('13: a hundred thousand calls of 20 s on lambda', () => {
    // (2 M + 1,200) s × 0.5 = 1,000,600, 600,600 GB-s paid × 0.0000133334 = 8.00804; logs 160 k × 1.5 KB = 0.24 × 0.50 = 0.12
    expect(usd('lambda', { calls: 1e5, sessions: 2e4, durationMs: 20_000 })).toBe(8.13)
  })

  it('14: a million modern calls that each open a session on agentcore-runtime', () => {
    // CPU (30 k + 1.5 M) s = 425 h × 0.0895 = 38.0375; memory (900 M + 0.2 M) s = 250,055.56 h × 0.146484375 × 0.00945
    // = 346.145508; logs 2 M × 1.5 KB = 3 × 0.50 = 1.50. Sum 385.683008
    expect(usd('agentcore-runtime', { calls: 1e6, era: 'modern' })).toBe(385.68)
  })

  it('15: NAT gateways and paid CloudFront on fargate', () => {
    // tasks 23.6374 + 5.1976; image 0.05; load balancer 16.425; LCU 11.5 M × 5 KB = 57.5 × 0.008 = 0.46; two NAT gateways
    // 1,460 × 0.045 = 65.70, 46 GB × 0.045 = 2.07; addresses 2 × 3.65 = 7.30; CloudFront 46 GB free, 1.5 M × 1.00 = 1.50;
    // logs 8.625; DynamoDB 0.625 + 0.0625; secrets 1.60; alarms 1.00. Sum 134.2525
    expect(usd('fargate', { calls: 1e7, nat: 2, cloudfront: 'payg', waf: false })).toBe(134.25)
  })

  it('16: AgentCore Memory, which is the same everywhere', () => {
    // 0.01 of workload 1 (0.00975) + 10 k events 2.50 + 2 k records 1.50 + 4 k retrievals 2.00. Sum 6.00975
    const memory = { memoryEvents: 1e4, memoryRecords: 2e3, memoryRetrievals: 4e3 }
    expect(usd('lambda', { calls: 1e4, sessions: 1e3, ...memory })).toBe(6.01)
  })

  it('17: searches and indexed tools on agentcore-gateway', () => {
    // workload 4 (0.07475) + 200 k × 0.025/1000 = 5.00 + 500 tools × 0.02/100 = 0.10. Sum 5.17475
    expect(usd('agentcore-gateway', { calls: 1e4, sessions: 1e3, searches: 2e5, tools: 500 })).toBe(5.17)
  })

  it('18: a flat CloudFront plan has the web ACL in its price', () => {
    // 65.21 − web ACL 10 + LCU 0.046 + logs 0.8625 + DynamoDB 0.06875 + Pro plan 15. Sum 71.18725
    expect(usd('fargate', { calls: 1e6, sessions: 5e4, callers: 'public', cloudfront: 'pro' })).toBe(71.19)
  })
})

describe('the figures of docs/choose.md', () => {
  const open = { callers: 'public', lambdaAuth: 'iam' } as const
  it.each<[Partial<Workload> & { calls: number }, number[]]>([
    [{ calls: 1e4, sessions: 1e3 }, [0.01, 65.23, 0.4, 0.07]],
    [{ calls: 1e5, sessions: 5e3, ...open }, [0.09, 65.38, 2.09, 0.66]],
    [{ calls: 1e6, sessions: 5e4, ...open }, [0.89, 66.88, 20.85, 6.64]],
    [{ calls: 1e6, sessions: 5e4, ...open, machineTokens: 5e4 }, [0.89, 179.38, 133.35, 119.14]],
    [{ calls: 1e7, sessions: 5e5, ...open, users: 2e4 }, [18.93, 233.38, 358.53, 226.43]],
    [{ calls: 1e8, sessions: 1e6, durationMs: 50 }, [154.13, 338.89, 565.2, 641.05]],
    [{ calls: 1e5, sessions: 2e4, durationMs: 20_000, cpuMs: 300 }, [8.13, 65.46, 9.3, 8.93]],
    [{ calls: 1e6, era: 'modern' }, [1.7, 69.37, 385.68, 11.7]],
  ])('%j', (given, expected) => {
    expect(platformNames.map((each) => usd(each, given))).toEqual(expected)
  })
})

describe('a price that is missing', () => {
  it('leaves the platform without a sum and says which it is', () => {
    const there = costOf('fargate', workload({ calls: 1e4, region: 'eu-central-1' }), priceBook('eu-central-1'))
    expect(there.usd).toBeUndefined()
    expect(there.missing).toContain('fargate-vcpu-hour-arm64')
  })

  it('comes from the user’s own file when it has it', () => {
    const own = { usd: 0.03725, source: 'AWS price list', date: '2026-11-01' }
    const there = priceBook('eu-central-1', { 'eu-central-1': { 'fargate-vcpu-hour-arm64': own } })
    expect(there.get('fargate-vcpu-hour-arm64')).toMatchObject({ ...own, own: true })
    expect(priceBook('eu-west-1', { 'eu-central-1': { 'logs-gb': own } }).get('logs-gb')).toBeUndefined()
  })

  it('differs by region where it was read', () => {
    expect(priceBook('ap-northeast-1').get('fargate-vcpu-hour-arm64')!.usd).toBe(0.04045)
    expect(priceBook('eu-central-1').get('alb-hour')!.usd).toBe(0.027)
  })
})

describe('the crossover of lambda and fargate', () => {
  /** With k tasks: lambda = a·n − free, fargate = b·n + fixed, so n = (fixed + free) / (a − b); without CloudFront and a web ACL data out and logs are the same. */
  function closedForm({ durationMs, memoryMb, cpuMs, tasks }: Workload): number {
    const gb = memoryMb / 1024
    const a = 1.15 * 0.2e-6 + (durationMs / 1000 + 0.15 * 0.02) * gb * 0.0000133334
    const b = 1.15 * 5e-6 * 0.008 + 0.05 * (2 * 0.625e-6 + 0.125e-6)
    const free = 0.2 + 400_000 * 0.0000133334
    const oneTask = 0.5 * 730 * 0.03238 + 730 * 0.00356 + 730 * 0.005
    const fixed = 730 * 0.0225 + 0.05 + 1.6 + 1
    for (let k = tasks; ; k++) {
      const n = (k * oneTask + fixed + free) / (a - b)
      if (Math.max(tasks, Math.ceil((n * cpuMs) / 1000 / 2_628_000 / 0.7 / 0.5)) <= k) return n
    }
  }

  it.each([
    [200, 512, 30],
    [1000, 1024, 30],
    [50, 256, 5],
    [500, 2048, 100],
  ])('found by bisection equals the closed form: %i ms, %i MB, %i ms CPU', (durationMs, memoryMb, cpuMs) => {
    const whole = workload({ calls: 1e5, durationMs, memoryMb, cpuMs, cloudfront: 'none', waf: false })
    const found = crossover(whole, book, 'lambda', 'fargate')!
    expect(Math.abs(found - closedForm(whole))).toBeLessThanOrEqual(1)
  })

  it('is not there when fargate stays dearer', () => {
    const whole = workload({ calls: 1e5, durationMs: 1_000, cpuMs: 1_000, memoryMb: 128 })
    expect(crossover(whole, book, 'lambda', 'fargate')).toBeUndefined()
  })
})

describe('over two thousand workloads', () => {
  /** mulberry32, from a fixed seed: the same workloads each time. */
  function random(seed: number): () => number {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
    }
  }
  const next = random(20261122)
  const upTo = (most: number) => Math.floor(10 ** (next() * Math.log10(most)))
  const any = <T>(...all: T[]): T => all[Math.floor(next() * all.length)]!
  const workloads = Array.from({ length: 2000 }, () => {
    const durationMs = upTo(900_000)
    const calls = 1 + upTo(1e9)
    return workload({
      calls,
      durationMs,
      cpuMs: next() * durationMs,
      sessions: 1 + Math.floor(next() * (calls - 1)),
      memoryMb: 128 + upTo(10_000),
      callers: 'both',
      users: upTo(1e6),
      machineTokens: upTo(1e7),
      peak: 1 + next() * 9,
      nat: any(0, 1, 2),
      streams: upTo(1e4),
      cloudfront: any('none', 'payg'),
      era: any('legacy', 'modern'),
      architecture: any('arm64', 'x86_64'),
      lambdaAuth: any('iam', 'oauth'),
      freeTier: any(true, false),
      searches: upTo(1e7),
      sessionS: upTo(3600),
    })
  })
  const sum = (platform: Platform, whole: Workload) => exact(costOf(platform, whole, book).items)

  it.each(platformNames)('more calls never cost less on %s', (platform) => {
    for (const whole of workloads) {
      const more = scaled(whole, whole.calls * (1 + next() * 3))
      expect(sum(platform, more)).toBeGreaterThanOrEqual(sum(platform, whole) * (1 - 1e-12))
      expect(sum(platform, { ...whole, calls: whole.calls * 2 })).toBeGreaterThanOrEqual(
        sum(platform, whole) * (1 - 1e-12),
      )
    }
  })

  it.each(platformNames)('the free tier never costs more on %s', (platform) => {
    for (const whole of workloads)
      expect(sum(platform, { ...whole, freeTier: true })).toBeLessThanOrEqual(
        sum(platform, { ...whole, freeTier: false }),
      )
  })

  it('the tasks are never fewer than were asked for', () => {
    for (const whole of workloads) expect(taskCount(whole)).toBeGreaterThanOrEqual(whole.tasks)
  })
})
