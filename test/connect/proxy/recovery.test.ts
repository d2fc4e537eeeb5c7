import { afterEach, describe, expect, it } from 'vitest'
import { initialize, modern, pipe, recording, rpc, sse } from './support.ts'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import type { ProxyOptions } from '../../../src/connect/proxy/pump.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(handler: FetchHandler, options: Partial<ProxyOptions> = {}) {
  const http = await recording(handler)
  closing.push(() => http.close())
  const piped = pipe({ url: http.endpoint, ...options })
  closing.push(() => piped.end())
  return { http, piped }
}

const idOf = async (request: Request) => ((await request.json()) as { id: number }).id

describe('a session that the server has forgotten', () => {
  it('is begun anew, once, and the request is sent again', async () => {
    let session = 'one'
    const { http, piped } = await start(async (request) => {
      if (request.method !== 'POST') return new Response(null, { status: 405 })
      const { id, method } = (await request.json()) as { id?: number; method: string }
      if (method === 'initialize') return rpc(id, { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }, { 'mcp-session-id': session }) // prettier-ignore
      if (request.headers.get('mcp-session-id') !== session) return new Response('gone', { status: 404 })
      return id === undefined ? new Response(null, { status: 202 }) : rpc(id, { ok: true })
    })
    piped.send(initialize)
    await piped.answer(0)
    piped.send({ method: 'notifications/initialized' })
    session = 'two'
    piped.send({ id: 1, method: 'tools/list' })
    piped.send({ id: 2, method: 'prompts/list' })
    expect((await piped.answer(1)).result).toEqual({ ok: true })
    expect((await piped.answer(2)).result).toEqual({ ok: true })
    const begun = http.requests.filter((each) => each.rpc === 'initialize')
    expect(begun).toHaveLength(2)
    expect(begun[1]!.body!.params).toEqual(initialize.params)
    expect(begun[1]!.headers.get('mcp-session-id')).toBeNull()
    await piped.end()
    expect(http.requests.at(-1)).toMatchObject({ method: 'DELETE' })
  })
})

describe('an answer that says to try again', () => {
  it('is asked for again: -32005, 503, and a stream that breaks before a safe answer', async () => {
    let calls = 0
    const { piped } = await start(async (request) => {
      const id = await idOf(request)
      calls++
      if (calls === 1) return Response.json({ jsonrpc: '2.0', id, error: { code: -32005, message: 'Session operation in progress, please retry' } }) // prettier-ignore
      if (calls === 2) return new Response('busy', { status: 503, headers: { 'retry-after': '0' } })
      if (calls === 3) return sse()
      return rpc(id, { tools: [] })
    })
    piped.send(modern(1, 'tools/list'))
    expect((await piped.answer(1)).result).toEqual({ tools: [] })
    expect(calls).toBe(4)
  })

  it('is not asked for again when the call may have been done', async () => {
    let calls = 0
    const { piped } = await start(async () => (calls++, sse()))
    piped.send(modern(1, 'tools/call', { name: 'pay' }))
    expect((await piped.answer(1)).error).toMatchObject({ code: -32000, data: { code: 'CONNECTION_LOST' } })
    expect(calls).toBe(1)
  })

  it('is asked for again when the tool is idempotent', async () => {
    let calls = 0
    const { piped } = await start(async (request) => {
      const { id, method } = (await request.json()) as { id: number; method: string }
      if (method === 'tools/list') return rpc(id, { tools: [{ name: 'look', inputSchema: {}, annotations: { readOnlyHint: true } }] }) // prettier-ignore
      return calls++ === 0 ? sse() : rpc(id, { content: [] })
    })
    piped.send(modern(1, 'tools/list'))
    await piped.answer(1)
    piped.send(modern(2, 'tools/call', { name: 'look' }))
    expect((await piped.answer(2)).result).toEqual({ content: [] })
  })
})

describe('headers that a tool wants mirrored', () => {
  const tools = [{ name: 'look', inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } }, { name: 'broken', inputSchema: { type: 'object', properties: { n: { type: 'number', 'x-mcp-header': 'N' } } } }] // prettier-ignore
  const handler: FetchHandler = async (request) => {
    const { id, method } = (await request.json()) as { id: number; method: string }
    if (method === 'tools/list') return rpc(id, { tools })
    const region = request.headers.get('mcp-param-region')
    return region === null
      ? Response.json({ jsonrpc: '2.0', id, error: { code: -32020, message: 'missing' } }, { status: 400 })
      : rpc(id, { region })
  }

  it('are sent once the list is known, and the list is read when they were missing', async () => {
    const { http, piped } = await start(handler)
    piped.send(modern(1, 'tools/call', { name: 'look', arguments: { region: 'Zürich' } }))
    expect((await piped.answer(1)).result).toEqual({ region: '=?base64?WsO8cmljaA==?=' })
    expect(http.requests.map((each) => each.rpc)).toEqual(['tools/call', 'tools/list', 'tools/call'])
    expect(http.requests[2]!.headers.get('mcp-name')).toBe('look')
  })

  it('leave out a tool whose definition is invalid, and say so once on stderr', async () => {
    const { piped } = await start(handler)
    piped.send(modern(1, 'tools/list'))
    expect((await piped.answer(1)).result!.tools).toEqual([tools[0]])
    expect(piped.log).toEqual([expect.stringContaining('The tool broken is left out')])
  })
})

