import { randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import type { ServerEvent } from '@modelcontextprotocol/server'
import { anonymous, type FetchHandler, type RequestContext } from '../../http/fetch-handler.ts'
import { asRequest, LightRequest } from '../../http/light-request.ts'
import { deriveKey } from '../../state/shared-secret.ts'
import type { Table } from '../../state/table.ts'
import { codes, errorResponse } from '../json-rpc.ts'
import {
  type Envelope,
  envelopeHeader,
  type ForwardedCall,
  maxEnvelopeLength,
  maxSkewMs,
  openEnvelope,
  sealEnvelope,
  sha256,
} from './envelope.ts'
import { Outboxes } from './outbox.ts'
import { send } from './send.ts'

/** Where tasks reach each other. It answers 404 to everything that no task has sent. */
export const peerPath = '/.fairlead/peer'

export interface PeerOptions {
  table: Table
  /** Shared by all tasks of a deployment; 32 characters or more. */
  secret: string | Uint8Array
  /** Where this task is reached by the others, such as `http://10.0.1.7:8000`; asked for at every heartbeat. */
  address: string | (() => string)
  /** Seconds after which a task that says nothing more is gone; 30 by default. */
  ttlS?: number
  /** How long a connection to another task may take; 2,000 by default. */
  connectMs?: number
  now?: () => number
  log?: (entry: { level: 'warn'; message: string; cause?: unknown }) => void
}

export interface Peers {
  /** The name of this task, new with every start. */
  readonly id: string
  readonly table: Table
  /** Enters this task in the table, and keeps it there. Call it when the task listens. */
  start(): Promise<void>
  /** Takes it out again, and ends what it has open to others. */
  close(): Promise<void>
  /** Answers what another task sends to `peerPath`. No guard stands in front of it: it brings its own proof. */
  fetch: (request: Request) => Promise<Response>
  /** Sends a client's request to the task that can answer it. */
  forward(to: string, call: { request: Request; context: RequestContext }): Promise<Response | 'gone' | 'failed'>
  /** Sends an event to all other tasks, without waiting. */
  broadcast(event: ServerEvent): void
  /** Who answers what others forward, and who hears of their events. */
  on(handlers: { call?: FetchHandler; event?: (event: ServerEvent) => void }): void
}

interface Registration {
  id: string
  address: string
}

const kind = 'McpPeer'
const index = 'mcp-peers'

/** Headers of a client that its server may see; whatever proves who it is stays behind. */
const forwarded =
  /^(?:accept|content-type|last-event-id|origin|user-agent|traceparent|tracestate|baggage|mcp-[a-z0-9-]+)$/

/** How many nonces are remembered at most; each is of an envelope that was authentic. */
const maxNonces = 100_000

/**
 * Lets the tasks of one deployment reach each other over HTTP. What they send is authenticated with a key made of the
 * shared secret, meant for one task, short-lived and taken once. They call only addresses that tasks wrote into the table.
 */
export function createPeers(options: PeerOptions): Peers {
  const { table, ttlS = 30, connectMs = 2000, now = Date.now, log = () => {} } = options
  const id = randomUUID()
  const key = deriveKey(options.secret, 'peers')
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 32 })
  const nonces = new Map<string, number>()
  const closing = new AbortController()
  let handlers: Parameters<Peers['on']>[0] = {}
  let heartbeat: NodeJS.Timeout | undefined

  const register = async () => {
    const address = typeof options.address === 'function' ? options.address() : options.address
    await table.write(kind, id, { id, address } satisfies Registration, { ttlS, index })
  }
  const deliver = async (to: Registration, body: Uint8Array, signal: AbortSignal, call?: ForwardedCall) => {
    const envelope = sealEnvelope(key, {
      to: to.id,
      nonce: randomUUID(),
      at: now(),
      sha256: sha256(body),
      ...(call ? { call } : {}),
    })
    if (envelope.length > maxEnvelopeLength)
      return errorResponse(431, codes.invalidRequest, 'The headers are too large')
    const answer = await send({ agent, url: to.address + peerPath, envelope, body, signal, connectMs })
    if (answer === 'gone') await table.remove(kind, to.id)
    return answer
  }
  const outboxes = new Outboxes({
    others: async () =>
      (await table.list<Registration>(index)).map(({ value }) => value).filter((each) => each.id !== id),
    deliver: async (to, events) => {
      const answer = await deliver(to, Buffer.from(JSON.stringify(events)), within(closing.signal))
      if (answer === 'failed' || (answer !== 'gone' && answer.status !== 202))
        log({ level: 'warn', message: 'A change was not told to another task' })
      if (typeof answer !== 'string') await answer.body?.cancel()
    },
    failed: (cause) => log({ level: 'warn', message: 'A change was not told to other tasks', cause }),
    now,
  })
  const isNew = ({ nonce, at }: Envelope) => {
    for (const [old, time] of nonces) {
      if (now() - time <= 2 * maxSkewMs) break
      nonces.delete(old)
    }
    if (nonces.has(nonce) || nonces.size >= maxNonces || typeof at !== 'number') return false
    nonces.set(nonce, now())
    return true
  }

  return {
    id,
    table,
    start: async () => {
      await register()
      heartbeat ??= setInterval(
        () => {
          register().catch((cause: unknown) => log({ level: 'warn', message: 'The heartbeat was not written', cause }))
        },
        (ttlS * 1000) / 3,
      ).unref()
    },
    close: async () => {
      clearInterval(heartbeat)
      await outboxes.settled()
      closing.abort()
      await table.remove(kind, id)
      agent.destroy()
    },
    fetch: async (request) => {
      const light = request as unknown as Partial<LightRequest>
      if (request.method !== 'POST') return notFound()
      const envelope = openEnvelope(key, request.headers.get(envelopeHeader), { to: id, now: now() })
      if (!envelope) return notFound()
      const bytes = light.bytes ?? new Uint8Array(await request.arrayBuffer())
      if (sha256(bytes) !== envelope.sha256 || !isNew(envelope)) return notFound()
      if (envelope.call)
        return handlers.call
          ? handlers.call(requestOf(envelope.call, bytes, request.signal), contextOf(envelope.call))
          : notFound()
      for (const event of JSON.parse(Buffer.from(bytes).toString('utf8')) as ServerEvent[]) handlers.event?.(event)
      return new Response(null, { status: 202 })
    },
    forward: async (to, { request, context }) => {
      const registration = (await table.get<Registration>(kind, to))?.value
      if (!registration) return 'gone'
      const light = request as unknown as Partial<LightRequest>
      const headers: Record<string, string> = {}
      request.headers.forEach((value, name) => {
        if (forwarded.test(name)) headers[name] = value
      })
      return deliver(registration, light.bytes ?? new Uint8Array(await request.arrayBuffer()), request.signal, {
        method: request.method,
        target: light.target ?? new URL(request.url).pathname,
        headers,
        context,
      })
    },
    broadcast: (event) => outboxes.add(event),
    on: (more) => {
      handlers = { ...handlers, ...more }
    },
  }
}

function requestOf({ method, target, headers }: ForwardedCall, bytes: Uint8Array, signal: AbortSignal): Request {
  const rawHeaders = Object.entries(headers).flat()
  return asRequest(new LightRequest({ method, target, rawHeaders, bytes, signal, origin: 'http://peer' }))
}

function contextOf({ context }: ForwardedCall): RequestContext {
  return { requestId: context.requestId, principal: context.principal ?? anonymous }
}

/** Events are small: a task that does not take them in this time is not waited for. */
function within(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(5000)])
}

function notFound(): Response {
  return errorResponse(404, codes.server, 'Not found')
}
