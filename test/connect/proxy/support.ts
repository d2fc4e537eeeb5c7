import { PassThrough } from 'node:stream'
import { Client, type ClientOptions } from '@modelcontextprotocol/client'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import type { Message } from '../../../src/connect/proxy/message.ts'
import { runProxy, type ProxyEnd, type ProxyOptions } from '../../../src/connect/proxy/pump.ts'
import { logged } from '../../support/log-capture.ts'

export interface Piped {
  send(message: Record<string, unknown> | string): void
  /** The next message that matches, also one that came before. */
  next(matches: (message: Message) => boolean): Promise<Message>
  answer(id: string | number): Promise<Message>
  all: Message[]
  log: string[]
  end(): Promise<ProxyEnd>
}

/** A proxy in this process, with a client's two streams. */
export function pipe(options: Partial<ProxyOptions> & { url: string }): Piped {
  const input = new PassThrough()
  const output = new PassThrough()
  const [all, log]: [Message[], string[]] = [[], []]
  const waiting = new Set<() => void>()
  let rest = ''
  output.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    all.push(...lines.map((line) => JSON.parse(line) as Message))
    for (const look of waiting) look()
  })
  const ended = runProxy({ input, output, log: (line) => log.push(logged(line)), timeoutMs: 5000, ...options })
  const next: Piped['next'] = (matches) =>
    new Promise((resolve) => {
      const look = () => {
        const found = all.find(matches)
        if (!found) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return {
    all,
    log,
    next,
    send: (message) => void input.write(`${typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message })}\n`), // prettier-ignore
    answer: (id) => next((message) => message.id === id && message.method === undefined),
    end: () => {
      input.end()
      return ended
    },
  }
}

/** The official client on the two streams of a proxy. */
export async function connect(
  options: Partial<ProxyOptions> & { url: string },
  clientOptions: ClientOptions = {},
): Promise<{ client: Client; piped: Piped; close(): Promise<void> }> {
  const input = new PassThrough()
  const output = new PassThrough()
  const log: string[] = []
  const ended = runProxy({ input, output, log: (line) => log.push(logged(line)), timeoutMs: 5000, ...options })
  const client = new Client({ name: 'test', version: '1' }, clientOptions)
  let rest = ''
  const transport: Parameters<Client['connect']>[0] = {
    async start() {
      output.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop()!
        for (const line of lines) transport.onmessage?.(JSON.parse(line) as never)
      })
    },
    async send(message) {
      input.write(`${JSON.stringify(message)}\n`)
    },
    async close() {
      input.end()
      await ended
      transport.onclose?.()
    },
  }
  await client.connect(transport)
  return { client, piped: { log } as Piped, close: () => client.close() }
}

export interface Recorded {
  method: string
  rpc?: string
  headers: Headers
  body: Message | undefined
}

/** An endpoint that notes each request before it answers. */
export async function recording(
  handler: FetchHandler,
): Promise<Listening & { requests: Recorded[]; endpoint: string }> {
  const requests: Recorded[] = []
  const server = await listen(async (request, context) => {
    const text = request.method === 'POST' ? await request.clone().text() : ''
    const body = text === '' ? undefined : (JSON.parse(text) as Message)
    const rpc = body?.method === undefined ? {} : { rpc: body.method }
    requests.push({ method: request.method, headers: new Headers([...request.headers]), body, ...rpc })
    return handler(request, context)
  })
  return Object.assign(server, { requests, endpoint: `${server.url}/mcp` })
}

/** A modern request as a client sends it. */
export function modern(id: number, method: string, params: Record<string, unknown> = {}): Record<string, unknown> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  }
  return { id, method, params: { ...params, _meta } }
}

export const initialize = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo: { name: 'test', version: '1' } }, // prettier-ignore
}

export function sse(...messages: Record<string, unknown>[]): Response {
  const text = messages.map((each) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...each })}\n\n`).join('')
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
}

export function rpc(id: unknown, result: Record<string, unknown>, headers: Record<string, string> = {}): Response {
  return Response.json({ jsonrpc: '2.0', id, result }, { headers })
}
