import type { Writable } from 'node:stream'
import { fromFunctionUrlEvent, type FunctionUrlEvent } from '../aws/function-url.ts'
import type { Prelude } from '../aws/response-stream.ts'
import { anonymous, type FetchHandler, type Principal } from '../http/fetch-handler.ts'
import { asRequest } from '../http/light-request.ts'
import { LightResponse } from '../http/light-response.ts'

/** What Lambda's Node runtime puts into the global scope. */
interface AwsLambda {
  streamifyResponse(handler: StreamHandler): LambdaHandler
  HttpResponseStream: { from(stream: Writable, prelude: Prelude): Writable }
}

type StreamHandler = (event: FunctionUrlEvent, stream: Writable, context: { awsRequestId: string }) => Promise<void>
export type LambdaHandler = (event: FunctionUrlEvent, context: { awsRequestId: string }) => Promise<unknown>

/** Whether this process is a Lambda function's. The AWS SDK makes an `awslambda` of its own wherever it runs, but no stream. */
export function underLambda(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.AWS_LAMBDA_RUNTIME_API !== undefined || awsLambda() !== undefined
}

function awsLambda(): AwsLambda | undefined {
  const { awslambda } = globalThis as { awslambda?: Partial<AwsLambda> }
  return typeof awslambda?.streamifyResponse === 'function' ? (awslambda as AwsLambda) : undefined
}

/**
 * Makes the handler of a Lambda function behind a function URL from anything that answers HTTP. `after` is waited for before
 * an invocation ends, since the process may be frozen then: behind a streamed answer, and before one that is given whole.
 */
export function fetchLambdaHandler(handler: FetchHandler, after?: () => Promise<void>): LambdaHandler {
  LightResponse.install()
  const awslambda = awsLambda()
  if (!awslambda)
    return async (event, context) => {
      const answer = await buffered(handler, event, context.awsRequestId)
      await after?.()
      return answer
    }
  return awslambda.streamifyResponse(async (event, stream, context) => {
    await streamed(handler, event, stream, context.awsRequestId, awslambda)
    await after?.()
  })
}

async function streamed(
  handler: FetchHandler,
  event: FunctionUrlEvent,
  stream: Writable,
  requestId: string,
  awslambda: AwsLambda,
): Promise<void> {
  const gone = new AbortController()
  stream.once('close', () => stream.writableFinished || gone.abort())
  const response = await handler(asRequest(fromFunctionUrlEvent(event, gone.signal)), {
    requestId,
    principal: principalOf(event),
    remoteAddress: event.requestContext.http.sourceIp,
  })
  const out = awslambda.HttpResponseStream.from(stream, preludeOf(response))
  // The runtime sends the prelude with the first write: a stream without one would hang its client.
  // @see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/95
  out.write('')
  const { lightBody } = response as { lightBody?: string }
  if (lightBody !== undefined) out.write(lightBody)
  else if (response.body) await pump(response.body, out)
  await new Promise<void>((resolve) => {
    out.once('close', resolve)
    out.end(resolve)
  })
}

async function pump(body: ReadableStream<Uint8Array>, out: Writable): Promise<void> {
  const reader = body.getReader()
  out.once('close', () => void reader.cancel().catch(() => {}))
  for (;;) {
    const { done, value } = await reader.read()
    if (done || out.destroyed) return
    if (!out.write(value)) await new Promise<void>((resolve) => out.once('drain', resolve).once('close', resolve))
  }
}

async function buffered(
  handler: FetchHandler,
  event: FunctionUrlEvent,
  requestId: string,
): Promise<Prelude & { body: string; isBase64Encoded: boolean }> {
  const response = await handler(asRequest(fromFunctionUrlEvent(event, new AbortController().signal)), {
    requestId,
    principal: principalOf(event),
    remoteAddress: event.requestContext.http.sourceIp,
  })
  return {
    ...preludeOf(response),
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    isBase64Encoded: true,
  }
}

function preludeOf(response: Response): Prelude {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'set-cookie'))
  const cookies = response.headers.getSetCookie()
  return { statusCode: response.status, headers, ...(cookies.length > 0 ? { cookies } : {}) }
}

function principalOf(event: FunctionUrlEvent): Principal {
  const arn = event.requestContext.authorizer?.iam.userArn
  return arn ? { kind: 'iam', id: arn } : anonymous
}
