// What keeping requests costs the healthy path, and how long a cause takes to find: CPU, in this process.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sign } from '../src/auth/sigv4/sign.ts'
import { explainSigv4 } from '../src/explain/sigv4.ts'
import { RequestLog } from '../src/local/requests.ts'
import { median, type Row } from './support/table.ts'

const key = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret', sessionToken: 'a-token'.repeat(40) }
const scope = { service: 'lambda', region: 'us-east-1' }
const headers = [
  'host',
  '127.0.0.1:4101',
  'content-type',
  'application/json',
  'accept',
  'application/json, text/event-stream',
  'user-agent',
  'bench',
]

function signed(body: Buffer, secretAccessKey = key.secretAccessKey) {
  const request = { method: 'POST', target: '/mcp', rawHeaders: headers, body }
  return [...headers, ...Object.entries(sign(request, { ...key, secretAccessKey }, scope)).flat()]
}

export async function explain(quick: boolean): Promise<Row[]> {
  const dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'fairlead-bench-')))
  const [without, kept] = dirs.map((dir) => new RequestLog(dir, () => {})) as [RequestLog, RequestLog]
  const body = Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'hello' } },
    }),
  )
  const rawHeaders = signed(body)
  const record = {
    id: 'b8a3f0f5-61c6-4f3e-9a3e-7d3b8e9d1c11',
    at: Date.now(),
    platform: 'lambda' as const,
    method: 'POST',
    path: '/mcp',
    status: 200,
    ms: 1,
    requestBytes: body.byteLength,
    responseBytes: 100,
  }
  const cpu = { without: [] as number[], kept: [] as number[] }
  const times = quick ? 2000 : 10_000
  for (let round = 0; round < (quick ? 7 : 21); round++) {
    cpu.without.push(
      perCall(
        () => without.add(record),
        () => without.flush(),
        times,
      ),
    )
    cpu.kept.push(
      perCall(
        () => kept.add(record, { target: '/mcp', rawHeaders, body }),
        () => kept.flush(),
        times,
      ),
    )
  }
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
  const large = Buffer.from(JSON.stringify({ text: 'x'.repeat(100_000) }))
  const wrong = { method: 'POST', target: '/mcp', rawHeaders: signed(large, 'another'), body: large, at: Date.now() }
  const search = Array.from(
    { length: quick ? 10 : 40 },
    () =>
      perCall(
        () => explainSigv4(wrong, { ...scope, keys: [key] }),
        () => {},
        1,
      ) / 1000,
  )
  return [
    {
      name: 'explain: CPU to keep a request that was let in',
      measured: median(cpu.kept) - median(cpu.without),
      unit: 'µs',
      goal: { atMost: 20 },
      note: `${median(cpu.without).toFixed(1)} without, ${median(cpu.kept).toFixed(1)} with`,
    },
    {
      name: 'explain: CPU to try every cause, a body of 100 kB',
      measured: median(search),
      unit: 'ms',
      goal: { atMost: 20 },
    },
  ]
}

function perCall(one: () => unknown, after: () => void, times: number): number {
  const before = process.cpuUsage()
  for (let at = 0; at < times; at++) one()
  after()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
