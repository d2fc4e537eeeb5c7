import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'

const [host, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? '').split(':')
const base = '/2018-06-01/runtime'
const agent = new Agent({ keepAlive: true })

export interface Context {
  awsRequestId: string
  functionName: string
  functionVersion: string
  memoryLimitInMB: string
  invokedFunctionArn: string
  logGroupName: string
  logStreamName: string
  clientContext?: unknown
  callbackWaitsForEmptyEventLoop: boolean
  getRemainingTimeInMillis(): number
}

/** Opens a request to the Runtime API. */
export function open(method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}): ClientRequest {
  return request({ host, port, method, path: base + path, agent, headers })
}

/** Asks for the next invocation, and waits for it however long it takes. Ends the process when the API has gone. */
export async function fetchNext(): Promise<{ requestId: string; event: unknown; context: Context }> {
  const response = await send(open('GET', '/invocation/next')).catch(() => process.exit(0))
  const { headers } = response
  const event = JSON.parse((await textOf(response)) || 'null') as unknown
  const one = (name: string) => String(headers[name] ?? '')
  const deadline = Number(one('lambda-runtime-deadline-ms'))
  process.env._X_AMZN_TRACE_ID = one('lambda-runtime-trace-id')
  const { env } = process
  return {
    requestId: one('lambda-runtime-aws-request-id'),
    event,
    context: {
      awsRequestId: one('lambda-runtime-aws-request-id'),
      functionName: env.AWS_LAMBDA_FUNCTION_NAME ?? '',
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION ?? '',
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? '',
      invokedFunctionArn: one('lambda-runtime-invoked-function-arn'),
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME ?? '',
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME ?? '',
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => deadline - Date.now(),
      ...(headers['lambda-runtime-client-context']
        ? { clientContext: JSON.parse(one('lambda-runtime-client-context')) as unknown }
        : {}),
    },
  }
}

export async function postResponse(requestId: string, result: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(result === undefined ? null : result))
  await textOf(
    await send(
      open('POST', `/invocation/${requestId}/response`, {
        'content-type': 'application/json',
        'content-length': String(body.length),
      }),
      body,
    ),
  )
}

export async function postError(requestId: string, error: unknown): Promise<void> {
  await report(`/invocation/${requestId}/error`, error)
}

export async function postInitError(error: unknown): Promise<void> {
  await report('/init/error', error)
}

/** Says why the process is about to end. */
export async function fatal(requestId: string | undefined, error: unknown): Promise<void> {
  console.error(error)
  await (requestId ? postError(requestId, error) : postInitError(error)).catch(() => {})
}

async function report(path: string, error: unknown): Promise<void> {
  const described = describe(error)
  const body = Buffer.from(JSON.stringify(described))
  const headers = {
    'content-type': 'application/json',
    'lambda-runtime-function-error-type': described.errorType,
    'content-length': String(body.length),
  }
  await textOf(await send(open('POST', path, headers), body))
}

/** An error in the shape that Lambda gives to callers. */
export function describe(error: unknown): { errorType: string; errorMessage: string; trace: string[] } {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
  return {
    errorType: error.name.replaceAll(/[^\x21-\x7e]/g, '?'),
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  }
}

async function send(call: ClientRequest, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve).once('error', reject)
    call.end(body)
  })
}

export async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
