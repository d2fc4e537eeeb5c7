import { FairleadError, type ErrorCode } from '../../errors.ts'
import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { Guard } from '../iam/guard.ts'
import { annotate } from '../../http/note.ts'
import { eventMessage } from './event-stream.ts'
import type { LocalFunction } from './function.ts'
import type { Invocation, StreamEnd } from './invocation.ts'

const pattern =
  /^\/(?:2015-03-31|2021-11-15)\/functions\/([^/?]+)\/(invocations|response-streaming-invocations)(?:\?.*)?$/

/** Whether a request is for the Invoke API and not for the function's URL, which shares its port. */
export function isInvokePath(target: string): boolean {
  return pattern.test(target)
}

/**
 * Answers Invoke and InvokeWithResponseStream, for AWS's own SDK client.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
 */
export function invokeApi({ fn, guard }: { fn: LocalFunction; guard?: Guard }): FetchHandler {
  return async (request, context) => {
    const light = request as unknown as LightRequest
    const allowed = await guard?.(light)
    if (allowed && !allowed.ok) {
      const { status, errorType, message, code, why, principal } = allowed
      return annotate(error(status, errorType, message), { code, why, ...(principal ? { principal } : {}) })
    }
    const [, named = '', operation] = pattern.exec(light.target)!
    if (!isNamed(decodeURIComponent(named), fn))
      return error(
        404,
        'ResourceNotFoundException',
        `Function not found: ${fn.arn.replace(/[^:]+$/, decodeURIComponent(named).split(':').at(-1)!)}`,
      )
    if (light.method !== 'POST') return error(405, 'InvalidRequestContentException', 'Method not allowed')
    if (light.bytes.byteLength > 0 && !isJson(light.bytes))
      return error(400, 'InvalidRequestContentException', 'Could not parse request body into json')
    try {
      const response =
        operation === 'invocations' ? await invoke(light, fn, context.requestId) : await invokeStreaming(light, fn)
      return annotate(response, allowed?.ok ? { principal: allowed.principal.id } : {})
    } catch (thrown) {
      if (!(thrown instanceof FairleadError)) throw thrown
      const code: ErrorCode = thrown.code
      return annotate(error(429, 'TooManyRequestsException', 'Rate Exceeded.'), { code, why: thrown.message })
    }
  }
}

async function invoke(request: LightRequest, fn: LocalFunction, requestId: string): Promise<Response> {
  const type = request.headers.get('x-amz-invocation-type') ?? 'RequestResponse'
  if (type === 'DryRun') return new Response(null, { status: 204, headers: { 'x-amzn-requestid': requestId } })
  if (type === 'Event') {
    // Nobody waits for it: what it says is in the log.
    void fn.invoke(work(request)).then(drain, () => {})
    return new Response(null, { status: 202, headers: { 'x-amzn-requestid': requestId } })
  }
  const invocation = await fn.invoke(work(request))
  const headers = {
    'content-type': 'application/json',
    'x-amzn-requestid': invocation.requestId,
    'x-amz-executed-version': '$LATEST',
  }
  if (invocation.kind === 'buffered')
    return new Response(invocation.payload as Uint8Array<ArrayBuffer>, {
      status: 200,
      headers: {
        ...headers,
        ...(invocation.functionError ? { 'x-amz-function-error': invocation.functionError } : {}),
      },
    })
  // Invoke waits for the whole stream.
  return new Response(await new Response(invocation.body).arrayBuffer(), { status: 200, headers })
}

async function invokeStreaming(request: LightRequest, fn: LocalFunction): Promise<Response> {
  const invocation = await fn.invoke(work(request))
  const contentType = invocation.kind === 'stream' ? invocation.contentType : 'application/json'
  return new Response(events(invocation), {
    status: 200,
    headers: {
      'content-type': 'application/vnd.amazon.eventstream',
      'x-amzn-requestid': invocation.requestId,
      'x-amz-executed-version': '$LATEST',
      'x-amzn-remapped-content-type': contentType,
    },
  })
}

function events(invocation: Invocation): ReadableStream<Uint8Array> {
  const source =
    invocation.kind === 'stream'
      ? invocation
      : {
          body: new Response(invocation.payload as Uint8Array<ArrayBuffer>).body!,
          ended: Promise.resolve(endOf(invocation)),
        }
  const reader = source.body.getReader()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      if (!done) return controller.enqueue(eventMessage('PayloadChunk', 'application/octet-stream', value))
      const { error: failed } = await source.ended
      const complete = failed ? { ErrorCode: failed.errorType, ErrorDetails: failed.details } : {}
      controller.enqueue(eventMessage('InvokeComplete', 'application/json', Buffer.from(JSON.stringify(complete))))
      controller.close()
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function endOf(invocation: Invocation & { kind: 'buffered' }): StreamEnd {
  return invocation.functionError
    ? { error: { errorType: invocation.functionError, details: invocation.payload.toString() } }
    : {}
}

function work(request: LightRequest): { payload: Uint8Array; clientContext?: string } {
  const clientContext = request.headers.get('x-amz-client-context')
  const payload = request.bytes.byteLength > 0 ? request.bytes : Buffer.from('{}')
  return { payload, ...(clientContext ? { clientContext: Buffer.from(clientContext, 'base64').toString() } : {}) }
}

async function drain(invocation: Invocation): Promise<void> {
  if (invocation.kind === 'stream') await invocation.body.pipeTo(new WritableStream())
}

function isNamed(given: string, { name, arn }: LocalFunction): boolean {
  return [name, arn, `${arn}:$LATEST`, `${name}:$LATEST`, arn.split(':').slice(4).join(':')].includes(given)
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString())
    return true
  } catch {
    return false
  }
}

function error(status: number, errorType: string, message: string): Response {
  return new Response(JSON.stringify({ Type: 'User', Message: message, message }), {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': errorType },
  })
}
