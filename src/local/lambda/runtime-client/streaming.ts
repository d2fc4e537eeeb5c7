import type { ClientRequest } from 'node:http'
import { encodePrelude, integrationResponse, type Prelude } from '../../../aws/response-stream.ts'
import { describe, open, textOf } from './api.ts'
import type { Handler } from './handler.ts'

const streaming = Symbol.for('aws.lambda.runtime.handler.streaming')

/** A stream to the caller: a request to the Runtime API that is sent with the first write. */
export interface ResponseStream extends ClientRequest {
  setContentType(type: string): void
  /** When the Runtime API has taken all of it. */
  taken: Promise<void>
  /** What goes before the first byte. */
  prelude?: Prelude
}

/** Puts `awslambda` into the global scope, as Lambda's Node runtime does. */
export function installAwsLambda(): void {
  Object.assign(globalThis, {
    awslambda: {
      streamifyResponse: (handler: Handler) => Object.assign(handler, { [streaming]: 'response' }),
      HttpResponseStream: {
        from: (stream: ResponseStream, prelude: Prelude) => {
          stream.setContentType(integrationResponse)
          stream.prelude = prelude
          return stream
        },
      },
    },
  })
}

export function isStreaming(handler: Handler): boolean {
  return (handler as unknown as Record<symbol, unknown>)[streaming] !== undefined
}

/** Opens the stream of one invocation. An error after the first byte travels in trailers: the status has gone by then. */
export function responseStream(requestId: string): ResponseStream {
  const stream = open('POST', `/invocation/${requestId}/response`, {
    'lambda-runtime-function-response-mode': 'streaming',
    trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    'transfer-encoding': 'chunked',
  }) as unknown as ResponseStream
  stream.setHeader('content-type', 'application/octet-stream')
  stream.setContentType = (type) => void stream.setHeader('content-type', type)
  stream.taken = new Promise((resolve, reject) => {
    stream.once('error', reject)
    stream.once('response', (response) => void textOf(response).then(() => resolve(), reject))
  })
  stream.taken.catch(() => {})
  const { write, end } = stream
  const begin = () => {
    const { prelude } = stream
    delete stream.prelude
    if (prelude) write.call(stream, encodePrelude(prelude), 'utf8')
  }
  stream.write = ((...args: Parameters<typeof write>) => {
    begin()
    return args[0].length === 0 ? true : write.apply(stream, args)
  }) as typeof write
  stream.end = ((...args: Parameters<typeof end>) => {
    begin()
    return end.apply(stream, args)
  }) as typeof end
  return stream
}

/** Ends a stream that failed on its way. */
export async function failStream(stream: ResponseStream, error: unknown): Promise<void> {
  const described = describe(error)
  stream.addTrailers({
    'Lambda-Runtime-Function-Error-Type': described.errorType,
    'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(described)).toString('base64'),
  })
  stream.end()
  await stream.taken
}
