import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { clients, legacyRevisions, type AnyClient, type Target } from './clients.ts'

/** What every platform must do in every revision. A platform gives its set-up: a target with test/fixtures/contract-server.ts behind it. */
export function contractSuite(platform: string, setUp: () => Promise<Target>): void {
  let target: Target
  beforeAll(async () => {
    target = await setUp()
  }, 60_000)
  afterAll(async () => target?.close())

  for (const [name, { revisions, connect }] of Object.entries(clients))
    describe.each(revisions)(`${platform}, ${name}, %s`, (revision) => {
      let client: AnyClient
      beforeAll(async () => {
        client = await connectTo(target, revision)
      })
      const connectTo: typeof connect = async (...given) =>
        behind(await connect(...given), target.gateway?.prefix ?? '')
      afterAll(async () => client?.close())

      it('agrees on the revision and says who the server is', () => {
        expect(client.revision()).toBe(revision)
        expect(client.serverName()).toBe(target.gateway?.serverName ?? 'contract')
      })

      it('lists the tools, always in the same order', async () => {
        const names = (await client.listTools()).map((tool) => tool.name)
        expect(names.slice(0, 3)).toEqual(['echo', 'add', 'whoami'])
        expect((await client.listTools()).map((tool) => tool.name)).toEqual(names)
      })

      it('calls a tool with text of every script, and with a large one', async () => {
        for (const text of ['hello', 'grüße 你好 🦜 \u0000 " \\ \u2028', 'x'.repeat(500_000)])
          expect(textOf(await client.call('echo', { text }))).toBe(text)
      })

      it('keeps structured results', async () => {
        expect((await client.call('add', { a: 0.1, b: 2 })).structuredContent).toEqual({ sum: 2.1 })
      })

      it('tells the tool who called', async () => {
        expect(textOf(await client.call('whoami'))).toBe(target.principal)
      })

      it('hides what a tool throws and keeps what a tool says', async () => {
        const thrown = await client.call('fail')
        expect(thrown.isError).toBe(true)
        expect(textOf(thrown)).toMatch(/fail failed.*[0-9a-f-]{36}/)
        expect(textOf(thrown)).not.toContain('hunter2')
        expect(await client.call('refuse')).toMatchObject({ isError: true, content: [{ text: 'not today' }] })
      })

      it('refuses wrong arguments by name, and a tool that is not there', async () => {
        const wrong = await client.call('echo', { text: 5 })
        expect(wrong.isError).toBe(true)
        expect(textOf(wrong)).toContain('text')
        await expect(client.call('ecko')).rejects.toThrow(/ecko/)
      })

      it('stops a tool that takes longer than it may', async () => {
        const late = await client.call('hang')
        expect(late.isError).toBe(true)
        expect(textOf(late)).toContain('300 ms')
      })

      // Once with the time that people wait; it is the same stream in the other revisions.
      const apart = revision === '2026-07-28' ? 100 : 20
      it(`streams progress as it happens: five events, ${apart} ms apart`, async () => {
        const at: number[] = []
        const { path: seen, remove } = await temporaryFolder()
        const result = await client.call('progress', { steps: 5, every_ms: apart, seen }, () => {
          at.push(performance.now())
          writeFileSync(join(seen, String(at.length)), '')
        })
        await remove()
        expect(textOf(result)).toBe('done')
        expect(at).toHaveLength(5)
        const gaps = at.slice(1).map((time, i) => time - at[i]!)
        // The tool goes on when an event was seen here, so a late wake-up makes no short gap.
        expect(Math.min(...gaps)).toBeGreaterThan(0.95 * apart)
      })

      it('reads resources and prompts', async () => {
        expect(await client.readText('test://motto')).toBe('fair winds')
        expect(await client.prompt('greet', { name: 'Ada' })).toBe('Hello Ada')
      })

      it('gives each of many callers its own answer and no one else’s', async () => {
        const others = await Promise.all(['one', 'two', 'three'].map((each) => connectTo(target, revision, each)))
        const answers = await Promise.all(
          Array.from({ length: 24 }, async (_, i) =>
            textOf(await others[i % 3]!.call('echo', { text: `${revision}/${i}` })),
          ),
        )
        expect(answers).toEqual(Array.from({ length: 24 }, (_, i) => `${revision}/${i}`))
        await Promise.all(others.map((each) => each.close()))
      })
    })

  describe(`${platform}, on the wire`, () => {
    const post = (body: unknown, headers: Record<string, string> = {}) =>
      target.fetch(target.url, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      })
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const modern = (method: string, params: Record<string, unknown> = {}) => ({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, _meta: meta },
    })
    const modernHeaders = (method: string, name?: string) => ({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name ? { 'mcp-name': name } : {}),
    })

    it.each(legacyRevisions)('answers a %s notification with an empty 202 that ends at once', async (revision) => {
      const began = performance.now()
      const response = await post(
        { jsonrpc: '2.0', method: 'notifications/initialized' },
        { 'mcp-protocol-version': revision },
      )
      const answered = performance.now()
      expect([response.status, await response.text()]).toEqual([202, ''])
      expect(performance.now() - answered).toBeLessThan(1000)
      // Before that there may be a cold start; what hangs does so until an idle timeout, of a minute and more.
      expect(answered - began).toBeLessThan(5000)
    })

    it('takes a batch in 2025-03-26', async () => {
      const response = await post([
        { jsonrpc: '2.0', id: 1, method: 'ping' },
        { jsonrpc: '2.0', id: 2, method: 'tools/list' },
      ])
      expect(((await response.json()) as { id: number }[]).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([
        1, 2,
      ])
    })

    it('answers plain JSON with its length when no progress is asked for', async () => {
      const response = await post(
        { jsonrpc: '2.0', id: 1, method: 'tools/list' },
        { 'mcp-protocol-version': '2025-11-25' },
      )
      expect(response.headers.get('content-type')).toContain('application/json')
    })

    it.each([
      ['what is not JSON', '{"jsonrpc":', {}, 400, -32700],
      ['nothing', '', {}, 400, -32700],
      ['JSON that is not JSON-RPC', '{"hello":1}', {}, 400, undefined],
      [
        'too deep JSON',
        `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(70)}${']'.repeat(70)}}}`,
        {},
        400,
        -32600,
      ],
      ['another content type', '{}', { 'content-type': 'text/plain' }, 415, undefined],
      [
        'a revision that nobody has',
        '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        { 'mcp-protocol-version': '1999-01-01' },
        400,
        undefined,
      ],
      [
        'a modern request whose header names another method',
        JSON.stringify(modern('tools/list')),
        modernHeaders('tools/call'),
        400,
        -32020,
      ],
      [
        'a modern request of a revision to come',
        JSON.stringify(modern('tools/list')).replace('2026-07-28', '2099-01-01'),
        { ...modernHeaders('tools/list'), 'mcp-protocol-version': '2099-01-01' },
        400,
        -32022,
      ],
      ['a modern method that is not there', JSON.stringify(modern('ping')), modernHeaders('ping'), 404, -32601],
    ])('refuses %s', async (_name, body, headers, status, code) => {
      const response = await post(body, headers)
      const wanted = target.refusal?.(status) ?? { status, code }
      expect(response.status).toBe(wanted.status)
      const answer = (await response.json()) as { error: { code: number } }
      if (wanted.code !== undefined) expect(answer.error.code).toBe(wanted.code)
    })

    it('keeps a lone surrogate from breaking anything', async () => {
      const response = await post(
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${target.gateway?.prefix ?? ''}echo","arguments":{"text":"\\ud800"}}}`,
        { 'mcp-protocol-version': '2025-11-25' },
      )
      expect(response.status).toBe(200)
    })

    it('discovers, with hints that say who may share the answer', async () => {
      const answer = (await (await post(modern('tools/list'), modernHeaders('tools/list'))).json()) as {
        result: { ttlMs: number; cacheScope: string }
      }
      expect(answer.result).toMatchObject({ ttlMs: 60_000, cacheScope: 'public' })
    })

    it.each(['GET', 'DELETE', 'PUT'])('answers %s with 405', async (method) => {
      expect((await target.fetch(target.url, { method, headers: { accept: 'text/event-stream' } })).status).toBe(405)
    })

    it('answers 404 beside its path', async () => {
      expect((await target.fetch(new URL('/elsewhere', target.url), { method: 'POST', body: '{}' })).status).toBe(404)
    })

    it('refuses a foreign Origin, and tells a browser what it may send', async () => {
      expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { origin: 'https://evil.example' })).status).toBe(
        403,
      )
      const response = await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { origin: 'http://localhost:5173' })
      expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    })

    it('does not tell one client who another is', async () => {
      // A gateway is the client of the servers behind it, and tells them of no other.
      if (target.gateway) return
      const call = modern('tools/call', { name: 'who_is_the_client', arguments: {} })
      const named = {
        ...call,
        params: {
          ...call.params,
          _meta: { ...meta, 'io.modelcontextprotocol/clientInfo': { name: 'alice', version: '1' } },
        },
      }
      const headers = modernHeaders('tools/call', 'who_is_the_client')
      expect(await (await post(named, headers)).text()).toContain('alice')
      expect(await (await post(call, headers)).text()).toContain('unknown')
    })
  })
}

/** The same client, with the names that a gateway gives to what is behind it. */
function behind(client: AnyClient, prefix: string): AnyClient {
  return {
    ...client,
    listTools: async () => (await client.listTools()).map((tool) => ({ ...tool, name: tool.name.replace(prefix, '') })),
    call: (tool, ...rest) => client.call(prefix + tool, ...rest),
    prompt: (prompt, args) => client.prompt(prefix + prompt, args),
  }
}

function textOf({ content }: { content: { text?: string }[] }): string {
  return content[0]?.text ?? ''
}
