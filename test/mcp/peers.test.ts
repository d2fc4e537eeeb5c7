import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startLocalDynamo, type LocalDynamo } from '../../src/local/dynamodb/start.ts'
import { envelopeHeader, sealEnvelope, sha256 } from '../../src/mcp/peers/envelope.ts'
import { peerPath } from '../../src/mcp/peers/peers.ts'
import { openDynamoTable } from '../../src/state/dynamodb.ts'
import { deriveKey } from '../../src/state/shared-secret.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import type { Table } from '../../src/state/table.ts'
import { call, connect, headers, open, ping, post, secret, startTask } from './support/tasks.ts'

let dynamo: LocalDynamo
let table: Table
const before = { ...process.env }
beforeAll(async () => {
  dynamo = await startLocalDynamo('us-east-1')
  Object.assign(process.env, dynamo.env)
  table = await openDynamoTable({ tableName: dynamo.tableName })
})
afterAll(async () => {
  process.env = before
  await table.close()
  await dynamo.close()
})

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(options: Parameters<typeof startTask>[0] = {}) {
  const task = await startTask({ table, ...options })
  closers.push(task.close)
  return task
}

/** A task in another process. */
async function fork1() {
  const child = fork(fileURLToPath(new URL('../fixtures/session-task.ts', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const origin = await new Promise<string>((resolve) => child.once('message', (url) => resolve(url as string)))
  const kill = async (signal: NodeJS.Signals) => {
    const gone = child.exitCode !== null || child.signalCode !== null
    const exit = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    if (!gone) await exit
  }
  closers.push(async () => kill('SIGKILL'))
  return { url: `${origin}/mcp`, kill }
}

/** As a load balancer without stickiness: every request goes to the next task. */
function inTurn(...urls: string[]): typeof fetch {
  let at = 0
  return async (_input, init) => fetch(urls[at++ % urls.length]!, init)
}

describe('a session on another task', () => {
  it('is used through every task: calls, the stream for news, questions whose answer comes elsewhere', async () => {
    const [a, b] = [await fork1(), await fork1()]
    const { client } = await connect(a.url, { caller: 'ada', fetch: inTurn(a.url, b.url) })
    closers.push(async () => client.close())
    const changed = new Promise((resolve) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri))
    })
    for (let round = 0; round < 3; round++) {
      expect(await call(client, 'ask')).toBe('Hello Ada')
      expect(await call(client, 'sample')).toContain('Paris')
      expect(await call(client, 'who')).toBe('ada')
    }
    await client.subscribeResource({ uri: 'test://one' })
    await call(client, 'change')
    expect(await changed).toBe('test://one')
  })

  it('gets every header but those that prove who calls', async () => {
    const [a, b] = [await start(), await start()]
    const { id } = await open(a.url, { 'x-caller': 'ada' })
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'headers', arguments: {} } }
    const secretive = { authorization: 'Bearer top-secret', cookie: 'a=top-secret', 'x-caller': 'ada' }
    const answer = await post(b.url, body, { ...secretive, 'mcp-session-id': id, traceparent: '00-1-2-01' })
    const text = await answer.text()
    expect(text).toContain('00-1-2-01')
    expect(text).not.toContain('top-secret')
  })

  it('does not exist for another caller, whichever task is asked, and ends from anywhere', async () => {
    const [a, b] = [await start(), await start()]
    const { id } = await open(a.url, { 'x-caller': 'ada' })
    const as = (caller: string) => ({ 'x-caller': caller, 'mcp-session-id': id })
    expect((await post(b.url, ping, as('ada'))).status).toBe(200)
    expect((await post(b.url, ping, as('grace'))).status).toBe(404)
    expect((await fetch(b.url, { method: 'DELETE', headers: as('grace') })).status).toBe(404)
    expect((await fetch(b.url, { method: 'DELETE', headers: as('ada') })).status).toBe(200)
    expect((await post(a.url, ping, as('ada'))).status).toBe(404)
  })

  it('goes on after a cut, at another task', async () => {
    const [a, b] = [await start(), await start()]
    const { id } = await open(a.url)
    const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'cut', arguments: {} } }
    const first = await (await post(b.url, body, session)).text()
    const [, last] = /^id: (\S+)/m.exec(first)!
    const again = await fetch(b.url, { headers: { accept: 'text/event-stream', 'last-event-id': last!, ...session } })
    expect(await again.text()).toContain('after the cut')
  })

  it('lets go when the client leaves: the stream is free for the next', async () => {
    const [a, b] = [await start(), await start()]
    const { id } = await open(a.url)
    const news = async (url: string, signal: AbortSignal) =>
      fetch(url, { headers: { accept: 'text/event-stream', 'mcp-session-id': id }, signal })
    const leave = new AbortController()
    expect((await news(b.url, leave.signal)).status).toBe(200)
    const end = AbortSignal.timeout(5000)
    expect((await news(a.url, end)).status).toBe(409)
    leave.abort()
    await expect.poll(async () => (await news(a.url, end)).status).toBe(200)
  })

  it('is 404 when its task was killed, and the client begins anew', async () => {
    const [a, b] = [await fork1(), await fork1()]
    const { id } = await open(a.url, { 'x-caller': 'ada' })
    const session = { 'mcp-session-id': id, 'x-caller': 'ada' }
    expect((await post(b.url, ping, session)).status).toBe(200)
    await a.kill('SIGKILL')
    await expect.poll(async () => (await post(b.url, ping, session)).status).toBe(404)
    expect(await table.get('McpSession', id)).toBeUndefined()
    const anew = await open(b.url, { 'x-caller': 'ada' })
    expect((await post(b.url, ping, { ...session, 'mcp-session-id': anew.id })).status).toBe(200)
  })

  it('is found as long as it is used, and not after', async () => {
    let clock = Date.now()
    const now = () => clock
    const shared = new MemoryTable({ now })
    const both = { table: shared, peer: { ttlS: 100_000 }, sessions: { idleS: 60, now } }
    const [a, b] = [await start(both), await start(both)]
    const { id } = await open(a.url)
    const session = { 'mcp-session-id': id }
    for (let round = 0; round < 6; round++) {
      clock += 50_000
      expect((await post(b.url, ping, session)).status).toBe(200)
    }
    clock += 60_000
    expect((await post(b.url, ping, session)).status).toBe(404)
    expect(await shared.get('McpSession', id)).toBeUndefined()
  })

  it('is 404 when its task is no longer registered', async () => {
    const [a, b] = [await start(), await start()]
    const { id } = await open(a.url)
    await table.remove('McpPeer', a.peers!.id)
    expect((await post(b.url, ping, { 'mcp-session-id': id })).status).toBe(404)
  })

  it('ends with a task that stops, within a second', async () => {
    const [a, b] = [await fork1(), await fork1()]
    const { id } = await open(a.url)
    const news = await fetch(b.url, { headers: { accept: 'text/event-stream', 'mcp-session-id': id } })
    const stopped = a.kill('SIGTERM')
    expect(await news.text()).toContain('retry: 1000')
    await stopped
    expect((await post(b.url, ping, { 'mcp-session-id': id })).status).toBe(404)
  })
})

