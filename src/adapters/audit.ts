import type { FetchHandler, RequestContext } from '../http/fetch-handler.ts'
import { annotate, noteOf } from '../http/note.ts'

/** One line of a process's log: who was answered what, and why not. It carries no token, argument or result. */
export interface AuditLine {
  audit: { requestId: string; status: number; principal?: string; code?: string; why?: string }
}

/**
 * Writes one JSON line for each request that had to say who calls, when its answer begins. The platform's request id
 * leads from it to the load balancer's log.
 */
export function audited(handler: FetchHandler, write: (line: string) => void): FetchHandler {
  return async (request, context) => {
    const response = await handler(request, context)
    const note = noteOf(response)
    if (note.principal === undefined && note.code === undefined) return response
    const line: AuditLine = { audit: { requestId: context.requestId, status: response.status, ...note } }
    write(JSON.stringify(line))
    return annotate(response, note)
  }
}

/** The platform's id of a request: the trace id that a load balancer gives, else the one of the context. */
export function withTraceId(handler: FetchHandler): FetchHandler {
  return (request, context: RequestContext) => {
    const root = /(?:^|;)Root=([\w-]{1,64})/.exec(request.headers.get('x-amzn-trace-id') ?? '')?.[1]
    return handler(request, root === undefined ? context : { ...context, requestId: root })
  }
}
