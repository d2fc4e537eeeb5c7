import { request as httpRequest, type IncomingMessage } from 'node:http'
import { answeredHeaders, boundHeaders, runtimeHeaders, runtimeLimits } from '../../aws/agentcore-runtime.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { Session } from './session.ts'

/**
 * The Host that a server meets on AWS, by which the protection of some SDKs against rebinding refuses it there.
 * Recorded by others (2026): "Invalid Host header: cell01.us-east-1.prod.arp.kepler-analytics.aws.dev".
 */
const innerHost = 'cell01.us-east-1.prod.arp.kepler-analytics.aws.dev'

export interface Passed {
  /** Names of the configuration's allowlist, in lower case. */
  allowlist: readonly string[]
  requestId: string
  /** The workload access token of the session. */
  identity: string
}

/** What reaches the server: headers of the API, those on the allowlist, and what the platform adds. */
export function headersFor(session: Session, request: LightRequest, passed: Passed): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of [...boundHeaders, ...passed.allowlist]) {
    const value = request.headers.get(name)
    if (value !== null) headers[name] = value
  }
  return {
    ...headers,
    host: innerHost,
    'content-length': String(request.bytes.byteLength),
    [runtimeHeaders.mcpSession]: session.id,
    [runtimeHeaders.session]: session.id,
    [runtimeHeaders.request]: passed.requestId,
    [runtimeHeaders.identity]: passed.identity,
    [runtimeHeaders.legacyIdentity]: passed.identity,
  }
}

/** Sends a request on to the server of a session; resolves with the head of its answer. Rejects when it goes away, with `late` as the message when it is too slow. */
export async function forward(
  session: Session,
  request: LightRequest,
  headers: Record<string, string>,
  requestMs: number = runtimeLimits.requestMs,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const upstream = httpRequest(
      { host: '127.0.0.1', port: session.port, path: '/mcp', method: 'POST', agent: session.agent, headers },
      (response) => {
        clearTimeout(timer)
        resolve(response)
      },
    )
    const timer = setTimeout(() => upstream.destroy(new Error('late')), requestMs)
    upstream.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    const gone = () => void upstream.destroy(new Error('the client went away'))
    request.signal.addEventListener('abort', gone, { once: true })
    upstream.on('close', () => request.signal.removeEventListener('abort', gone))
    if (request.signal.aborted) gone()
    else upstream.end(request.bytes)
  })
}

/** The headers of a server's answer that reach the client. */
export function headersOf(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of answeredHeaders) {
    const value = response.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}

/** Reads a whole body, at most `max` bytes of it. */
export async function bodyOf(response: IncomingMessage, max: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= max) return void chunks.push(chunk)
      response.destroy()
      resolve(Buffer.concat(chunks).toString())
    })
    response.on('end', () => resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()))
    response.on('error', reject)
  })
}

/** Passes a body on as it comes and no faster than it is read. `end` is called once, with the error when it broke. */
export function streamOf(
  response: IncomingMessage,
  end: (error?: Error) => void,
  streamMs: number = runtimeLimits.streamMs,
): ReadableStream<Uint8Array> {
  const chunks = (response as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const timer = setTimeout(() => response.destroy(new Error('late')), streamMs).unref()
  let ended = false
  const finish = (error?: Error) => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    end(error)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (!done) return controller.enqueue(value)
          finish()
          controller.close()
        } catch (error) {
          finish(error as Error)
          controller.error(error)
        }
      },
      cancel() {
        response.destroy()
        finish()
      },
    },
    { highWaterMark: 0 },
  )
}
