import { randomUUID } from 'node:crypto'
import { toFunctionUrlEvent } from '../../aws/function-url.ts'
import { integrationResponse, readPrelude, type Prelude } from '../../aws/response-stream.ts'
import { FairleadError, type ErrorCode } from '../../errors.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { isHostAllowed } from '../../mcp/origin.ts'
import type { GuardResult } from '../iam/guard.ts'
import { annotate, type Note } from '../../http/note.ts'
import type { LocalFunction } from './function.ts'
import type { Invocation } from './invocation.ts'
import { limitBody } from './limit-body.ts'

export interface FunctionUrlOptions {
  fn: LocalFunction
  /** Says nothing, or is absent, where nobody is asked who it is: auth type NONE. */
  guard?: (request: LightRequest) => Promise<GuardResult | undefined>
  mode: 'RESPONSE_STREAM' | 'BUFFERED'
  region: string
  accountId: string
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-22) */
const limits = { requestBytes: 6 * 1024 * 1024, streamedBytes: 200 * 1024 * 1024 } as const

/** Headers that a function URL does not let through under their own name. @see aws.md §5.3; the list follows API Gateway's, inferred for function URLs */
const remapped = new Set([
  'www-authenticate',
  'date',
  'server',
  'connection',
  'content-md5',
  'host',
  'user-agent',
  'via',
  'proxy-authenticate',
])
const dropped = new Set(['transfer-encoding', 'keep-alive', 'trailer', 'upgrade'])

/** A function URL in front of a function: guards, makes the event, and turns what the function says into HTTP. */
export function functionUrl(options: FunctionUrlOptions): FetchHandler {
  const { fn, guard, mode, accountId } = options
  return async (request, context) => {
    const light = request as unknown as LightRequest
    const ids = { 'x-amzn-requestid': context.requestId, 'x-amzn-trace-id': traceId(context.requestId) }
    // On AWS a URL is reached by its own name alone. Here that keeps web pages out that had a name rebound to loopback.
    if (!isHostAllowed(light.headers.get('host'), 'loopback'))
      return refuse(403, 'Forbidden', { code: 'HOST_FOREIGN', why: 'The Host header is not of this machine.' }, ids)
    const allowed = await guard?.(light)
    if (allowed && !allowed.ok) {
      const { status, errorType, message, code, why, principal, decision } = allowed
      return refuse(
        status,
        message,
        { code, why, ...(principal ? { principal } : {}), ...(decision ? { decision } : {}) },
        { ...ids, 'x-amzn-errortype': errorType },
      )
    }
    const who = allowed ? { principal: allowed.principal.id } : {}
    if (light.bytes.byteLength > limits.requestBytes)
      return refuse(
        413,
        'Request Entity Too Large',
        { code: 'LAMBDA_TOO_LARGE', why: 'The request has more than 6 MB.', ...who },
        ids,
      )
    const event = toFunctionUrlEvent(light, {
      requestId: context.requestId,
      accountId,
      domainName: light.headers.get('host') ?? 'localhost',
      sourceIp: '127.0.0.1',
      now: Date.now(),
      ...(allowed ? { iam: allowed.iam } : {}),
    })
    try {
      const invocation = await fn.invoke({
        payload: Buffer.from(JSON.stringify(event)),
        requestId: context.requestId,
      })
      const response = await answer(invocation, mode, ids)
      return annotate(response, { ...who, ...failure(invocation) })
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error
      if (error.code === 'LAMBDA_THROTTLED')
        return refuse(429, 'Rate Exceeded.', { code: error.code, why: error.message, ...who }, ids)
      return refuse(502, 'Internal Server Error', { code: error.code, why: error.message, ...who }, ids)
    }
  }
}

async function answer(
  invocation: Invocation,
  mode: FunctionUrlOptions['mode'],
  ids: Record<string, string>,
): Promise<Response> {
  if (invocation.kind === 'stream') return streamed(invocation, ids)
  if (invocation.functionError)
    return new Response('Internal Server Error', { status: 502, headers: { ...ids, 'content-type': 'text/plain' } })
  // In RESPONSE_STREAM mode the envelope of a function that does not stream is delivered as it is.
  if (mode === 'RESPONSE_STREAM')
    return new Response(invocation.payload as Uint8Array<ArrayBuffer>, {
      status: 200,
      headers: { ...ids, 'content-type': 'application/octet-stream' },
    })
  return buffered(invocation.payload, ids)
}

