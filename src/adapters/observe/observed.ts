import type { Call } from '../../http/call.ts'
import type { FetchHandler, RequestContext } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { LightResponse } from '../../http/light-response.ts'
import { annotate, noteOf, type Note } from '../../http/note.ts'
import { parseJson } from '../../mcp/read-json.ts'
import { endingOf, StreamReader, type Ending, type Outcome } from './outcome.ts'
import { newTraceId, readAmznTraceId, readTraceparent } from './trace.ts'

/** A request that was answered. */
export interface Observed {
  call: Call
  note: Note
  status: number
  outcome: Outcome
  rpcCode?: number
  /** Milliseconds since 1970. */
  startedAt: number
  durationMs: number
}

export interface Observation {
  /** In front of everything: who was refused is seen too. */
  outside(handler: FetchHandler): FetchHandler
  /** Behind the guard: only then is it known who calls, and only then is a body worth reading. */
  inside(handler: FetchHandler): FetchHandler
}

/**
 * Observes what a handler answers, and tells each request when its answer has ended: a stream's end counts, not its beginning.
 * What neither calls a method nor is refused, such as a health check, is not told.
 */
export function observe(tell: (observed: Observed) => void): Observation {
  return {
    outside: (handler) => async (request, context) => {
      const call = callFrom(request, context)
      const startedAt = performance.timeOrigin + performance.now()
      const from = performance.now()
      const response = await handler(request, { ...context, call })
      const note = noteOf(response)
      const end = (ending: Ending) => {
        if (call.method === undefined && note.code === undefined && response.status < 500) return
        if (call.method !== undefined && call.rpcId === undefined && call.method !== 'batch') return
        tell({ call, note, status: response.status, ...ending, startedAt, durationMs: performance.now() - from })
      }
      return followed(response, note, request.signal, end)
    },
    inside: (handler) => async (request, context) => {
      const { call } = context
      if (call && request.method === 'POST') {
        ;(request as unknown as LightRequest).call = call
        const parsed = await parseJson(request)
        if (parsed) readMessage(call, parsed.value)
        readHeaders(call, request, context)
      }
      return handler(request, context)
    },
  }
}

function callFrom({ headers }: Request, { requestId }: RequestContext): Call {
  const http = readTraceparent(headers.get('traceparent'))
  const amzn = http ? undefined : readAmznTraceId(headers.get('x-amzn-trace-id'))
  const spanId = http?.spanId ?? amzn?.spanId
  return {
    requestId,
    traceId: http?.traceId ?? amzn?.traceId ?? newTraceId(),
    ...(spanId === undefined ? {} : { parentSpanId: spanId }),
    sampled: http?.sampled ?? amzn?.sampled ?? true,
  }
}

const word = (value: unknown, max = 128) => (typeof value === 'string' && value.length <= max ? value : undefined)

interface Message {
  id?: unknown
  method?: unknown
  params?: { name?: unknown; uri?: unknown; _meta?: Record<string, unknown> } | null
}

function readMessage(call: Call, body: unknown): void {
  if (Array.isArray(body)) {
    call.method = 'batch'
    return
  }
  const { id, method, params } = (body ?? {}) as Message
  const name = word(method)
  if (name === undefined) return
  call.method = name
  if (typeof id === 'string' || typeof id === 'number') call.rpcId = id
  const target = word(params?.name)
  if (name === 'tools/call' && target !== undefined) call.tool = target
  if (name === 'prompts/get' && target !== undefined) call.promptName = target
  const uri = word(params?.uri, 2048)
  if (uri !== undefined) call.resourceUri = uri
  const version = word(params?._meta?.['io.modelcontextprotocol/protocolVersion'], 16)
  if (version !== undefined) call.protocolVersion = version
  adopt(call, params?._meta?.traceparent)
}

/**
 * The caller's span of the message is the parent; that of the HTTP request is linked.
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md#context-propagation
 */
function adopt(call: Call, traceparent: unknown): void {
  const parent = readTraceparent(traceparent)
  if (!parent) return
  const { traceId, parentSpanId } = call
  if (parentSpanId !== undefined && parentSpanId !== parent.spanId) call.link = { traceId, spanId: parentSpanId }
  call.traceId = parent.traceId
  call.parentSpanId = parent.spanId
  call.sampled = parent.sampled
}

function readHeaders(call: Call, { headers }: Request, { principal }: RequestContext): void {
  const version = word(headers.get('mcp-protocol-version'), 16)
  if (version !== undefined) call.protocolVersion ??= version
  const session = word(headers.get('mcp-session-id'), 256)
  if (session !== undefined) call.sessionId = session
  if (principal.id !== '') call.principal = principal.id
  if (principal.clientId !== undefined) call.clientId = principal.clientId
}

function followed(response: Response, note: Note, signal: AbortSignal, end: (ending: Ending) => void): Response {
  const refused = () => response.status === 401 || response.status === 403 || note.code === 'POLICY_DENIED'
  const judged = (ending: Ending | undefined): Ending => {
    if (refused()) return { outcome: 'refused' }
    if (signal.aborted) return { outcome: 'aborted' }
    if (response.status >= 400) return { ...ending, outcome: 'error' }
    return ending ?? { outcome: response.body === null || response.status === 202 ? 'ok' : 'aborted' }
  }
  const { lightBody } = response as unknown as Partial<LightResponse>
  if (lightBody !== undefined) {
    end(judged(endingOf(lightBody)))
    return response
  }
  if (!response.body) {
    end(judged({ outcome: 'ok' }))
    return response
  }
  const reader = new StreamReader(response.headers.get('content-type') ?? '')
  const body = readAlong(response.body, reader, (whole) =>
    end(whole ? judged(reader.end()) : refused() ? { outcome: 'refused' } : { outcome: 'aborted' }),
  )
  return annotate(new Response(body, { status: response.status, headers: response.headers }), note)
}

/** Passes a body on as it comes, and says once when it has ended: whole, or not. */
function readAlong(
  body: ReadableStream<Uint8Array>,
  reader: StreamReader,
  end: (whole: boolean) => void,
): ReadableStream<Uint8Array> {
  const source = body.getReader()
  let ended = false
  const once = (whole: boolean) => {
    if (!ended) end(whole)
    ended = true
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.read()
          if (!done) {
            reader.take(value)
            return controller.enqueue(value)
          }
          once(true)
          controller.close()
        } catch (error) {
          once(false)
          controller.error(error)
        }
      },
      async cancel(reason) {
        once(false)
        await source.cancel(reason).catch(() => {})
      },
    },
    { highWaterMark: 0 },
  )
}
