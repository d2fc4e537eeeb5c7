import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { Environment, type InitFailure } from './environment.ts'
import type { Invocation } from './invocation.ts'
import { lambdaNode } from './node.ts'
import { startWatchdog } from './watchdog.ts'

export interface LocalFunctionOptions {
  name: string
  artifactDir: string
  /** `index.handler` by default. */
  handler?: string
  memoryMb?: number
  timeoutS?: number
  /** Execution environments at once. */
  concurrency?: number
  env?: Record<string, string>
  region: string
  accountId: string
  /** How long an environment waits for work before it ends; 300,000 by default. */
  idleMs?: number
  initTimeoutMs?: number
  log?: (line: string) => void
  /** The program that runs the handler: our runtime client under Lambda's Node by default. */
  command?: readonly string[]
}

export interface InvokeRequest {
  payload: Uint8Array
  /** JSON in ASCII: what X-Amz-Client-Context has in base64. */
  clientContext?: string
  /** The request's own id, where the caller has given one to it already. */
  requestId?: string
}

export interface LocalFunction {
  arn: string
  name: string
  /** Throws LAMBDA_THROTTLED when every environment is busy and no more may start. */
  invoke(request: InvokeRequest): Promise<Invocation>
  /** Starts an environment for the code there and takes it when that is up; calls in flight end on the old one. Throws what `warm` throws. */
  replace(artifactDir: string): Promise<void>
  /** Starts an environment, so that what is wrong with the server is known now. Throws SERVER_… errors. */
  warm(): Promise<void>
  /** How many environments there are. */
  size(): number
  close(): Promise<void>
}

interface Generation {
  artifactDir: string
  environments: Set<Environment>
}

/** Runs a function locally: each call has an environment of its own, which is used again, frozen between calls, and ended when idle. */
export async function startLocalFunction(options: LocalFunctionOptions): Promise<LocalFunction> {
  const { name, region, accountId, concurrency = 10, idleMs = 300_000, log = () => {} } = options
  const arn = `arn:aws:lambda:${region}:${accountId}:function:${name}`
  const tmp = mkdtempSync(join(tmpdir(), 'fairlead-lambda-'))
  const watchdog = startWatchdog(tmp)
  const command = options.command ?? lambdaNode(options.memoryMb ?? 1024, log)
  let generation: Generation = { artifactDir: options.artifactDir, environments: new Set() }
  const all = new Set<Environment>()
  const sweep = setInterval(
    () => {
      for (const each of all)
        if (each.state === 'idle' && performance.now() - each.idleSince > idleMs) void each.close()
    },
    Math.min(idleMs, 10_000),
  ).unref()

  const start = (into: Generation): Environment => {
    const environment = new Environment({
      command,
      env: { ...lambdaEnvironment(options, into.artifactDir, tmp), ...options.env },
      functionArn: arn,
      memoryMb: options.memoryMb ?? 1024,
      timeoutS: options.timeoutS ?? 60,
      initTimeoutMs: options.initTimeoutMs ?? 10_000,
      log,
      watchdog,
      onEnd: (ended) => {
        all.delete(ended)
        into.environments.delete(ended)
      },
    })
    all.add(environment)
    into.environments.add(environment)
    environment.onIdle = () => {
      if (into !== generation) void environment.close()
    }
    return environment
  }

  const warmInto = async (into: Generation) => {
    const environment = start(into)
    const failure = await environment.start()
    if (failure) throw initError(failure)
  }

  return {
    arn,
    name,
    size: () => all.size,
    warm: () => warmInto(generation),
    invoke: async ({ payload, clientContext, requestId = randomUUID() }) => {
      const work = { requestId, payload, ...(clientContext ? { clientContext } : {}) }
      const idle = await idleOf(generation)
      if (idle) return idle.run(work)
      if (all.size >= concurrency)
        throw new FairleadError('LAMBDA_THROTTLED', `All ${concurrency} environments of ${name} are busy`)
      const fresh = start(generation)
      fresh.claimed = true
      const failure = await fresh.start()
      if (!failure && fresh.state === 'idle') return fresh.run(work)
      const { errorType, errorMessage } = failure ?? {
        errorType: 'Runtime.ExitError',
        errorMessage: 'the function was stopped',
      }
      return {
        kind: 'buffered',
        requestId: work.requestId,
        payload: Buffer.from(JSON.stringify({ errorType, errorMessage })),
        functionError: 'Unhandled',
      }
    },
    replace: async (artifactDir) => {
      const next: Generation = { artifactDir, environments: new Set() }
      const before = generation
      // Until it is up, it is not the current one: its first environment must not be ended for being idle.
      const environment = start(next)
      environment.onIdle = undefined
      const failure = await environment.start()
      if (failure) throw initError(failure)
      generation = next
      environment.onIdle = () => {
        if (next !== generation) void environment.close()
      }
      for (const each of before.environments) if (each.state === 'idle') void each.close()
    },
    close: async () => {
      clearInterval(sweep)
      await Promise.all([...all].map((each) => each.close()))
      watchdog.close()
      rmSync(tmp, { recursive: true, force: true })
    },
  }
}

/** An environment that can take a call: an idle one, the warmest first, or one that is about to be. */
async function idleOf({ environments }: Generation): Promise<Environment | undefined> {
  for (;;) {
    const free = [...environments].filter((each) => !each.claimed)
    const idle = free.filter((each) => each.state === 'idle').toSorted((a, b) => b.idleSince - a.idleSince)[0]
    if (idle) {
      idle.claimed = true
      return idle
    }
    const finishing = free.find((each) => each.finishing)
    if (!finishing) return undefined
    await finishing.settled()
  }
}

/** What Lambda sets. Nothing of the user's own environment but the way to find programs. @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
export function lambdaEnvironment(
  {
    name,
    region,
    memoryMb = 1024,
    handler = 'index.handler',
    runtime = 'nodejs24.x',
  }: LocalFunctionOptions & { runtime?: string },
  artifactDir: string,
  tmp: string,
): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    HOME: process.env.HOME ?? '/',
    TMPDIR: tmp,
    LAMBDA_TASK_ROOT: artifactDir,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    _HANDLER: handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `local/[$LATEST]${randomBytes(16).toString('hex')}`,
    // Of a role that exists nowhere: an AWS client can sign with it, and no real service takes it.
    AWS_ACCESS_KEY_ID: `ASIALOCAL${randomBytes(6).toString('hex').toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: randomBytes(30).toString('base64'),
    AWS_SESSION_TOKEN: randomBytes(60).toString('base64'),
  }
}

/** Says why a function did not start, by what Lambda says of it. */
export function initError({ errorType, errorMessage }: InitFailure): FairleadError {
  const line = errorMessage.split('\n')[0] ?? ''
  if (errorType === 'Sandbox.Timedout')
    return new FairleadError('SERVER_SILENT', 'The server did not come up within 10 s')
  // Node's exit code when nothing is left to do and a top-level await still waits.
  if (line.endsWith('exit status 13'))
    return new FairleadError('SERVER_SILENT', 'The server waits for ever while it is loaded')
  if (errorType === 'Runtime.UserCodeSyntaxError')
    return new FairleadError('SERVER_BROKEN', `The server has a syntax error: ${line}`)
  if (line.includes('is not a function that makes an McpServer')) return new FairleadError('SERVER_NO_FACTORY', line)
  return new FairleadError('SERVER_THROWS', `The server failed while it was loaded: ${line === '' ? errorType : line}`)
}