describe('cancellation', () => {
  it('closes the stream of a modern request', async () => {
    let arrived!: () => void
    const here = new Promise<void>((resolve) => (arrived = resolve))
    let gone!: () => void
    const left = new Promise<void>((resolve) => (gone = resolve))
    const { piped, http } = await start(async (request) => {
      request.signal.addEventListener('abort', () => gone())
      arrived()
      await left
      return new Response(null, { status: 202 })
    })
    piped.send(modern(1, 'tools/call', { name: 'slow' }))
    await here
    piped.send({ method: 'notifications/cancelled', params: { requestId: 1 } })
    await left
    expect(http.requests).toHaveLength(1)
    expect(piped.all).toEqual([])
  })

  it('is told to a server with initialize', async () => {
    let told!: (id: unknown) => void
    const cancelled = new Promise<unknown>((resolve) => (told = resolve))
    const { piped } = await start(async (request) => {
      const body = (await request.json()) as { id?: number; method: string; params?: { requestId?: unknown } }
      if (body.method === 'notifications/cancelled') {
        told(body.params?.requestId)
        return new Response(null, { status: 202 })
      }
      await cancelled
      return new Response(null, { status: 202 })
    })
    piped.send({ id: 7, method: 'tools/call', params: { name: 'slow' } })
    piped.send({ method: 'notifications/cancelled', params: { requestId: 7 } })
    expect(await cancelled).toBe(7)
  })
})

describe('listening', () => {
  it('goes on when the stream breaks, is acknowledged once, and passes what is told', async () => {
    let times = 0
    const { piped } = await start(async (request) => {
      const id = await idOf(request)
      const _meta = { 'io.modelcontextprotocol/subscriptionId': id }
      const ack = { method: 'notifications/subscriptions/acknowledged', params: { notifications: { toolsListChanged: true }, _meta } } // prettier-ignore
      const changed = { method: 'notifications/tools/list_changed', params: { _meta } }
      return times++ === 0 ? sse(ack) : sse(ack, changed, { id, result: { _meta } })
    })
    piped.send(modern(9, 'subscriptions/listen', { notifications: { toolsListChanged: true } }))
    await piped.answer(9)
    expect(piped.all.map((each) => each.method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/tools/list_changed',
      undefined,
    ])
  })
})

describe('the stream for what a server says unasked', () => {
  it('is given the time of a slow server before anything is called, where no headers tell that it is open', async () => {
    const came: Record<string, number> = {}
    let end!: (response: Response) => void
    const { piped } = await start(async (request) => {
      if (request.method === 'DELETE') return new Response()
      if (request.method === 'GET') {
        came.get = performance.now()
        return new Promise<Response>((resolve) => (end = resolve))
      }
      const { id, method } = (await request.json()) as { id?: number; method: string }
      came[method] = performance.now()
      if (method === 'initialize') return rpc(id, { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }) // prettier-ignore
      if (id !== undefined) return rpc(id, { ok: true })
      return new Promise((resolve) => setTimeout(() => resolve(new Response(null, { status: 202 })), 400))
    })
    piped.send(initialize)
    await piped.answer(0)
    piped.send({ method: 'notifications/initialized' })
    piped.send({ id: 1, method: 'tools/list' })
    await piped.answer(1)
    // Twice as long as the server took for the message before; the timer of the wait may be a little early.
    expect(came['tools/list']! - came.get!).toBeGreaterThan(700)
    end(new Response(null, { status: 405 }))
  })
})

describe('--read-only', () => {
  const tools = [{ name: 'look', inputSchema: {}, annotations: { readOnlyHint: true } }, { name: 'change', inputSchema: {} }] // prettier-ignore
  it('hides and refuses what may change something', async () => {
    const { piped, http } = await start(
      async (request) => {
        const { id, method } = (await request.json()) as { id: number; method: string }
        return rpc(id, method === 'tools/list' ? { tools } : { content: [] })
      },
      { readOnly: true },
    )
    piped.send(modern(1, 'tools/call', { name: 'change' }))
    expect((await piped.answer(1)).error!.data).toMatchObject({ code: 'READ_ONLY' })
    piped.send(modern(2, 'tools/list'))
    expect((await piped.answer(2)).result!.tools).toEqual([tools[0]])
    piped.send(modern(3, 'tools/call', { name: 'look' }))
    expect((await piped.answer(3)).result).toEqual({ content: [] })
    expect(http.requests.filter((each) => each.rpc === 'tools/call')).toHaveLength(1)
  })
})
