// Signing and verifying, CPU a request, in this process.
import aws4 from 'aws4'
import { sign } from '../src/auth/sigv4/sign.ts'
import { verify } from '../src/auth/sigv4/verify.ts'
import { median, type Row } from './support/table.ts'

const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret', sessionToken: 'a-token' }
const body = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: 'hello' } },
  }),
)
const rawHeaders = [
  'host',
  '127.0.0.1:4101',
  'content-type',
  'application/json',
  'accept',
  'application/json, text/event-stream',
  'user-agent',
  'bench',
]
const scope = { service: 'lambda', region: 'us-east-1' }

export async function sigv4(quick: boolean): Promise<Row[]> {
  const request = { method: 'POST', target: '/mcp', rawHeaders, body }
  const signed = {
    ...request,
    rawHeaders: [...rawHeaders, ...Object.entries(sign(request, credentials, scope)).flat()],
  }
  const work = {
    verify: () => {
      if (!verify(signed, { ...scope, lookup: () => credentials }).ok) throw new Error('refused')
    },
    sign: () => sign(request, credentials, scope),
    aws4: () =>
      aws4.sign(
        {
          host: '127.0.0.1:4101',
          path: '/mcp',
          method: 'POST',
          ...scope,
          body: body.toString(),
          headers: { 'content-type': 'application/json' },
        },
        credentials,
      ),
  }
  const cpu: Record<string, number[]> = {}
  for (let round = 0; round < (quick ? 5 : 15); round++)
    for (const [name, one] of Object.entries(work)) (cpu[name] ??= []).push(perCall(one, quick ? 2000 : 10_000))
  const of = (name: keyof typeof work) => median(cpu[name]!.slice(1))
  return [
    { name: 'sigv4: CPU to verify a request, key cached', measured: of('verify'), unit: 'µs', goal: { atMost: 25 } },
    {
      name: 'sigv4: CPU to sign, over aws4',
      measured: of('sign') / of('aws4'),
      unit: '×',
      goal: { atMost: 1 },
      note: `${of('sign').toFixed(1)} and ${of('aws4').toFixed(1)} µs`,
    },
  ]
}

function perCall(one: () => unknown, times: number): number {
  const before = process.cpuUsage()
  for (let at = 0; at < times; at++) one()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
