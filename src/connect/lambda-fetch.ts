import { randomUUID } from 'node:crypto'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import { readEventStream } from '../aws/event-stream.ts'
import { toFunctionUrlEvent } from '../aws/function-url.ts'
import { readPrelude, type Prelude } from '../aws/response-stream.ts'
import { FairleadError } from '../errors.ts'
import type { LightAnswer } from '../http/light-fetch.ts'
import { LightRequest } from '../http/light-request.ts'
import { quoted, readText } from '../http/quoted.ts'
import { awsCredentials } from './aws-credentials.ts'
import { awsFetch } from './aws-fetch.ts'

export interface LambdaFetchOptions {
  /** Name, ARN, or either with a version or an alias. */
  functionName: string
  region: string
  /** The standard AWS chain by default. */
  credentials?: Credentials | (() => Promise<Credentials>)
  profile?: string
  /** Another address of the Lambda API, such as that of the local stack. */
  endpoint?: string
  fetch?: typeof fetch
}

/**
 * Makes a `fetch` that calls a function directly, through InvokeWithResponseStream, for the official SDK's HTTP transport:
 * no function URL is needed, and the caller needs `lambda:InvokeFunction` alone. Of the address only path and query reach
 * the function. Throws CREDENTIALS_MISSING, ACCESS_DENIED, UNREACHABLE.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
 * @example new StreamableHTTPClientTransport(new URL('https://lambda.invalid/mcp'), { fetch: lambdaFetch({ functionName: 'aws-tools', region: 'us-east-1' }) })
 */
export function lambdaFetch(options: LambdaFetchOptions): typeof fetch {
  const { functionName, region, profile } = options
  const origin = options.endpoint ?? `https://lambda.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}` // prettier-ignore
  const url = `${origin}/2021-11-15/functions/${encodeURIComponent(functionName)}/response-streaming-invocations`
  const send = awsFetch({
    service: 'lambda',
    region,
    credentials: given(options.credentials) ?? awsCredentials(profile === undefined ? {} : { profile }),
    ...(options.fetch ? { fetch: options.fetch } : {}),
  })
  return async (input, init) => {
    const request = new Request(input, init)
    const signal = init?.signal ?? request.signal
    const body = JSON.stringify(await eventOf(request, signal))
    const headers = { 'content-type': 'application/json' }
    const response = await send(url, { method: 'POST', headers, body, signal })
    if (!response.ok || !response.body) throw await refused(response, functionName)
    return answerOf(response.body, functionName)
  }
}

function given(credentials: LambdaFetchOptions['credentials']) {
  if (!credentials) return undefined
  const get = typeof credentials === 'function' ? credentials : async () => credentials
  return { get, renew: () => {}, fix: () => 'Give `credentials` that are good.' }
}

async function eventOf(request: Request, signal: AbortSignal): Promise<unknown> {
  const { pathname, search, host } = new URL(request.url)
  const light = new LightRequest({
    method: request.method,
    origin: '',
    target: pathname + search,
    rawHeaders: ['host', host, ...[...request.headers].flat()],
    bytes: new Uint8Array(await request.arrayBuffer()),
    signal,
  })
  const facts = { requestId: randomUUID(), accountId: '', domainName: host, sourceIp: '127.0.0.1', now: Date.now() }
  return toFunctionUrlEvent(light, facts)
}

/** A function that streams says status and headers first; the rest is the body. */
async function answerOf(body: AsyncIterable<Uint8Array>, functionName: string): Promise<Response> {
  const chunks = payloads(body, functionName)
  let bytes = Buffer.alloc(0)
  for (;;) {
    const { done, value } = await chunks.next()
    if (done === true) return buffered(bytes)
    bytes = Buffer.concat([bytes, value])
    const found = bytes[0] === openBrace ? readPrelude(bytes) : undefined
    if (found) return new Response(isEmpty(found.prelude) ? null : rest(found.rest, chunks), { status: found.prelude.statusCode, headers: found.prelude.headers }) // prettier-ignore
  }
}

const openBrace = 0x7b

function isEmpty({ statusCode }: Prelude): boolean {
  return statusCode === 204 || statusCode === 304
}

/** A function that does not stream answers `{ statusCode, headers, body }`. */
function buffered(bytes: Buffer): Response {
  const { statusCode = 200, headers = {}, body = '', isBase64Encoded = false } = JSON.parse(bytes.toString() || '{}') as { statusCode?: number; headers?: Record<string, string>; body?: string; isBase64Encoded?: boolean } // prettier-ignore
  const content = body === '' ? null : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return new Response(content, { status: statusCode, headers })
}

async function* payloads(body: AsyncIterable<Uint8Array>, functionName: string): AsyncGenerator<Buffer> {
  for await (const { type, isException, payload } of readEventStream(body)) {
    if (isException) throw failed(functionName, `${type} ${payload.toString()}`)
    if (type === 'PayloadChunk') yield payload
    if (type !== 'InvokeComplete') continue
    const { ErrorCode, ErrorDetails = '' } = JSON.parse(payload.toString() || '{}') as { ErrorCode?: string; ErrorDetails?: string } // prettier-ignore
    if (ErrorCode !== undefined) throw failed(functionName, `${ErrorCode} ${ErrorDetails}`)
    return
  }
}

function rest(first: Uint8Array, chunks: AsyncGenerator<Buffer>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (first.byteLength > 0) controller.enqueue(first)
    },
    pull: async (controller) => {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => {
      await chunks.return(undefined)
    },
  })
}

async function refused(response: LightAnswer, functionName: string): Promise<FairleadError> {
  const why = `Lambda said: ${quoted(`${response.headers.get('x-amzn-errortype') ?? ''} ${(await readText(response, 65_536)) ?? ''}`)}` // prettier-ignore
  if (response.status === 401 || response.status === 403)
    return new FairleadError('ACCESS_DENIED', `The function ${functionName} may not be invoked`, { why, fix: 'Let the caller do lambda:InvokeFunction.' }) // prettier-ignore
  return new FairleadError('UNREACHABLE', `Lambda answered ${response.status} for the function ${functionName}`, {
    why,
  })
}

function failed(functionName: string, said: string): FairleadError {
  return new FairleadError('CONNECTION_LOST', `The function ${functionName} failed`, { why: `It said: ${quoted(said)}`, fix: 'Read the log of the function.' }) // prettier-ignore
}