describe('a table that does not answer', () => {
  it('is 503: no session is given that others could not find', async () => {
    let down = false
    const flaky = new Proxy(table, {
      get: (target, name) => {
        const member = target[name as keyof Table] as (...args: unknown[]) => unknown
        return async (...args: unknown[]) => {
          if (down) throw new Error('table-host.example refused')
          return member.apply(target, args)
        }
      },
    })
    const { url } = await start({ table: flaky })
    down = true
    const begun = await open(url)
    expect(begun).toMatchObject({ status: 503, id: '' })
    expect((await post(url, ping, { 'mcp-session-id': 'elsewhere' })).status).toBe(503)
    down = false
    expect((await open(url)).status).toBe(200)
  })
})

describe('the endpoint for peers', () => {
  const body = Buffer.from(JSON.stringify(ping))
  const key = (from = secret) => deriveKey(from, 'peers')
  const envelopeOf = (to: string, session: string, change: Record<string, unknown> = {}) => ({
    to,
    nonce: 'n',
    at: Date.now(),
    sha256: sha256(body),
    call: {
      method: 'POST',
      target: '/mcp',
      headers: { ...headers, 'mcp-session-id': session },
      context: { requestId: 'r', principal: { kind: 'user' as const, id: 'ada', clientId: 'test' } },
    },
    ...change,
  })
  const send = async (origin: string, envelope: string | undefined, bytes: Uint8Array = body) =>
    fetch(origin + peerPath, {
      method: 'POST',
      headers: { ...headers, ...(envelope === undefined ? {} : { [envelopeHeader]: envelope }) },
      body: bytes as Uint8Array<ArrayBuffer>,
    })

  it('answers a task once, and 404 to everything else', async () => {
    const { peers, origin, url } = await start()
    const { id } = await open(url, { 'x-caller': 'ada' })
    const me = peers!.id
    const right = sealEnvelope(key(), envelopeOf(me, id))
    expect((await send(origin, right)).status).toBe(200)
    const changed = `${right.slice(0, 40)}${right[40] === 'A' ? 'B' : 'A'}${right.slice(41)}`
    const as = (principal: unknown) => {
      const envelope = envelopeOf(me, id, { nonce: 'p' })
      return { ...envelope, call: { ...envelope.call, context: { requestId: 'r', principal } } } as typeof envelope
    }
    const forged = `${Buffer.from(JSON.stringify(as({ kind: 'user', id: 'eve' }))).toString('base64url')}.${right.split('.')[1]}`
    const attacks: [string, Response][] = [
      ['nothing', await send(origin, undefined)],
      ['no code', await send(origin, right.split('.')[0])],
      ['not an envelope', await send(origin, 'a.b.c')],
      ['the same again', await send(origin, right)],
      ['another secret', await send(origin, sealEnvelope(key('x'.repeat(40)), envelopeOf(me, id)))],
      [
        'an old one',
        await send(origin, sealEnvelope(key(), envelopeOf(me, id, { at: Date.now() - 31_000, nonce: 'o' }))),
      ],
      ['one from the future', await send(origin, sealEnvelope(key(), envelopeOf(me, id, { at: Date.now() + 40_000 })))],
      ['one for another task', await send(origin, sealEnvelope(key(), envelopeOf('other', id, { nonce: 'q' })))],
      ['another body', await send(origin, sealEnvelope(key(), envelopeOf(me, id, { nonce: 'b' })), Buffer.from('{}'))],
      ['a changed envelope', await send(origin, changed)],
      ['a forged principal', await send(origin, forged)],
      ['GET', await fetch(origin + peerPath, { headers: { [envelopeHeader]: right } })],
      ['no GET either', await fetch(origin + peerPath)],
    ]
    expect(attacks.filter(([, { status }]) => status !== 404).map(([name]) => name)).toEqual([])
    // Even a task that forwards another caller's request does not reach this session.
    expect((await send(origin, sealEnvelope(key(), as({ kind: 'user', id: 'eve' })))).status).toBe(404)
  })

  it('keeps the limits of the endpoint', async () => {
    const { peers, origin } = await start({ maxBodyBytes: 1000 })
    const large = Buffer.from(JSON.stringify({ ...ping, params: { text: 'x'.repeat(2000) } }))
    const envelope = sealEnvelope(key(), envelopeOf(peers!.id, 'any', { sha256: sha256(large) }))
    expect((await send(origin, envelope, large)).status).toBe(413)
  })

  it('needs a secret that is one', async () => {
    await expect(startTask({ table, peer: { secret: 'short' } })).rejects.toMatchObject({ code: 'SECRET_MISSING' })
  })
})

describe('subscriptions/listen', () => {
  it('hears at one task what changed at another, and ends with a result when its task stops', async () => {
    const [a, b] = [await start(), await start()]
    const listener = await modern(a.url)
    const news: string[] = []
    const heard = new Promise<void>((resolve) => {
      listener.setNotificationHandler('notifications/resources/updated', ({ params }) => {
        news.push(params.uri)
        if (params.uri === 'test://two') resolve()
      })
    })
    const subscription = await listener.listen({
      toolsListChanged: true,
      resourceSubscriptions: ['test://one', 'test://two'],
    })
    const caller = await modern(b.url)
    for (const uri of ['test://one', 'test://none', 'test://two']) await call(caller, 'touch', { uri })
    await heard
    expect(news).toEqual(['test://one', 'test://two'])
    a.endpoint.drain()
    expect(await subscription.closed).toBe('graceful')
  })
})

async function modern(url: string): Promise<Client> {
  const client = new Client({ name: 'modern', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  closers.push(async () => client.close())
  return client
}
