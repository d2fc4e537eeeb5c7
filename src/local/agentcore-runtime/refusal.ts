import type { Decision } from '../../aws/permissions.ts'
import { runtimeErrors, type RuntimeError } from '../../aws/agentcore-runtime.ts'
import type { ErrorCode } from '../../errors.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { annotate } from '../../http/note.ts'
import type { Operation } from './operation.ts'

/** Who asked, and what for: what an answer needs beside itself. */
export interface Asked {
  operation: Operation
  request: LightRequest
  requestId: string
  principal?: string
}

export interface Refused {
  error: RuntimeError
  errorType?: string
  message?: string
  headers?: Record<string, string>
  code: ErrorCode
  why: string
  principal?: string
  decision?: Decision
}

/** An operation of the service's own API is refused with its status; an invocation of an MCP runtime in MCP's words. */
export function refuse(asked: Asked, refused: Refused): Response {
  const facts = runtimeErrors[refused.error]
  const message = refused.message ?? facts.message
  const inMcp = asked.operation.kind === 'invoke'
  const status = inMcp ? facts.mcpStatus : facts.status
  const body = inMcp
    ? { jsonrpc: '2.0', id: idOf(asked.request.bytes), error: { code: facts.code, message } }
    : { message, ...(refused.error === 'ValidationException' ? { reason: 'FieldValidationFailed' } : {}) }
  const response = Response.json(body, {
    status,
    headers: {
      ...refused.headers,
      ...(status === 200 ? {} : { 'x-amzn-errortype': refused.errorType ?? refused.error }),
    },
  })
  return noted(response, asked, refused)
}

/** Notes who called, and why it was refused, for the log. */
export function noted(response: Response, asked: Asked, refused?: Refused): Response {
  const principal = asked.principal ?? refused?.principal
  return annotate(response, {
    ...(refused ? { code: refused.code, why: refused.why } : {}),
    ...(refused?.decision ? { decision: refused.decision } : {}),
    ...(principal ? { principal } : {}),
  })
}

/** The id of the call that is refused, so that its client finds it. */
function idOf(body: Uint8Array): string | number | null {
  if (body.byteLength > 1_000_000) return null
  try {
    const { id } = JSON.parse(Buffer.from(body).toString()) as { id?: unknown }
    return typeof id === 'string' || typeof id === 'number' ? id : null
  } catch {
    return null
  }
}

/** An answer of the service itself, to what is no operation of a runtime. */
export function plain(status: number, errorType: string, message: string, allow?: string): Response {
  const headers = { 'x-amzn-errortype': errorType, ...(allow ? { allow } : {}) }
  return Response.json({ message }, { status, headers })
}
