import { randomBytes } from 'node:crypto'
import { createContext, Script } from 'node:vm'
import { originSecretHeader, viewerAddressHeader } from '../../aws/viewer-request.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import { asRequest, LightRequest } from '../../http/light-request.ts'
import { annotate } from '../../http/note.ts'
import { isHostAllowed } from '../../mcp/origin.ts'

export interface CloudfrontOptions {
  /** Source of the function at viewer-request. */
  viewerRequest: string
  /** What stands behind it. */
  origin: { handler: FetchHandler; host: string; secret: string }
}

interface Values {
  [name: string]: { value: string; multiValue?: { value: string }[] }
}

interface Generated {
  statusCode: number
  headers?: Values
  body?: string | { encoding: 'text' | 'base64'; data: string }
}

/**
 * Stands in for CloudFront in front of a function URL with auth type NONE: runs the deployed viewer-request function,
 * does not pass the viewer's Host on, and adds the secret header that lets the origin know it. It caches nothing, as the
 * deployed behaviour does.
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
 */
export function cloudfront({ viewerRequest, origin }: CloudfrontOptions): FetchHandler {
  const run = compile(viewerRequest)
  return async (request, context) => {
    const light = request as unknown as LightRequest
    const id = { 'x-amz-cf-id': randomBytes(32).toString('base64url'), via: '1.1 local.cloudfront.net (CloudFront)' }
    if (!isHostAllowed(light.headers.get('host'), 'loopback'))
      return annotate(new Response('Forbidden', { status: 403, headers: id }), {
        code: 'HOST_FOREIGN',
        why: 'The Host header is not of this machine.',
      })
    const outcome = run(eventOf(light, context.requestId))
    if ('statusCode' in outcome) {
      const headers = { ...flat(outcome.headers ?? {}), ...id, 'x-cache': 'FunctionGeneratedResponse from cloudfront' }
      return annotate(new Response(bodyOf(outcome.body), { status: outcome.statusCode, headers }), {
        code: 'TOKEN_MISSING',
        why: 'No Authorization header was sent; the viewer-request function answered.',
      })
    }
    const address = outcome.headers[viewerAddressHeader]?.value
    return origin.handler(asRequest(towardsOrigin(light, origin, address)), context)
  }
}

/** Far more than a function may take on CloudFront: a laptop that is busy is not a fault of the function. */
const timeoutMs = 5000

/** Runs the function as CloudFront does: with nothing in its scope but the language. */
function compile(source: string): (event: unknown) => Generated | { headers: Values } {
  const scope = createContext({})
  new Script(source).runInContext(scope, { timeout: timeoutMs })
  const call = new Script('JSON.stringify(handler(JSON.parse(event)))')
  return (event) => {
    scope.event = JSON.stringify(event)
    return JSON.parse(String(call.runInContext(scope, { timeout: timeoutMs }))) as Generated | { headers: Values }
  }
}

function eventOf(request: LightRequest, requestId: string): unknown {
  const [uri, query = ''] = request.target.split('?', 2)
  const headers = Object.fromEntries([...request.headers].map(([name, value]) => [name, { value }]))
  const querystring = Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, { value }]))
  return {
    version: '1.0',
    context: {
      distributionDomainName: 'local.cloudfront.net',
      distributionId: 'LOCAL',
      eventType: 'viewer-request',
      requestId,
    },
    viewer: { ip: '127.0.0.1' },
    request: { method: request.method, uri, querystring, headers, cookies: {} },
  }
}

/** The request as the origin gets it: its own Host, where the viewer was, and the secret, whatever the viewer sent by that name. */
function towardsOrigin(
  request: LightRequest,
  { host, secret }: CloudfrontOptions['origin'],
  address: string | undefined,
): LightRequest {
  const dropped = new Set(['host', originSecretHeader, viewerAddressHeader, 'x-forwarded-for', 'connection'])
  const kept = request.rawHeaders.filter((_, at, all) => !dropped.has(all[at - (at % 2)]!.toLowerCase()))
  const before = request.headers.get('x-forwarded-for')
  return new LightRequest({
    method: request.method,
    origin: `http://${host}`,
    target: request.target,
    rawHeaders: [
      ...kept,
      'host',
      host,
      'x-forwarded-for',
      before === null ? '127.0.0.1' : `${before}, 127.0.0.1`,
      originSecretHeader,
      secret,
      ...(address === undefined ? [] : [viewerAddressHeader, address]),
    ],
    bytes: request.bytes,
    signal: request.signal,
  })
}

function flat(values: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]))
}

function bodyOf(body: Generated['body']): string | Buffer<ArrayBuffer> | null {
  if (body === undefined || typeof body === 'string') return body ?? null
  return body.encoding === 'base64' ? Buffer.from(body.data, 'base64') : body.data
}
