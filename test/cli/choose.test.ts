import { appendFile, mkdtemp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RequestLog } from '../../src/local/requests.ts'
import { servePriceList, type ServedList } from '../choose/offers.ts'
import { fairlead } from './support.ts'

let dir: string
let list: ServedList
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-choose-'))
  list = await servePriceList()
})
afterAll(async () => {
  await list.close()
  await rm(dir, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  fairlead(args, { cwd: dir, env: { FAIRLEAD_PRICES: join(dir, 'own', 'prices.json'), NO_COLOR: '1' } })

interface Answer {
  ok: boolean
  data: Record<string, unknown> & {
    platform: string
    ranking: { platform: string }[]
    platforms: {
      platform: string
      usd: number | null
      items: { usd: number; price: { source: string; date: string } }[]
    }[]
  }
  error: { code: string; message: string; fix: string }
}

async function json(...args: string[]): Promise<{ code: number | null } & Answer> {
  const { code, stdout } = await run(...args, '--json')
  expect(stdout.trim().split('\n')).toHaveLength(1)
  return { code, ...(JSON.parse(stdout) as Answer) }
}

describe('fairlead choose, outside any project', () => {
  it('answers with the first choice and the ranking of the rest', async () => {
    const flags = '--calls 100k/month --bursty --duration 200ms --memory 512 --session 10m --state none --callers aws'
    const { code, ok, data } = await json('choose', ...flags.split(' '), '--existing', 'none', '--streams', '0')
    expect([code, ok, data.platform]).toEqual([0, true, 'lambda'])
    expect(data.ranking).toHaveLength(3)
    expect(data).toMatchObject({ rule: 'R1', auth: 'IAM', usd: 0.09, next: { command: 'fairlead dev' } })
  })

  it('takes all the flags that the rules know', async () => {
    const flags = '--calls 2/second --state managed --callers both --existing lambdas,openapi --multi-tenant'
    expect((await json('choose', ...flags.split(' '))).data).toMatchObject({
      platform: 'agentcore-gateway',
      rule: 'R2',
    })
  })

  it('names the flag of an answer that is missing where there is no terminal', async () => {
    const { code, error } = await json('choose', '--calls', '100k', '--state', 'none')
    expect([code, error.code]).toEqual([2, 'USAGE'])
    expect(error.message).toMatch(/--callers is missing/)
  })

  it('fits 80 columns', async () => {
    const { stdout } = await run(
      'choose',
      ...'--calls 5M --callers public --state session --machine-tokens 1M'.split(' '),
    )
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toMatch(/^agentcore-runtime with JWT {3}\(R3\)/)
  })

  it.each([
    ['--callers awss', 'USAGE', /did you mean aws/],
    ['--callers aws --calls -5', 'WORKLOAD_INVALID', /not an amount/],
    ['--callers aws --duration 200', 'WORKLOAD_INVALID', /not a length of time/],
    ['--callers aws --existing lambda', 'USAGE', /did you mean lambdas/],
    ['--callers aws --session 2h', 'WORKLOAD_INVALID', /contradict/],
    ['--callers aws --region us-east-9', 'WORKLOAD_INVALID', /did you mean us-east-1/],
  ])('refuses %s', async (flags, code, message) => {
    const answer = await json('choose', '--calls', '1k', '--state', 'none', ...flags.split(' '))
    expect([answer.code, answer.error.code]).toEqual([2, code])
    expect(answer.error.message).toMatch(message)
  })
})

describe('fairlead cost, outside any project', () => {
  it('gives items with price, source and date for each platform', async () => {
    const { data } = await json('cost', '--calls', '1M')
    expect(data.platforms.map(({ platform, usd }) => [platform, usd])).toEqual([
      ['lambda', 0.89],
      ['fargate', 66.88],
      ['agentcore-runtime', 20.85],
      ['agentcore-gateway', 6.64],
    ])
    for (const { items } of data.platforms)
      for (const { price } of items)
        expect(price).toMatchObject({ source: expect.any(String), date: expect.any(String) })
  })

  it('needs the calls', async () => {
    const { code, error } = await json('cost')
    expect([code, error.code]).toEqual([2, 'USAGE'])
    expect(error.message).toMatch(/--calls/)
  })

  it('draws the chart in 80 columns, without colour, and writes it as SVG', async () => {
    const file = join(dir, 'chart.svg')
    const { stdout } = await run(
      'cost',
      '--calls',
      '1M',
      '--duration',
      '1s',
      '--memory',
      '1024',
      '--chart',
      '--svg',
      file,
    )
    // The documentation's chart is this one.
    expect(await readFile(new URL('../../docs/choose.svg', import.meta.url), 'utf8')).toBe(await readFile(file, 'utf8'))
    expect(stdout).not.toContain('\u001b')
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toMatch(/from 5.53 M calls a month fargate costs less than lambda/)
    const svg = await readFile(file, 'utf8')
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg.match(/<polyline/g)).toHaveLength(4)
    expect(svg).toContain('fargate costs less than lambda from 5.53 M calls')
    expect(svg).not.toMatch(/NaN|undefined|<script/)
  })

  it('says a price that is missing, and fails only when no platform is left', async () => {
    const { code, data } = await json('cost', '--calls', '1M', '--region', 'eu-central-1')
    expect(code).toBe(0)
    expect(data.platforms[1]).toMatchObject({ platform: 'fargate', usd: null })
    const none = await json('cost', '--calls', '1M', '--region', 'eu-west-2')
    expect([none.code, none.error.code]).toEqual([2, 'PRICE_MISSING'])
    expect(none.error.fix).toBe('fairlead prices refresh --region eu-west-2')
  })

  it('without the free tier it is dearer', async () => {
    const { data } = await json('cost', '--calls', '1M', '--no-free-tier', '--on', 'lambda')
    expect(data.platforms.map(({ usd }) => usd)).toEqual([6.46])
  })
})

describe('fairlead cost --from-traffic', () => {
  const line = (at: number, tool?: string) =>
    JSON.stringify({ at, platform: 'lambda', ms: tool ? 100 : 5, requestBytes: 1000, responseBytes: 4000, tool })

  async function recorded(name: string, lines: string[]): Promise<string> {
    await mkdir(join(dir, name, '.fairlead'), { recursive: true })
    await writeFile(join(dir, name, 'fairlead.config.ts'), 'export default { name: "x", platforms: {} }')
    const file = join(dir, name, '.fairlead', 'traffic.jsonl')
    await writeFile(file, lines.join('\n'))
    return join(dir, name)
  }

  it('scales a window to a month, with the file before it, and says how long it was', async () => {
    // 20 tool calls in two sessions within an hour: 730 times as many a month.
    const start = Date.parse('2026-11-01T00:00:00Z')
    const project = await recorded('hour', [])
    const state = join(project, '.fairlead')
    const log = new RequestLog(state, () => {})
    const add = (at: number, tool?: string) =>
      log.add({
        id: 'x',
        at,
        platform: 'lambda',
        method: 'POST',
        path: '/mcp',
        status: 200,
        ms: tool ? 100 : 5,
        requestBytes: 1000,
        responseBytes: 4000,
        ...(tool ? { tool } : {}),
      })
    for (let at = 0; at < 6; at++) add(start + at)
    for (let at = 0; at < 10; at++) add(start + (at * 3_600_000) / 19, 'echo')
    log.flush()
    await rename(join(state, 'traffic.jsonl'), join(state, 'traffic.jsonl.1'))
    for (let at = 10; at < 20; at++) add(start + (at * 3_600_000) / 19, 'echo')
    log.flush()
    await appendFile(join(state, 'traffic.jsonl'), '{"at": 17')
    const { data } = await json('cost', '--from-traffic', '--project', project)
    expect(data['traffic']).toMatchObject({ records: 26, toolCalls: 20, windowS: 3600, skipped: 1 })
    expect(data['workload']).toMatchObject({
      calls: 14_600,
      sessions: 1460,
      durationMs: 100,
      requestKb: 1,
      responseKb: 4,
    })
    const { stdout } = await run('cost', '--from-traffic', '--project', project)
    expect(stdout).toMatch(/From 26 requests \(20 tool calls\) in 60.0 minutes/)
    expect(stdout).toMatch(/left out: 1/)
  })

  it.each([
    ['no file', 0, 0, /no recorded request/],
    ['three calls', 3, 3_600_000, /3 tool calls, and 10 are the least/],
    ['half a minute', 20, 30_000, /span 30.0 s, and 60 s/],
  ])('refuses too little: %s', async (name, count, windowMs, message) => {
    const calls = Array.from({ length: count }, (_, at) =>
      line(1e12 + (at * windowMs) / Math.max(1, count - 1), 'echo'),
    )
    const { code, error } = await json('cost', '--from-traffic', '--project', await recorded(name, calls))
    expect([code, error.code]).toEqual([2, 'TRAFFIC_TOO_LITTLE'])
    expect(error.message).toMatch(message)
  })
})

describe('fairlead prices', () => {
  it('lists each price with unit, source and date', async () => {
    const { data } = await json('prices')
    expect(data['missing']).toEqual([])
    expect((data['prices'] as unknown[]).length).toBeGreaterThan(30)
  })

  it('refresh writes the user’s own file, says what differs, and every answer then says whose prices it used', async () => {
    const before = await json('cost', '--calls', '1M', '--region', 'eu-central-1', '--on', 'fargate')
    expect(before.error.code).toBe('PRICE_MISSING')
    const { code, data } = await json('prices', 'refresh', '--region', 'eu-central-1', '--from', list.url)
    expect(code).toBe(0)
    expect(data['file']).toBe(join(dir, 'own', 'prices.json'))
    expect(data['changed']).toContainEqual({ key: 'fargate-vcpu-hour-arm64', before: null, after: 0.03725 })
    const { stdout, stderr } = await run('cost', '--calls', '1M', '--region', 'eu-central-1', '--lambda-auth', 'iam')
    expect(stdout).toMatch(/730 vCPU-hours × \$0.03725/)
    expect(stderr).toMatch(/of the prices are your own, from .*own\/prices.json/)
  })

  it('refresh that fails leaves the file as it was', async () => {
    const file = join(dir, 'own', 'prices.json')
    const was = await readFile(file, 'utf8')
    const { code, error } = await json('prices', 'refresh', '--from', 'http://127.0.0.1:1')
    expect([code, error.code]).toEqual([4, 'UNREACHABLE'])
    expect(await readFile(file, 'utf8')).toBe(was)
  })

  it('refuses a file of its own that is broken', async () => {
    await writeFile(join(dir, 'own', 'prices.json'), '{"regions":{"us-east-1":{"lambda-request":{"usd":-1}}}}')
    const { code, error } = await json('cost', '--calls', '1M')
    expect([code, error.code]).toEqual([2, 'PRICES_INVALID'])
    expect(error.message).toMatch(/lambda-request/)
  })
})
