import type { Credentials } from '../../auth/sigv4/credentials.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import { asRequest, type LightRequest } from '../../http/light-request.ts'
import { annotate, noteOf } from '../../http/note.ts'
import type { Faults } from '../faults.ts'
import { answerFaults, breakAnswer } from './answers.ts'
import { requestFaults, withBrokenHeaders } from './requests.ts'
import { breakSignature } from './break-signature.ts'
import { signatureFaults } from './signatures.ts'
import { tokenFaults, withBrokenToken } from './tokens.ts'

/** Breaks what comes, as a client or a hop before this endpoint would have. Without a fault it is the handler itself. */
export function withRequestFaults(
  handler: FetchHandler,
  faults: Faults | undefined,
  endpoint: { service: string; region: string; keys: readonly Credentials[] },
): FetchHandler {
  if (!faults) return handler
  return (request, context) => {
    if (faults.none) return handler(request, context)
    const light = request as unknown as LightRequest
    const signatures = faults.of(signatureFaults)
    const tokens = faults.of(tokenFaults)
    const signed = signatures.length > 0 ? breakSignature(light, signatures, endpoint) : light
    const carried = tokens.length > 0 ? withBrokenToken(signed, tokens) : signed
    return handler(asRequest(withBrokenHeaders(carried, faults.of(requestFaults))), context)
  }
}

/** Breaks what goes, as a hop behind this endpoint would. */
export function withAnswerFaults(handler: FetchHandler, faults: Faults | undefined): FetchHandler {
  if (!faults) return handler
  return async (request, context) => {
    const response = await handler(request, context)
    if (faults.none) return response
    const { method, target } = request as unknown as LightRequest
    const headers = [...response.headers]
    const change = breakAnswer(
      { method, path: target.split('?')[0]!, status: response.status, headers },
      faults.of(answerFaults),
    )
    if (!change) return response
    const text = change.body || change.hold ? await response.text() : undefined
    const body = text === undefined ? response.body : (change.body?.(text) ?? text)
    const broken = new Response(body, { status: change.status ?? response.status, headers: change.headers ?? headers })
    return annotate(broken, noteOf(response))
  }
}
