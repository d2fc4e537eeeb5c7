import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import type { ChangeKind } from '../../src/gateway/changes.ts'
import { listen } from '../../src/http/node-server.ts'
import { mcpTarget, startGateway, type Upstream } from './support.ts'

const endpoints = (url: string) => ({ 'https://up.example.com': url })
const done = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })

/** A server of the official SDK whose lists change: `add` registers one more of a kind, and the server says so. */
interface ChangingServer extends Upstream {
  add(kind: ChangeKind, name: string): void
  /** Whether somebody reads its stream of changes. */
  followed(): Promise<void>
  /** Breaks every connection. */
  hangUp?(): void
}

const servers: Record<string, () => Promise<ChangingServer>> = {
  '2026-07-28': async () => {
    const more: Record<ChangeKind, string[]> = { tools: ['first'], prompts: ['first'], resources: ['first'] }
    const handler = createMcpHandler(() => {
      const server = new McpServer(
        { name: 'up', version: '1' },
        {
          capabilities: {
            tools: { listChanged: true },
            prompts: { listChanged: true },
            resources: { listChanged: true },
          },
        },
      )
      register(server, more)
      return server
    })
    let isFollowed = () => {}
    const followed = new Promise<void>((resolve) => (isFollowed = resolve))
    const server = await listen(async (request) => {
      if (request.headers.get('mcp-method') === 'subscriptions/listen') isFollowed()
      return handler.fetch(
        new Request(request.url, {
          method: 'POST',
          headers: [...request.headers],
          body: await request.text(),
          signal: request.signal,
        }),
      )
    })
    return {
      url: server.url,
      followed: () => followed,
      add: (kind, name) => {
        more[kind].push(name)
        handler.notify[`${kind}Changed`]()
      },
      close: async () => {
        await handler.close()
        await server.close()
      },
    }
  },
  '2025-11-25, with a session': async () => {
    const sessions = new Map<string, { transport: StreamableHTTPServerTransport; server: ServerV1 }>()
    let isFollowed = () => {}
    const followed = new Promise<void>((resolve) => (isFollowed = resolve))
    const http = createServer((req, res) => {
      const known = sessions.get(String(req.headers['mcp-session-id']))
      if (known) {
        void known.transport.handleRequest(req, res)
        if (req.method === 'GET') isFollowed()
        return
      }
      const server = new ServerV1({ name: 'up', version: '1' })
      register(server, { tools: ['first'], prompts: ['first'], resources: ['first'] })
      const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, { transport, server }),
      })
      void server.connect(transport).then(() => transport.handleRequest(req, res))
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
      followed: () => followed,
      hangUp: () => http.closeAllConnections(),
      // The SDK itself says that a list has changed when something is registered.
      add: (kind, name) =>
        sessions.forEach(({ server }) => register(server, { tools: [], prompts: [], resources: [], [kind]: [name] })),
      close: async () => {
        http.closeAllConnections()
        await new Promise((resolve) => http.close(resolve))
      },
    }
  },
}

function register(server: McpServer | ServerV1, { tools, prompts, resources }: Record<ChangeKind, string[]>): void {
  const to = server as McpServer
  for (const name of tools) to.registerTool(name, { description: name }, done)
  for (const name of prompts) to.registerPrompt(name, { description: name }, () => ({ messages: [] }))
  for (const name of resources)
    to.registerResource(name, `up://${name}`, {}, (uri) => ({ contents: [{ uri: uri.href, text: name }] }))
}

/** A client of the official SDK, and what it was told. */
interface Told {
  next(kind: ChangeKind): Promise<void>
  names(kind: ChangeKind): Promise<string[]>
  close(): Promise<void>
}

function waiting() {
  const told: ChangeKind[] = []
  let woken = () => {}
  return {
    tell: (kind: ChangeKind) => {
      told.push(kind)
      woken()
    },
    next: async (kind: ChangeKind) => {
      while (!told.includes(kind)) await new Promise<void>((resolve) => (woken = resolve))
      told.splice(told.indexOf(kind), 1)
    },
  }
}

const v2 =
  (mode: 'legacy' | 'auto') =>
  async (url: string): Promise<Told> => {
    const { tell, next } = waiting()
    const onChanged = (kind: ChangeKind) => ({ autoRefresh: false, debounceMs: 0, onChanged: () => tell(kind) })
    const client = new ClientV2(
      { name: 'test', version: '1' },
      {
        versionNegotiation: { mode },
        listChanged: { tools: onChanged('tools'), prompts: onChanged('prompts'), resources: onChanged('resources') },
      },
    )
    await client.connect(new TransportV2(new URL(url)))
    return { next, names: (kind) => namesIn(client, kind), close: () => client.close() }
  }

