import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerWhole, readWhole } from './whole-answer.ts'

/** One call of the function, as the Runtime API hands it out and takes its answer back. */
export interface Work {
  requestId: string
  payload: Uint8Array
  deadlineMs: number
  invokedFunctionArn: string
  clientContext?: string
  /** Who listens for the answer. */
  answer: Answer
}

export interface Answer {
  buffered(payload: Buffer): void
  streaming(contentType: string, chunks: IncomingMessage): void
  error(errorType: string, payload: Buffer): void
}

export interface RuntimeApi {
  /** `127.0.0.1:49152`, as AWS_LAMBDA_RUNTIME_API has it. */
  address: string
  /** Gives work to the runtime, now or when it next asks. */
  give(work: Work): void
  close(): void
}

interface Events {
  /** The runtime asks for work: it is up, and the call before has ended on its side. */
  onNext: () => void
  onInitError: (errorType: string, payload: Buffer) => void
}

const base = '/2018-06-01/runtime'

/** Serves the Lambda Runtime API to one execution environment. @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export async function startRuntimeApi(events: Events): Promise<RuntimeApi> {
  // The end of a streamed response and the next /next come on two sockets, in either order: answers are found by request id.
  const open = new Map<string, Work>()
  let waiting: ServerResponse | undefined
  let queued: Work | undefined

  const give = (work: Work) => {
    if (!waiting) return void (queued = work)
    open.set(work.requestId, work)
    const res = waiting
    waiting = undefined
    queued = undefined
    res.writeHead(200, {
      'content-type': 'application/json',
      'content-length': work.payload.byteLength,
      'lambda-runtime-aws-request-id': work.requestId,
      'lambda-runtime-deadline-ms': work.deadlineMs,
      'lambda-runtime-invoked-function-arn': work.invokedFunctionArn,
      'lambda-runtime-trace-id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${work.requestId.replaceAll('-', '').slice(0, 24)};Sampled=0`,
      ...(work.clientContext ? { 'lambda-runtime-client-context': work.clientContext } : {}),
    })
    res.end(work.payload)
  }

  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    const path = req.url ?? ''
    if (req.method === 'GET' && path === `${base}/invocation/next`) {
      waiting = res
      if (queued) give(queued)
      else events.onNext()
      return
    }
    if (path === `${base}/init/error`) {
      const payload = await read(req)
      // First the answer, since the environment ends with what follows.
      accept(res)
      return events.onInitError(typeOf(req), payload)
    }
    const [, id, kind] = /\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? []
    const work = id === undefined ? undefined : open.get(id)
    if (!work) return refuse(res, 400, 'InvalidRequestID')
    open.delete(work.requestId)
    if (kind === 'error') work.answer.error(typeOf(req), await read(req))
    else if (req.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      work.answer.streaming(req.headers['content-type'] ?? 'application/octet-stream', req)
      await new Promise((resolve) => req.once('end', resolve).once('close', resolve))
    } else if (!answerWhole(work.answer, await readWhole(req as AsyncIterable<Buffer>)))
      return refuse(res, 413, 'RequestEntityTooLarge')
    accept(res)
  }

  const server: Server = createServer(
    { keepAliveTimeout: 0, requestTimeout: 0 },
    (req, res) => void handle(req, res).catch(() => res.destroy()),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    give,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function typeOf(req: IncomingMessage): string {
  return String(req.headers['lambda-runtime-function-error-type'] ?? 'Unhandled')
}

/** What went wrong in a function is told whole, or not at all. */
async function read(req: IncomingMessage): Promise<Buffer> {
  return (await readWhole(req as AsyncIterable<Buffer>)) ?? Buffer.from('{}')
}

function accept(res: ServerResponse): void {
  res.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
}

function refuse(res: ServerResponse, status: number, errorType: string): void {
  res
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errorType, errorMessage: errorType }))
}
