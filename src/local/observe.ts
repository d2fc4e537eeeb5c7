import type { Wire } from '../explain/keep.ts'
import type { FetchHandler } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import { noteOf } from '../http/note.ts'
import { withEnd } from '../http/with-end.ts'
import type { Platform } from '../platforms.ts'
import type { Notes } from './notes.ts'
import type { RequestLog } from './requests.ts'

/**
 * Puts a FetchHandler under observation: one record for each request, made when its answer has ended. `notes` has what the
 * server's own process said of it.
 */
export function observed(platform: Platform, handler: FetchHandler, log: RequestLog, notes?: Notes): FetchHandler {
  return async (request, context) => {
    const started = performance.now()
    const at = Date.now()
    const light = request as unknown as LightRequest
    const response = await handler(request, context)
    const finish = async (responseBytes: number) => {
      const ms = performance.now() - started
      const note = { ...noteOf(response), ...(await notes?.of(context.requestId)) }
      const record = {
        id: context.requestId,
        at,
        platform,
        method: light.method,
        path: light.target.split('?')[0]!,
        status: response.status,
        ms,
        requestBytes: light.bytes.byteLength,
        responseBytes,
        ...note,
        ...callIn(light.method === 'POST' ? light.bytes : undefined),
      }
      log.add(record, {
        target: light.target,
        rawHeaders: light.rawHeaders,
        body: light.bytes,
        ...(response.status >= 400 ? { answer: answerOf(response) } : {}),
      })
    }
    return withEnd(response, (bytes) => log.expect(finish(bytes)))
  }
}

/** What a refusal said: its headers, and its body where that is at hand. */
function answerOf(response: Response): NonNullable<Wire['answer']> {
  const { lightBody } = response as { lightBody?: string }
  return { headers: [...response.headers].flat(), ...(lightBody === undefined ? {} : { body: lightBody }) }
}

/** The JSON-RPC method and tool, from the body of an MCP POST; nothing when it is something else. */
export function callIn(body: Uint8Array | undefined): { call?: string; tool?: string } {
  if (!body || body.byteLength > 256 * 1024) return {}
  try {
    const { method, params } = JSON.parse(Buffer.from(body).toString()) as {
      method?: unknown
      params?: { name?: unknown }
    }
    if (typeof method !== 'string') return {}
    const tool = method === 'tools/call' && typeof params?.name === 'string' ? printable(params.name) : undefined
    return { call: tool ? `${method} ${tool}` : printable(method), ...(tool ? { tool } : {}) }
  } catch {
    return {}
  }
}

/** What a client sent goes to a terminal: no control characters, and not for ever. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80)
}
