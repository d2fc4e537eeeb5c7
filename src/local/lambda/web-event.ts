import { request, type IncomingMessage } from 'node:http'
import type { FunctionUrlEvent } from '../../aws/function-url.ts'
import { encodePrelude, integrationResponse } from '../../aws/response-stream.ts'
import type { Call } from './invocation.ts'
import { answerWhole, readWhole } from './whole-answer.ts'

export interface WebWork {
  payload: Uint8Array
  functionArn: string
  deadlineMs: number
  /** What a function URL is called by. */
  host: string
  /** AWS_LWA_INVOKE_MODE. */
  streams: boolean
}

/**
 * Sends an event to a server over HTTP as the Lambda Web Adapter does, and gives the call its answer. An event of something else
 * than a function URL goes to `/events`. Gives what ends it before its time.
 * @see https://awslabs.github.io/aws-lambda-web-adapter/features/response-streaming.html (read 2026-11-25)
 */
export function sendEvent(port: number, work: WebWork, call: Call): () => void {
  const { method, path, headers, body } = httpOf(work, call.requestId)
  const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
  sent.on('response', (answer) => {
    const given = answerOf(answer)
    if (work.streams) call.streaming(integrationResponse, answer, encodePrelude(given))
    else void readWhole(answer).then((bytes) => answerWhole(call, bytes && envelope(given, bytes)), failed)
  })
  const failed = (error: Error) => call.fail('Runtime.ExitError', `the server did not answer: ${error.message}`)
  sent.on('error', failed)
  sent.end(body)
  return () => sent.destroy()
}

/** What belongs to the connection of the client is not passed on by a function URL. */
const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])

function httpOf({ payload, functionArn, deadlineMs, host }: WebWork, requestId: string) {
  const event = JSON.parse(Buffer.from(payload).toString()) as Partial<FunctionUrlEvent> | null
  const context = {
    request_id: requestId,
    deadline: deadlineMs,
    invoked_function_arn: functionArn,
    client_context: null,
    identity: null,
  }
  const added = {
    'x-amzn-request-context': JSON.stringify(event?.requestContext ?? {}),
    'x-amzn-lambda-context': JSON.stringify(context),
  }
  if (!event?.requestContext?.http) {
    const headers = { ...added, host, 'content-type': 'application/json', 'content-length': payload.byteLength }
    return { method: 'POST', path: '/events', headers, body: payload }
  }
  const { rawPath = '/', rawQueryString = '', headers = {}, cookies = [], body: text = '', isBase64Encoded } = event
  const body = Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8')
  const passed = Object.entries(headers).filter(([name]) => !ofConnection.has(name))
  return {
    method: event.requestContext.http.method,
    path: rawQueryString === '' ? rawPath : `${rawPath}?${rawQueryString}`,
    headers: {
      ...Object.fromEntries(passed),
      ...added,
      ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
      host,
      'content-length': body.byteLength,
    },
    body,
  }
}

function answerOf({ statusCode = 502, headers: all }: IncomingMessage) {
  const { 'set-cookie': cookies, 'transfer-encoding': _framing, ...rest } = all
  const headers = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]))
  return { statusCode, headers, ...(cookies ? { cookies } : {}) }
}

function envelope(answer: ReturnType<typeof answerOf>, body: Buffer): Buffer {
  return Buffer.from(JSON.stringify({ ...answer, body: body.toString('base64'), isBase64Encoded: true }))
}
