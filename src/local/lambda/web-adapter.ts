import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { lambdaEnvironment, type LocalFunction, type LocalFunctionOptions } from './function.ts'
import { Call } from './invocation.ts'
import { startWatchdog } from './watchdog.ts'
import { sendEvent } from './web-event.ts'
import { startWebProcess, type WebProcess } from './web-process.ts'

export interface WebAdapterOptions extends LocalFunctionOptions {
  /** `run.sh`: what the adapter's wrapper starts. */
  handler: string
  /** `python3.13` */
  runtime: string
  /** The template's, with what the adapter reads: PORT and AWS_LWA_…. */
  env: Record<string, string>
}

/**
 * Runs a function whose handler is a server, behind what stands in for the Lambda Web Adapter. There is one process, since its
 * port is the template's: calls at once go to it together, where Lambda has an environment for each; it is not frozen between
 * calls, its memory is not watched, and a call that takes too long ends alone. When it has ended it is started again.
 */
export async function startWebAdapterFunction(options: WebAdapterOptions): Promise<LocalFunction> {
  const { name, region, accountId, env, concurrency = 10, timeoutS = 60, log = () => {} } = options
  const arn = `arn:aws:lambda:${region}:${accountId}:function:${name}`
  const tmp = mkdtempSync(join(tmpdir(), 'fairlead-lambda-'))
  const watchdog = startWatchdog(tmp)
  const calls = new Set<Call>()
  let { artifactDir } = options
  let running: WebProcess | undefined
  let starting: Promise<WebProcess> | undefined

  const start = async (): Promise<WebProcess> => {
    const started = await startWebProcess({
      artifactDir,
      handler: options.handler,
      env: { ...lambdaEnvironment(options, artifactDir, tmp), ...env },
      initTimeoutMs: options.initTimeoutMs ?? 10_000,
      log,
      watchdog,
    })
    void started.ended.then((how) => {
      for (const call of calls) call.fail('Runtime.ExitError', how)
    })
    return started
  }
  const up = async (): Promise<WebProcess> => {
    if (running?.running()) return running
    starting ??= start().finally(() => (starting = undefined))
    return (running = await starting)
  }
  const stop = async (): Promise<void> => {
    await starting?.catch(() => {})
    running?.kill()
    await running?.ended
  }

  return {
    arn,
    name,
    size: () => (running?.running() ? 1 : 0),
    warm: async () => void (await up()),
    invoke: async ({ payload, requestId = randomUUID() }) => {
      if (calls.size >= concurrency)
        throw new FairleadError('LAMBDA_THROTTLED', `All ${concurrency} environments of ${name} are busy`)
      const call = new Call(requestId)
      calls.add(call)
      const server = await up().catch((error: unknown) => {
        calls.delete(call)
        throw error
      })
      const began = performance.now()
      log(`START RequestId: ${requestId}`)
      const cut = sendEvent(
        server.port,
        {
          payload,
          functionArn: arn,
          deadlineMs: Date.now() + timeoutS * 1000,
          host: `function-url.lambda-url.${region}.on.aws`,
          streams: env.AWS_LWA_INVOKE_MODE === 'response_stream',
        },
        call,
      )
      const timer = setTimeout(() => {
        call.fail('Sandbox.Timedout', `Task timed out after ${timeoutS.toFixed(2)} seconds`)
        cut()
      }, timeoutS * 1000)
      void call.ended.then(() => {
        clearTimeout(timer)
        calls.delete(call)
        log(`END RequestId: ${requestId}  Duration: ${(performance.now() - began).toFixed(2)} ms`)
      })
      return call.outcome
    },
    replace: async (next) => {
      await stop()
      artifactDir = next
      await up()
    },
    close: async () => {
      await stop()
      watchdog.close()
      rmSync(tmp, { recursive: true, force: true })
    },
  }
}
