import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import { unreachable } from '../../../src/connect/proxy/refusal.ts'
import type { ProxyOptions } from '../../../src/connect/proxy/pump.ts'
import { modern, pipe, recording, rpc } from './support.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(handler: FetchHandler, options: Partial<ProxyOptions> = {}) {
  const http = await recording(handler)
  closing.push(() => http.close())
  return pipe({ url: http.endpoint, ...options })
}

describe('what is not an MCP endpoint', () => {
  const rows: [name: string, answer: () => Response, code: string, exit: number][] = [
    ['a web page', () => new Response('<!doctype html><title>Hi</title>', { headers: { 'content-type': 'text/html' } }), 'NOT_MCP', 4], // prettier-ignore
    ['a 404', () => new Response('not here', { status: 404 }), 'NOT_MCP', 4],
    ['other JSON', () => Response.json({ hello: 'world' }), 'NOT_MCP', 4],
    ['JSON that breaks off', () => new Response('{"jsonrpc":', { headers: { 'content-type': 'application/json' } }), 'NOT_MCP', 4], // prettier-ignore
    ['202 to a request', () => new Response(null, { status: 202 }), 'NOT_MCP', 4],
    ['a redirect to another origin', () => new Response(null, { status: 307, headers: { location: 'https://evil.example/mcp?token=secret-1' } }), 'REDIRECTED', 4], // prettier-ignore
    ['a 302 to a sign-in page', () => new Response(null, { status: 302, headers: { location: '/login' } }), 'REDIRECTED', 4], // prettier-ignore
    ['a 401 without a challenge', () => new Response(null, { status: 401 }), 'ACCESS_DENIED', 3],
    ['a 403 that repeats secrets', () => new Response('x-amz-security-token:secret-2\nBearer secret-3-and-more', { status: 403 }), 'ACCESS_DENIED', 3], // prettier-ignore
    ['a 500', () => new Response('boom', { status: 500 }), 'UNREACHABLE', 4],
  ]

  it.each(rows)('%s is an error with a code, to the client and on stderr', async (_, answer, code) => {
    const piped = await start(async () => answer())
    piped.send(modern(1, 'tools/list'))
    const { error } = await piped.answer(1)
    expect(error).toMatchObject({ code: -32000, data: { code } })
    const { answered, lastError } = await piped.end()
    expect(answered).toBe(false)
    expect(lastError).toMatchObject({ code, exitCode: rows.find(([, , each]) => each === code)![3] })
    expect(piped.log.filter((line) => line.startsWith(code))).toHaveLength(1)
    expect(JSON.stringify([piped.all, piped.log])).not.toMatch(/secret-\d/)
  })

  it('a port where nothing listens is UNREACHABLE', async () => {
    const http = await recording(async () => new Response())
    await http.close()
    const piped = pipe({ url: http.endpoint })
    piped.send(modern(1, 'tools/list'))
    expect((await piped.answer(1)).error!.data).toMatchObject({ code: 'UNREACHABLE' })
    await piped.end()
  })

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate of mcp\.example\.com is not trusted/, /NODE_EXTRA_CA_CERTS/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /certificate of mcp\.example\.com is not trusted/, /NODE_EXTRA_CA_CERTS/],
    ['ENOTFOUND', /Nothing answers at https:\/\/mcp\.example\.com\/mcp \(ENOTFOUND\)/, /Check the address/],
  ])('%s is UNREACHABLE, with what to do', (code, message, fix) => {
    const failed = unreachable(Object.assign(new Error(), { code }), 'https://mcp.example.com/mcp?token=secret-1')
    expect(failed).toMatchObject({ code: 'UNREACHABLE', exitCode: 4 })
    expect(failed.message).toMatch(message)
    expect(failed.fix).toMatch(fix)
    expect(JSON.stringify(failed)).not.toContain('secret-1')
  })

  it('an endpoint that hangs is TIMED_OUT, before its headers and within its body', async () => {
    const sockets = new Set<import('node:net').Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('data', (data) => {
        if (data.toString().includes('"tools/list"'))
          socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port } = server.address() as { port: number }
    const piped = pipe({ url: `http://127.0.0.1:${port}/mcp`, timeoutMs: 150 })
    piped.send(modern(1, 'tools/call', { name: 'slow' }))
    piped.send(modern(2, 'tools/list'))
    expect((await piped.answer(1)).error!.data).toMatchObject({ code: 'TIMED_OUT' })
    expect((await piped.answer(2)).error!.data).toMatchObject({ code: 'TIMED_OUT' })
    await piped.end()
  })
})

describe('what comes on stdin', () => {
  const echo: FetchHandler = async (request) => rpc(((await request.json()) as { id: number }).id, { ok: true })

  it('garbage is answered with a parse error, and what follows is served', async () => {
    const piped = await start(echo)
    piped.send('not json')
    piped.send('{"jsonrpc":"1.0"}')
    piped.send(modern(1, 'tools/list'))
    expect((await piped.answer(1)).result).toEqual({ ok: true })
    await piped.end()
    expect(piped.all.filter((each) => each.error?.code === -32700)).toHaveLength(2)
    expect(piped.log).toEqual(Array(2).fill(expect.stringContaining('MESSAGE_UNREADABLE')))
  })

  it.each(['first', 'last'])(
    'a message of 50 MB with its id %s is refused by that id, and what follows is served',
    async (place) => {
      // prettier-ignore
      const piped = await start(echo)
      const big = `"params":{"name":"x","arguments":{"id":3,"text":"${'a'.repeat(50 * 1024 * 1024)}"}}`
      piped.send(place === 'first' ? `{"jsonrpc":"2.0","id":41,"method":"tools/call",${big}}` : `{"method":"tools/call",${big},"jsonrpc":"2.0","id":41}`) // prettier-ignore
      expect((await piped.answer(41)).error!.data).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
      piped.send(modern(1, 'tools/list'))
      expect((await piped.answer(1)).result).toEqual({ ok: true })
      await piped.end()
    },
  )

  it('a batch of 2025-03-26 is answered message by message', async () => {
    const piped = await start(echo)
    piped.send(JSON.stringify([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' }))))
    expect((await piped.answer(1)).result).toEqual({ ok: true })
    expect((await piped.answer(2)).result).toEqual({ ok: true })
    await piped.end()
  })
})