const clients: Record<string, (url: string) => Promise<Told>> = {
  'SDK v2, 2026-07-28': v2('auto'),
  'SDK v2, 2025-11-25': v2('legacy'),
  'SDK v1, 2025-11-25': async (url) => {
    const { tell, next } = waiting()
    const client = new ClientV1({ name: 'test', version: '1' })
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => tell('tools'))
    client.setNotificationHandler(PromptListChangedNotificationSchema, () => tell('prompts'))
    client.setNotificationHandler(ResourceListChangedNotificationSchema, () => tell('resources'))
    await client.connect(new TransportV1(new URL(url)))
    expect(client.getServerCapabilities()).toMatchObject({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
    })
    return { next, names: (kind) => namesIn(client, kind), close: () => client.close() }
  },
}

async function namesIn(client: ClientV1 | ClientV2, kind: ChangeKind): Promise<string[]> {
  const c = client as ClientV2
  const listed =
    kind === 'tools'
      ? (await c.listTools()).tools
      : kind === 'prompts'
        ? (await c.listPrompts()).prompts
        : (await c.listResources()).resources
  return listed.map(({ name }) => name)
}

describe.each(Object.entries(servers))(
  'a server of %s behind a gateway says that a list has changed',
  (_era, start) => {
    it.each(Object.entries(clients))('%s is told, and finds what is new', async (_name, connect) => {
      const server = await start()
      const gateway = await startGateway([mcpTarget('up')], { endpoints: endpoints(server.url) })
      const client = await connect(gateway.url)
      await server.followed()
      while (gateway.changes.size === 0) await new Promise((resolve) => setImmediate(resolve))
      for (const [kind, name] of [
        ['tools', 'up___more'],
        ['prompts', 'up___more'],
        ['resources', 'more'],
      ] as const) {
        expect(await client.names(kind)).not.toContain(name)
        server.add(kind, 'more')
        await client.next(kind)
        expect(await client.names(kind)).toContain(name)
      }
      await client.close()
      await gateway.close()
      await server.close()
    })

    it('and one that follows the managed service keeps the list of its last synchronization', async () => {
      const server = await start()
      const targets = [mcpTarget('up'), mcpTarget('live', { listingMode: 'DYNAMIC' })]
      const both = { 'https://up.example.com': server.url, 'https://live.example.com': server.url }
      const gateway = await startGateway(targets, { endpoints: both, managed: true })
      const client = await clients['SDK v2, 2026-07-28']!(gateway.url)
      await client.names('tools')
      await server.followed()
      server.add('tools', 'more')
      await client.next('tools')
      expect(await client.names('tools')).toEqual(['up___first', 'live___first', 'live___more'])
      await client.close()
      await gateway.close()
      await server.close()
    })
  },
)

it('what changes while the stream of a server is broken is found when it is opened again', async () => {
  const server = await servers['2025-11-25, with a session']!()
  const gateway = await startGateway([mcpTarget('up')], { endpoints: endpoints(server.url) })
  const client = await clients['SDK v2, 2026-07-28']!(gateway.url)
  await server.followed()
  // Nobody is told of this one: the connection is gone.
  server.hangUp!()
  server.add('tools', 'more')
  await client.next('tools')
  expect(await client.names('tools')).toEqual(['up___first', 'up___more'])
  await client.close()
  await gateway.close()
  await server.close()
})

describe('a stream of changes', () => {
  it('acknowledges what of it is served, carries the id of the request, and ends as the protocol says', async () => {
    const gateway = await startGateway([])
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'mine',
        method: 'subscriptions/listen',
        params: {
          notifications: { toolsListChanged: true, promptsListChanged: true },
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    gateway.changes.tell('prompts')
    gateway.changes.tell('tools')
    gateway.changes.end()
    const events = (await response.text())
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? line.slice(6) : []))
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'mine' }
    expect(events.map((each) => JSON.parse(each) as unknown)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true }, _meta },
      },
      { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } },
      { jsonrpc: '2.0', id: 'mine', result: { resultType: 'complete', _meta } },
    ])
    expect(gateway.changes.size).toBe(0)
    await gateway.close()
  })

  it('is forgotten when its client goes away', async () => {
    const gateway = await startGateway([])
    const gone = new AbortController()
    const headers = { accept: 'text/event-stream', 'mcp-protocol-version': '2025-11-25' }
    const response = await fetch(gateway.url, { headers, signal: gone.signal })
    expect([response.status, gateway.changes.size]).toEqual([200, 1])
    gone.abort()
    while (gateway.changes.size > 0) await new Promise((resolve) => setImmediate(resolve))
    await gateway.close()
  })

  it('is not there, and not promised, where nobody could keep it open', async () => {
    const gateway = await startGateway([], { listens: false })
    const { body } = await gateway.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {} })
    expect(body.result.capabilities).toEqual({ tools: {} })
    expect((await fetch(gateway.url, { headers: { accept: 'text/event-stream' } })).status).toBe(405)
    await gateway.close()
  })
})
