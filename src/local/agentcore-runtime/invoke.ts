import type { IncomingMessage } from 'node:http'
import { annotate, type Note, type SessionProcess } from '../../http/note.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { DataPlaneOptions } from './data-plane.ts'
import { bodyOf, forward, headersFor, headersOf, streamOf } from './forward.ts'
import type { Refused } from './refusal.ts'
import type { Session } from './session.ts'
import type { Wanted } from './sessions.ts'

/** An answer of a session's server, on its way to the client. */
export interface Invoked {
  ok: true
  response: Response
  /** For the log; what happens while it streams is added. */
  note: Note
  id: string
  /** The client named no session before. */
  fresh: boolean
}

export interface Invocation {
  /** The session that the client names. */
  id: string | null
  requestId: string
  qualifier: string
}

/** A JSON answer up to this size is read whole. */
const wholeBytes = 100_000_000

/** Finds or starts the session of a call, sends it there, and turns what comes back into what the Runtime answers. */
export async function invoke(
  request: LightRequest,
  { id, requestId, qualifier }: Invocation,
  options: DataPlaneOptions,
): Promise<Invoked | ({ ok: false } & Refused)> {
  if (id !== null && options.sessions.rotated.has(id))
    return received(404, 'The session id is one that the fault session-rotates made up.')
  const lease = await options.sessions.lease(wantedBy(request, id, options.modernSessions), qualifier)
  if (!lease.ok) return lease
  const { session, done, process } = lease
  try {
    const headers = headersFor(session, request, {
      allowlist: options.allowlist,
      requestId,
      identity: session.identity,
    })
    const upstream = await forward(session, request, headers, options.requestMs)
    return await answered(upstream, session, id === null, { done, request, options, ...(process ? { process } : {}) })
  } catch (error) {
    done()
    return broken(error as Error)
  }
}

function wantedBy(request: LightRequest, id: string | null, modernSessions: 'each' | 'pool'): Wanted {
  if (id !== null) return { kind: 'named', id }
  if (isModern(request) && modernSessions === 'pool') return { kind: 'pooled' }
  // Who says `initialize` comes back with the id that it is given; anybody else has no reason to.
  return { kind: isInitialize(request) ? 'fresh' : 'once' }
}

async function answered(
  upstream: IncomingMessage,
  session: Session,
  fresh: boolean,
  call: { done: () => void; request: LightRequest; options: DataPlaneOptions; process?: SessionProcess },
): Promise<Invoked | ({ ok: false } & Refused)> {
  const status = upstream.statusCode ?? 500
  const headers = headersOf(upstream)
  if (status >= 400) {
    const said = await bodyOf(upstream, 10_000).catch(() => '')
    call.done()
    return received(status, `The server answered ${status}: ${said.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)}`)
  }
  const note: Note = call.process ? { process: call.process } : {}
  if (headers['content-type']?.startsWith('text/event-stream')) {
    const body = streamOf(
      upstream,
      (error) => {
        call.done()
        if (error && !call.request.signal.aborted) Object.assign(note, broken(error))
      },
      call.options.streamMs,
    )
    return invoked(new Response(body, { status, headers }), note, session, fresh)
  }
  const text = await bodyOf(upstream, wholeBytes)
  call.done()
  return invoked(new Response(text, { status, headers }), note, session, fresh)
}

function invoked(response: Response, note: Note, session: Session, fresh: boolean): Invoked {
  return { ok: true, response: annotate(response, note), note, id: session.id, fresh }
}

/** As it was recorded on AWS by others (2026): the status is in the words, the body stays with the server. */
function received(status: number, why: string): { ok: false } & Refused {
  return {
    ok: false,
    error: 'RuntimeClientError',
    code: 'RUNTIME_SERVER_REFUSED',
    why,
    message: `Received error (${status}) from runtime. Please check your CloudWatch logs for more information.`,
  }
}

function broken(error: Error): { ok: false } & Refused {
  const late = error.message === 'late'
  return {
    ok: false,
    error: 'RuntimeClientError',
    code: late ? 'RUNTIME_TIMEOUT' : 'RUNTIME_CRASHED',
    why: late ? 'The call took longer than it may.' : `The connection to the session broke: ${error.message}.`,
  }
}

function isModern(request: LightRequest): boolean {
  const version = request.headers.get('mcp-protocol-version')
  return version !== null && version >= '2026'
}

function isInitialize({ bytes }: LightRequest): boolean {
  if (
    bytes.byteLength > 64 * 1024 ||
    !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"initialize"')
  )
    return false
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) as { method?: unknown }).method === 'initialize'
  } catch {
    return false
  }
}
