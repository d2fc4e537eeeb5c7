import type { FetchHandler } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import { withEnd } from '../http/with-end.ts'
import type { RequestLog } from './requests.ts'

/** Keeps what clients and browsers do at a server that is no platform, so that a sign-in which stops can be explained. */
export function keptSignIn(platform: string, handler: FetchHandler, requests: RequestLog): FetchHandler {
  return async (request, context) => {
    const started = performance.now()
    const at = Date.now()
    const light = request as unknown as LightRequest
    const response = await handler(request, context)
    const headers = [...response.headers].flat()
    const why = errorInLocation(headers)
    const { lightBody } = response as { lightBody?: string }
    return withEnd(response, () =>
      requests.keep(
        {
          id: context.requestId,
          at,
          platform,
          method: light.method,
          status: response.status,
          ms: performance.now() - started,
          requestBytes: light.bytes.byteLength,
          ...(why === undefined ? {} : { why }),
        },
        {
          target: light.target,
          rawHeaders: light.rawHeaders,
          body: light.bytes,
          answer: { headers, ...(lightBody === undefined ? {} : { body: lightBody }) },
        },
      ),
    )
  }
}

/** An authorization endpoint says what is wrong in the place that it sends the browser to. @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 */
export function errorInLocation(headers: readonly string[]): string | undefined {
  const at = headers.findIndex((each, place) => place % 2 === 0 && each.toLowerCase() === 'location')
  const location = at < 0 ? undefined : headers[at + 1]
  if (location === undefined || !URL.canParse(location, 'http://127.0.0.1')) return undefined
  const { searchParams } = new URL(location, 'http://127.0.0.1')
  const error = searchParams.get('error')
  if (error === null) return undefined
  const description = searchParams.get('error_description')
  return `${error}${description ? `: ${description}` : ''}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
