import { timingSafeEqual } from 'node:crypto'
import { originSecretHeader, viewerAddressHeader } from '../aws/viewer-request.ts'
import type { FetchHandler } from '../http/fetch-handler.ts'
import { asRequest, type LightRequest } from '../http/light-request.ts'
import { annotate } from '../http/note.ts'

/**
 * Refuses who lacks CloudFront's secret header: a function URL with auth type NONE can be reached around it. Where the viewer
 * is comes from a header that the viewer-request function sets, and counts behind the secret alone: of `X-Forwarded-For` a
 * function URL keeps the leftmost value, which the client wrote.
 * @see https://speedrun.nobackspacecrew.com/blog/2026/03/06/obtaining-caller-ip-address-with-lambda-furls.html (read 2026-11-25)
 */
export function onlyThroughOrigin(handler: FetchHandler, secret: string): FetchHandler {
  const wanted = Buffer.from(secret)
  return async (request, context) => {
    const given = Buffer.from(request.headers.get(originSecretHeader) ?? '')
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      return annotate(new Response('Forbidden', { status: 403 }), {
        code: 'ORIGIN_SECRET',
        why: 'The request came around CloudFront: it lacks the secret header.',
      })
    const light = request as unknown as Partial<LightRequest>
    const remoteAddress = request.headers.get(viewerAddressHeader)
    return handler(light.without ? asRequest(light.without([originSecretHeader, viewerAddressHeader])) : request, {
      ...context,
      ...(remoteAddress ? { remoteAddress } : {}),
    })
  }
}
