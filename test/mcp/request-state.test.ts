import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { acceptedContent, inputRequired, McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createRequestState, type StateContext } from '../../src/mcp/request-state.ts'
import { sharedSecret } from '../../src/state/shared-secret.ts'
import { secret, startTask } from './support/tasks.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const named = z.object({ name: z.string() })

/** Two tools that ask for a name and remember, in the client's hands, what they were told before. */
function server(state = createRequestState({ secret })): McpServerFactory {
  return () => {
    const it = new McpServer({ name: 'state', version: '1' }, { requestState: state })
    for (const tool of ['order', 'refund']) {
      it.registerTool(tool, {}, async (ctx) => {
        const before = ctx.mcpReq.requestState<{ item: string }>()
        const given = acceptedContent(ctx.mcpReq.inputResponses, 'who', named)
        if (before && given) return { content: [{ type: 'text', text: `${before.item} for ${given.name}` }] }
        const who = inputRequired.elicit({
          message: 'Who?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
        })
        return inputRequired({ inputRequests: { who }, requestState: state.seal({ item: 'a kettle' }, ctx) })
      })
    }
    return it
  }
}

async function start(state?: ReturnType<typeof createRequestState>) {
  const task = await startTask({ factory: server(state) })
  closers.push(task.close)
  return task.url
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
}

async function ask(url: string, tool: string, caller: string, requestState?: string) {
  const retry =
    requestState === undefined
      ? {}
      : { requestState, inputResponses: { who: { action: 'accept', content: { name: 'Ada' } } } }
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': tool,
      'x-caller': caller,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: {}, _meta: meta, ...retry },
    }),
  })
  return (await response.json()) as {
    result?: { requestState?: string; content?: { text: string }[] }
    error?: { code: number; data?: unknown }
  }
}

describe('requestState', () => {
  it('that one task sealed is opened by another', async () => {
    const [a, b] = [await start(), await start()]
    let at = 0
    const client = new Client(
      { name: 'modern', version: '1' },
      { capabilities: { elicitation: {} }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }))
    await client.connect(
      new StreamableHTTPClientTransport(new URL(a), { fetch: async (_url, init) => fetch(at++ % 2 ? b : a, init) }),
    )
    closers.push(async () => client.close())
    const result = await client.callTool({ name: 'order', arguments: {} })
    expect(result.content).toMatchObject([{ text: 'a kettle for Ada' }])
    expect(at).toBeGreaterThanOrEqual(2)
  })

  it('is read by nobody on the way', async () => {
    const state = (await ask(await start(), 'order', 'ada')).result!.requestState!
    expect(Buffer.from(state.slice(3), 'base64url').toString('latin1')).not.toContain('kettle')
  })

  it('opens for the same caller and tool, and for nothing else', async () => {
    const url = await start()
    const state = (await ask(url, 'order', 'ada')).result!.requestState!
    expect((await ask(url, 'order', 'ada', state)).result?.content?.[0]?.text).toBe('a kettle for Ada')
    const other = await start(createRequestState({ secret: 'another secret, as long as the first one' }))
    const last = state.at(-1) === 'A' ? 'B' : 'A'
    const refused = await Promise.all([
      ask(url, 'order', 'grace', state),
      ask(url, 'refund', 'ada', state),
      ask(other, 'order', 'ada', state),
      ask(url, 'order', 'ada', `${state.slice(0, -1)}${last}`),
      ask(url, 'order', 'ada', `${state.slice(0, 30)}${state[30] === 'x' ? 'y' : 'x'}${state.slice(31)}`),
      ask(url, 'order', 'ada', state.slice(0, -4)),
      ask(url, 'order', 'ada', `${state}AAAA`),
      ask(url, 'order', 'ada', `${state}=`),
      ask(url, 'order', 'ada', state.slice(3)),
      ask(url, 'order', 'ada', 'v1.'),
    ])
    expect(refused.map(({ error }) => error?.code)).toEqual(refused.map(() => -32602))
  })

  it('ends after ten minutes, or when it is told to', () => {
    let clock = 0
    const state = createRequestState({ secret, now: () => clock })
    const context: StateContext = { mcpReq: { method: 'tools/call' } }
    const [long, short] = [state.seal(1, context), state.seal(2, context, { ttlS: 5 })]
    clock = 5000
    expect(() => state.verify(short, context)).toThrow('expired')
    clock = 599_999
    expect(state.verify(long, context)).toBe(1)
    clock = 600_000
    expect(() => state.verify(long, context)).toThrow('expired')
  })

  it('takes a name as the header may spell it', () => {
    const state = createRequestState({ secret })
    const context = (name: string): StateContext => ({
      mcpReq: { method: 'tools/call' },
      http: { req: { headers: new Headers({ 'mcp-name': name }) } },
    })
    const sealed = state.seal('x', context('order'))
    expect(state.verify(sealed, context(`=?base64?${Buffer.from('order').toString('base64')}?=`))).toBe('x')
  })
})

describe('the shared secret', () => {
  it('is random, with a warning, where there is one process, and asked for where there are more', () => {
    const lines: string[] = []
    expect(sharedSecret({}, (line) => lines.push(line))).toHaveLength(32)
    expect(lines).toHaveLength(1)
    expect(sharedSecret({ FAIRLEAD_SECRET: secret, FAIRLEAD_TABLE: 't' })).toBe(secret)
    for (const name of ['FAIRLEAD_TABLE', 'AWS_LAMBDA_FUNCTION_NAME'])
      expect(() => sharedSecret({ [name]: 'x' })).toThrow(expect.objectContaining({ code: 'SECRET_MISSING' }) as Error)
  })
})