async function streamed(
  { body, contentType, ended }: Invocation & { kind: 'stream' },
  ids: Record<string, string>,
): Promise<Response> {
  const reader = body.getReader()
  let begun: Buffer = Buffer.alloc(0)
  for (;;) {
    const { done, value } = await reader.read()
    // A function that failed before its first byte has no status of its own.
    if (done && begun.length === 0 && (await ended).error)
      return new Response('Internal Server Error', { status: 502, headers: ids })
    if (contentType !== integrationResponse) {
      reader.releaseLock()
      return new Response(limitBody(body, limits.streamedBytes, value), {
        status: 200,
        headers: { ...ids, 'content-type': contentType },
      })
    }
    if (value)
      begun =
        begun.length === 0
          ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
          : Buffer.concat([begun, value])
    const found = readPrelude(begun)
    if (found) {
      reader.releaseLock()
      return respond(found.prelude, limitBody(body, limits.streamedBytes, found.rest), ids)
    }
    if (done) return new Response('Internal Server Error', { status: 502, headers: ids })
  }
}

/** A function that does not stream, in BUFFERED mode: an envelope, or anything else as the body. */
function buffered(payload: Buffer, ids: Record<string, string>): Response {
  const value = JSON.parse(payload.toString()) as unknown
  const envelope = value as Partial<Prelude> & { body?: unknown; isBase64Encoded?: unknown }
  if (typeof value !== 'object' || value === null || envelope.statusCode === undefined)
    return new Response(typeof value === 'string' ? value : payload.toString(), {
      status: 200,
      headers: { ...ids, 'content-type': 'application/json' },
    })
  const text = typeof envelope.body === 'string' ? envelope.body : JSON.stringify(envelope.body ?? '')
  const body = Buffer.from(text, envelope.isBase64Encoded === true ? 'base64' : 'utf8')
  return respond(
    {
      statusCode: envelope.statusCode,
      headers: { 'content-type': 'application/json', ...lowered(envelope.headers) },
      ...(envelope.cookies ? { cookies: envelope.cookies } : {}),
    },
    body,
    ids,
  )
}

function respond(
  { statusCode, headers, cookies }: Prelude,
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>,
  ids: Record<string, string>,
): Response {
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599)
    return new Response('Internal Server Error', { status: 502, headers: ids })
  const all = new Headers(ids)
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    if (!dropped.has(lower)) all.set(remapped.has(lower) ? `x-amzn-remapped-${lower}` : lower, value)
  }
  for (const cookie of cookies ?? []) all.append('set-cookie', cookie)
  const empty = statusCode === 204 || statusCode === 304 || statusCode === 205
  if (empty && body instanceof ReadableStream) void body.cancel()
  return new Response(empty ? null : body, { status: statusCode, headers: all })
}

function lowered(headers: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]))
}

/** What went wrong inside the function, in our words. */
function failure(invocation: Invocation): { code?: ErrorCode; why?: string } {
  if (invocation.kind === 'stream' || !invocation.functionError) return {}
  const { errorType = '', errorMessage = '' } = JSON.parse(invocation.payload.toString()) as {
    errorType?: string
    errorMessage?: string
  }
  const code =
    errorType === 'Sandbox.Timedout'
      ? 'LAMBDA_TIMEOUT'
      : errorType === 'Runtime.OutOfMemory'
        ? 'LAMBDA_OUT_OF_MEMORY'
        : errorType === 'Function.ResponseSizeTooLarge'
          ? 'LAMBDA_TOO_LARGE'
          : 'LAMBDA_CRASHED'
  return { code, why: `${errorType}: ${errorMessage.split('\n')[0]!.slice(0, 300)}` }
}

function refuse(
  status: number,
  message: string,
  note: Note & { code: ErrorCode; why: string },
  headers: Record<string, string>,
): Response {
  return annotate(
    new Response(JSON.stringify({ Message: message }), {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    }),
    note,
  )
}

function traceId(requestId: string): string {
  return `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${requestId.replaceAll('-', '').slice(0, 24) || randomUUID()}`
}
