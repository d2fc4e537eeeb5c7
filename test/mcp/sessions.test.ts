import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { made } from '../fixtures/session-server.ts'
import { call, connect, headers, open, ping, post, startTask } from './support/tasks.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(...options: Parameters<typeof startTask>) {
  const task = await startTask(...options)
  closers.push(task.close)
  return task
}

async function client(...options: Parameters<typeof connect>) {
  const connected = await connect(...options)
  closers.push(async () => connected.client.close())
  return connected
}

const tool = (name: string, id: number | string = 2) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
})

describe('a session', () => {
  it('lets a tool ask its client, and its client’s model', async () => {
    const { url } = await start()
    const { client: it } = await client(url)
    expect(await call(it, 'ask')).toBe('Hello Ada')
    expect(await call(it, 'sample')).toContain('Paris')
  })

  it('serves clients of the SDK before', async () => {
    const { url } = await start()
    const old = new ClientV1({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } })
    old.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Grace' } }))
    await old.connect(new TransportV1(new URL(url)))
    closers.push(async () => old.close())
    expect(await old.callTool({ name: 'ask', arguments: {} })).toMatchObject({ content: [{ text: 'Hello Grace' }] })
  })

  it('keeps log level and subscriptions, and tells news on the stream of its own', async () => {
    const { url } = await start()
    const { client: it } = await client(url)
    const logged: unknown[] = []
    const updated = new Promise((resolve) => {
      it.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri))
    })
    it.setNotificationHandler('notifications/message', ({ params }) => void logged.push(params.data))
    await it.setLoggingLevel('error')
    await it.subscribeResource({ uri: 'test://one' })
    await call(it, 'log')
    expect(logged).toEqual(['loud'])
    await call(it, 'change')
    expect(await updated).toBe('test://one')
  })

  it('is 400 without an id, 404 with an unknown one, and ends with DELETE', async () => {
    const { url } = await start()
    expect((await post(url, ping)).status).toBe(400)
    expect((await post(url, ping, { 'mcp-session-id': 'unknown' })).status).toBe(404)
    const { id } = await open(url)
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(200)
    expect((await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': id } })).status).toBe(200)
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(404)
  })

  it('of one caller does not exist for another', async () => {
    const { url } = await start()
    const { id } = await open(url, { 'x-caller': 'ada' })
    const as = (caller: string) => ({ 'x-caller': caller, 'mcp-session-id': id })
    expect((await post(url, ping, as('ada'))).status).toBe(200)
    expect((await post(url, ping, as('grace'))).status).toBe(404)
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(404)
    const stream = await fetch(url, { headers: { accept: 'text/event-stream', ...as('grace') } })
    expect(stream.status).toBe(404)
    expect((await fetch(url, { method: 'DELETE', headers: as('grace') })).status).toBe(404)
    expect((await post(url, ping, as('ada'))).status).toBe(200)
  })

  it('takes batches of 2025-03-26', async () => {
    const { url } = await start()
    const { id } = await open(url, {}, '2025-03-26')
    const answer = await post(url, [ping, { ...ping, id: 2 }], { 'mcp-session-id': id })
    const text = await answer.text()
    expect(text).toContain('"id":1')
    expect(text).toContain('"id":2')
  })

  it('goes on where a stream was cut: Last-Event-ID', async () => {
    const { url } = await start()
    const { id } = await open(url)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const first = await (await post(url, tool('cut'), session)).text()
    expect(first).not.toContain('after the cut')
    const [, last] = /^id: (\S+)/m.exec(first)!
    expect(first).toContain('retry: 1000')
    const again = await fetch(url, { headers: { accept: 'text/event-stream', 'last-event-id': last!, ...session } })
    expect(await again.text()).toContain('after the cut')
  })

  it('keeps no more messages for a client that comes back than it may', async () => {
    const { url } = await start({ sessions: { events: { count: 3 } } })
    const { id } = await open(url)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    for (let at = 0; at < 10; at++) await (await post(url, tool('change', at), session)).text()
    const resume = new AbortController()
    const again = await fetch(url, {
      headers: { accept: 'text/event-stream', 'last-event-id': '1._GET_stream', ...session },
      signal: resume.signal,
    })
    const { value } = await again.body!.getReader().read()
    resume.abort()
    expect(
      Buffer.from(value)
        .toString()
        .match(/list_changed/g)!.length,
    ).toBeLessThanOrEqual(3)
  })

  it('keeps no more of all sessions together either: what was used longest ago goes first', async () => {
    const { url } = await start({ sessions: { maxEventBytes: 2000 } })
    const kept = async (id: string) => {
      const resume = new AbortController()
      const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
      await (await post(url, tool('change'), session)).text()
      const last = { 'last-event-id': '1._GET_stream', accept: 'text/event-stream' }
      const reader = (await fetch(url, { headers: { ...last, ...session }, signal: resume.signal })).body!.getReader()
      const text = Buffer.from((await reader.read()).value as Uint8Array).toString()
      resume.abort()
      return text.match(/list_changed/g)!.length
    }
    const [a, b] = [await open(url), await open(url)]
    for (let at = 0; at < 5; at++) await (await post(url, tool('change', at), { 'mcp-session-id': a.id })).text()
    for (let at = 0; at < 10; at++) await (await post(url, tool('change', at), { 'mcp-session-id': b.id })).text()
    expect(await kept(a.id)).toBe(1)
  })

  it('ends the stream of a client that does not read, which may come back', async () => {
    const { url, port } = await start({ factory: talkative })
    const { id } = await open(url)
    const socket = createConnection(port, '127.0.0.1')
    closers.push(async () => void socket.destroy())
    socket.pause()
    socket.write(`GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const news = async () => fetch(url, { headers: { accept: 'text/event-stream', ...session } })
    await expect.poll(async () => (await news()).status).toBe(409)
    await (await post(url, tool('talk'), session)).text()
    await expect.poll(async () => (await news()).status, { timeout: 5000 }).toBe(200)
  })

  it('ends a stream whose request was cancelled', async () => {
    const { url } = await start()
    const { id } = await open(url)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const asked = await post(url, tool('sample', 'long'), session)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'long' } }
    expect((await post(url, cancel, session)).status).toBe(202)
    await asked.text()
  })

  it('leaves 2026-07-28 as it is, and lets pages use GET and DELETE', async () => {
    const { url } = await start()
    const modern = { 'mcp-protocol-version': '2026-07-28', accept: 'text/event-stream' }
    expect((await fetch(url, { headers: modern })).status).toBe(405)
    const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'http://localhost:1' } })
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE, OPTIONS')
  })

  it('refuses to begin with more than it keeps', async () => {
    const { url } = await start()
    const large = { protocolVersion: '2025-11-25', capabilities: { experimental: { x: { y: 'z'.repeat(70_000) } } } }
    const begin = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { ...large, clientInfo: {} } }
    expect((await post(url, begin)).status).toBe(413)
    expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).status).toBe(400)
  })
})

describe('sessions are bounded', () => {
  it('in time: one that is idle too long is gone', async () => {
    let clock = Date.now()
    const { url } = await start({ sessions: { idleS: 60, now: () => clock } })
    const { id } = await open(url)
    clock += 59_000
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(200)
    clock += 59_000
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(200)
    clock += 60_000
    expect((await post(url, ping, { 'mcp-session-id': id })).status).toBe(404)
  })

  it('in number: the idle one that was used longest ago goes first', async () => {
    const { url } = await start({ sessions: { max: 2 } })
    const [a, b] = [await open(url), await open(url)]
    await (await post(url, ping, { 'mcp-session-id': a.id })).text()
    const c = await open(url)
    const statuses = await Promise.all(
      [a, b, c].map(async ({ id }) => (await post(url, ping, { 'mcp-session-id': id })).status),
    )
    expect(statuses).toEqual([200, 404, 200])
  })

  it('and one that is in use is kept: what is new is told to come later', async () => {
    const { url } = await start({ sessions: { max: 1 } })
    const { id } = await open(url)
    const stop = new AbortController()
    await fetch(url, { headers: { accept: 'text/event-stream', 'mcp-session-id': id }, signal: stop.signal })
    expect((await open(url)).status).toBe(503)
    stop.abort()
    await expect.poll(async () => (await open(url)).status).toBe(200)
  })

  it('for each caller: one that opens many ends its own', async () => {
    const { url } = await start({ sessions: { max: 10, maxPerPrincipal: 2 } })
    const ada = await open(url, { 'x-caller': 'ada' })
    const greedy = []
    for (let at = 0; at < 12; at++) greedy.push(await open(url, { 'x-caller': 'eve' }))
    expect((await post(url, ping, { 'x-caller': 'ada', 'mcp-session-id': ada.id })).status).toBe(200)
    expect((await post(url, ping, { 'x-caller': 'eve', 'mcp-session-id': greedy[0]!.id })).status).toBe(404)
  })
})

describe('a server that was dropped', () => {
  it('is made again with everything that was negotiated', async () => {
    const { url } = await start({ sessions: { maxLive: 0 } })
    const { client: it } = await client(url, { fetch: noStream })
    await it.setLoggingLevel('error')
    await it.subscribeResource({ uri: 'test://one' })
    await it.subscribeResource({ uri: 'test://two' })
    await it.unsubscribeResource({ uri: 'test://one' })
    const before = made.count
    const known = JSON.parse(await call(it, 'known')) as Record<string, unknown>
    expect(made.count).toBe(before + 1)
    expect(known).toMatchObject({
      client: { name: 'test', version: '7' },
      capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } },
      revision: '2025-11-25',
      watched: ['test://two'],
    })
    const logged: unknown[] = []
    it.setNotificationHandler('notifications/message', ({ params }) => void logged.push(params.data))
    await call(it, 'log')
    expect(logged).toEqual(['loud'])
    expect(await call(it, 'ask')).toBe('Hello Ada')
  })

  it('uses no id twice for what it asks', async () => {
    const { url } = await start({ sessions: { maxLive: 0 } })
    const ids: unknown[] = []
    const { client: it } = await client(url, { fetch: noStream })
    const ask = it.transport!.onmessage!
    Object.assign(it.transport!, {
      onmessage: (message: { method?: string; id?: number }, extra: never) => {
        if (message.method) ids.push(message.id)
        ask(message as never, extra)
      },
    })
    for (let round = 0; round < 3; round++) await call(it, 'ask')
    expect(new Set(ids).size).toBe(3)
  })

  it('is not dropped while a stream is open', async () => {
    const { url } = await start({ sessions: { maxLive: 0 } })
    const { id } = await open(url)
    const stop = new AbortController()
    const session = { 'mcp-session-id': id }
    const stream = await fetch(url, { headers: { accept: 'text/event-stream', ...session }, signal: stop.signal })
    const before = made.count
    await (await post(url, tool('change'), session)).text()
    await (await post(url, tool('change'), session)).text()
    expect(made.count).toBeLessThanOrEqual(before + 1)
    const { value } = await stream.body!.getReader().read()
    expect(Buffer.from(value).toString()).toContain('tools/list_changed')
    stop.abort()
  })

  it('is made once for requests that come at once', async () => {
    const { url } = await start({ sessions: { maxLive: 1 } })
    const { id } = await open(url)
    await open(url)
    const before = made.count
    const answers = await Promise.all(
      [1, 2, 3].map(async (at) => (await post(url, tool('who', at), { 'mcp-session-id': id })).text()),
    )
    expect(answers.every((text) => text.includes('nobody'))).toBe(true)
    expect(made.count).toBe(before + 1)
  })
})

describe('a stop', () => {
  it('ends streams so that clients come back, and lets a call finish with its client’s answer', async () => {
    const { url, endpoint } = await start()
    const { id } = await open(url)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const other = await open(url)
    const news = await fetch(url, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': other.id },
    })
    const asking = (
      await post(url, {
        jsonrpc: '2.0',
        id: 'init',
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { elicitation: {} },
          clientInfo: { name: 'a', version: '1' },
        },
      })
    ).headers.get('mcp-session-id')!
    const asked = await post(url, tool('ask'), { ...session, 'mcp-session-id': asking })
    const reader = asked.body!.getReader()
    let said = ''
    while (!said.includes('elicitation/create'))
      said += Buffer.from((await reader.read()).value as Uint8Array).toString()
    endpoint.drain()
    expect(await news.text()).toContain('retry: 1000')
    expect((await post(url, ping, session)).status).toBe(404)
    expect((await post(url, ping, { ...session, 'mcp-session-id': asking })).status).toBe(503)
    expect((await open(url)).status).toBe(503)
    const [, request] = /"id":(\d+)/.exec(said.slice(said.indexOf('elicitation/create') - 200))!
    const answer = { jsonrpc: '2.0', id: Number(request), result: { action: 'accept', content: { name: 'Late' } } }
    expect((await post(url, answer, { ...session, 'mcp-session-id': asking })).status).toBe(202)
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      said += Buffer.from(value).toString()
    }
    expect(said).toContain('Hello Late')
  })

  it('leaves the stream of a call that its client has resumed', async () => {
    const { url, endpoint } = await start()
    const begin = {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'a', version: '1' },
    }
    const begun = await post(url, { jsonrpc: '2.0', id: 'init', method: 'initialize', params: begin })
    const id = begun.headers.get('mcp-session-id')!
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const asked = await post(url, tool('ask'), session)
    const reader = asked.body!.getReader()
    let said = ''
    while (!said.includes('elicitation/create'))
      said += Buffer.from((await reader.read()).value as Uint8Array).toString()
    await reader.cancel()
    const last = [...said.matchAll(/^id: (\S+)/gm)].at(-1)![1]!
    const resume = async () =>
      fetch(url, { headers: { accept: 'text/event-stream', 'last-event-id': last, ...session } })
    let resumed = await resume()
    while (resumed.status === 409) resumed = await resume()
    endpoint.drain()
    const answer = { jsonrpc: '2.0', id: 0, result: { action: 'accept', content: { name: 'Resumed' } } }
    expect((await post(url, answer, session)).status).toBe(202)
    expect(await resumed.text()).toContain('Hello Resumed')
  })

  it('waits for nobody longer than it may', async () => {
    const { url, endpoint } = await start({ sessions: { drainMs: 50 } })
    const it = await client(url)
    it.client.setRequestHandler('elicitation/create', async () => new Promise(() => {}))
    const { sessionId } = it.transport
    const asked = await post(url, tool('ask', 'x'), {
      'mcp-session-id': sessionId!,
      'mcp-protocol-version': '2025-11-25',
    })
    endpoint.drain()
    expect(await asked.text()).toContain('retry: 1000')
  })
})

/** Says more than a client reads that does not read. */
const talkative: McpServerFactory = () => {
  const server = new McpServer({ name: 'talk', version: '1' }, { capabilities: { logging: {} } })
  server.registerTool('talk', {}, async () => {
    for (let at = 0; at < 3000; at++) await server.sendLoggingMessage({ level: 'info', data: 'x'.repeat(10_000) })
    return { content: [] }
  })
  return server
}

/** For a client that opens no stream of its own. */
const noStream: typeof fetch = async (input, init) =>
  init?.method === 'GET'
    ? new Response(null, { status: 405 })
    : fetch(input, { ...init, headers: init?.headers ?? headers })
