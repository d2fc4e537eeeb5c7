import { Agent, request } from 'node:http'
import type { Credentials } from '../../src/auth/sigv4/credentials.ts'
import { sign } from '../../src/auth/sigv4/sign.ts'

export interface Call {
  headers: Record<string, string>
  body: string
}

const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const params = { name: 'echo', arguments: { text: 'hello' } }

/** The same tool call in each era. */
export const toolCalls: Record<'modern' | 'legacy', Call> = {
  legacy: {
    headers: { ...accept, 'mcp-protocol-version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  },
  modern: {
    headers: { ...accept, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
        },
      },
    }),
  },
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** Sends one call and reads its whole answer. Throws when it is not a good one. */
export async function send(url: string, call: Call, credentials?: Credentials, service = 'lambda'): Promise<void> {
  const { host, pathname, search } = new URL(url)
  const rawHeaders = ['host', host, ...Object.entries(call.headers).flat()]
  const signed = credentials
    ? sign({ method: 'POST', target: pathname + search, rawHeaders, body: Buffer.from(call.body) }, credentials, {
        service,
        region: 'us-east-1',
      })
    : {}
  await new Promise<void>((resolve, reject) => {
    const req = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { ...call.headers, ...signed, 'content-length': Buffer.byteLength(call.body) },
      },
      (res) => {
        let text = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => (text += chunk))
        res.on('end', () =>
          res.statusCode === 200 && text.includes('hello')
            ? resolve()
            : reject(new Error(`${res.statusCode}: ${text.slice(0, 200)}`)),
        )
      },
    )
    req.on('error', reject)
    req.end(call.body)
  })
}

/** As many calls as there are, over `connections` at once, each sent when the one before has been answered. Calls a second. */
export async function closedLoop(count: number, connections: number, one: () => Promise<void>): Promise<number> {
  const started = performance.now()
  let left = count
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left-- > 0) await one()
    }),
  )
  return (count / (performance.now() - started)) * 1000
}

/** Calls at a fixed rate, whether or not the ones before were answered: waiting is part of the latency. Milliseconds, sorted. */
export async function openLoop(
  perSecond: number,
  count: number,
  one: () => Promise<void>,
): Promise<{ latencies: number[]; lateness: number }> {
  const started = performance.now()
  let lateness = 0
  const calls = Array.from({ length: count }, async (_, at) => {
    const due = started + (at * 1000) / perSecond
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
    lateness = Math.max(lateness, performance.now() - due)
    const sent = performance.now()
    await one()
    return performance.now() - sent
  })
  return { latencies: (await Promise.all(calls)).toSorted((a, b) => a - b), lateness }
}
