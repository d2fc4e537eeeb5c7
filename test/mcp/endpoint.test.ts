import { McpServer } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, it } from 'vitest'
import { request } from 'node:http'
import { connect } from 'node:net'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint, type EndpointOptions, type LogEntry } from '../../src/mcp/endpoint.ts'
import { isDeeperThan } from '../../src/mcp/json-rpc.ts'
import contract from '../fixtures/contract-server.ts'
import { logged } from '../support/log-capture.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(factory = contract, options: EndpointOptions = {}) {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory }, options)
  const server = await listen(endpoint.fetch)
  closers.push(async () => {
    await server.close()
    await endpoint.close()
  })
  return { endpoint, url: `${server.url}/mcp`, port: server.port, origin: server.url }
}

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const post = (url: string, body: unknown) => fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })

describe('an endpoint', () => {
  it('gives a list that depends on the caller to that caller alone', async () => {
    const { url } = await start(
      (context) => new McpServer({ name: context.era, version: '1' }, { capabilities: { tools: {} } }),
    )
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: meta } }),
    })
    expect(await response.json()).toMatchObject({ result: { ttlMs: 60_000, cacheScope: 'private' } })
  })

  it('writes to its log what a tool threw, under the id that the client got', async () => {
    const entries: LogEntry[] = []
    const { url } = await start(contract, { log: (entry) => entries.push(logged(entry)) })
    const text = await (
      await post(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'fail', arguments: {} } })
    ).text()
    expect(entries[0]).toMatchObject({
      level: 'error',
      tool: 'fail',
      message: expect.stringContaining('hunter2') as string,
    })
    expect(text).toContain(entries[0]!.logId)
  })

  it('answers its health path to anyone, and 503 while it drains', async () => {
    const { endpoint, url, origin } = await start()
    expect((await fetch(`${origin}/healthz`)).status).toBe(200)
    endpoint.drain()
    expect((await fetch(`${origin}/healthz`)).status).toBe(503)
    const refused = await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
  })

  it('refuses a Host that was rebound to loopback', async () => {
    const { port } = await start()
    const status = await new Promise((resolve) => {
      const call = request(
        { host: '127.0.0.1', port, path: '/mcp', method: 'POST', headers: { ...headers, host: 'evil.example' } },
        (response) => resolve(response.statusCode),
      )
      call.end('{}')
    })
    expect(status).toBe(403)
  })

  it('allows a preflight the headers that a tool’s parameters have', async () => {
    const { url } = await start()
    const response = await fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:3000',
        'access-control-request-headers': 'content-type, mcp-param-region, x-evil',
      },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-headers')).toContain('mcp-param-region')
    expect(response.headers.get('access-control-allow-headers')).not.toContain('x-evil')
  })

  it('refuses a body that is larger than it may be', async () => {
    const { url } = await start(contract, { maxBodyBytes: 1000 })
    expect((await post(url, { text: 'x'.repeat(2000) })).status).toBe(413)
  })

  it('gives 1,000 interleaved callers their own answers and no one else’s', async () => {
    const { url } = await start()
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, at) => {
        const call = {
          jsonrpc: '2.0',
          id: at % 7,
          method: 'tools/call',
          params: { name: 'echo', arguments: { text: `caller ${at}` } },
        }
        return (await (await post(url, call)).json()) as { id: number; result: { content: { text: string }[] } }
      }),
    )
    expect(answers.map(({ id, result }) => [id, result.content[0]!.text])).toEqual(
      Array.from({ length: 1000 }, (_, at) => [at % 7, `caller ${at}`]),
    )
  })

  it('tells a tool that its client has gone', async () => {
    let stopped: () => void = () => {}
    const gone = new Promise<void>((resolve) => (stopped = resolve))
    let begun: () => void = () => {}
    const started = new Promise<void>((resolve) => (begun = resolve))
    const { url } = await start(() => {
      const server = new McpServer({ name: 'wait', version: '1' })
      server.registerTool('wait', {}, async (context) => {
        context.mcpReq.signal.addEventListener('abort', () => stopped())
        begun()
        return new Promise(() => {})
      })
      return server
    })
    const client = new AbortController()
    const call = fetch(url, {
      method: 'POST',
      headers,
      signal: client.signal,
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } }),
    })
    await started
    client.abort()
    await expect(call).rejects.toThrow()
    await gone
  })

  it.each([
    ['half a request', 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"half":', undefined],
    [
      'a folded header',
      'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\n{}',
      '400',
    ],
    ['two lengths', 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', '400'],
    ['a huge header', `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`, '431'],
    ['what is not HTTP', 'hello\r\n\r\n', '400'],
  ])('outlives %s', async (_name, bytes, status) => {
    const { port, origin } = await start()
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => {})
    socket.write(bytes)
    if (status) await new Promise((resolve) => socket.once('close', resolve))
    socket.destroy()
    if (status) expect(answer).toContain(`HTTP/1.1 ${status}`)
    expect((await fetch(`${origin}/healthz`)).status).toBe(200)
  })
})

describe('the depth of JSON', () => {
  it.each([
    ['[[1]]', 2, false],
    ['[[[1]]]', 2, true],
    ['{"a":{"b":"[[[[{{{{"}}', 2, false],
    ['["\\"[[[["]', 1, false],
  ])('of %s is deeper than %i: %s', (json, max, deeper) => {
    expect(isDeeperThan(Buffer.from(json), max)).toBe(deeper)
  })
})
