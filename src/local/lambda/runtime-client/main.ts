// Runs in an execution environment: loads the handler and asks the Runtime API for work, as AWS's own client does.
// @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { fatal, fetchNext, postError, postInitError, postResponse } from './api.ts'
import { loadHandler, type Handler } from './handler.ts'
import { failStream, installAwsLambda, isStreaming, responseStream } from './streaming.ts'

installAwsLambda()
let current: string | undefined
const dying = (exitCode: number) => (error: unknown) => void fatal(current, error).then(() => process.exit(exitCode))
process.on('uncaughtException', dying(129))
process.on('unhandledRejection', dying(128))
// A signal ends the environment at once, as it does on Lambda without extensions.
process.on('SIGTERM', () => process.exit(0))

const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? '', process.env._HANDLER ?? '').catch(
  async (error: unknown) => {
    await postInitError(error).catch(() => {})
    process.exit(1)
  },
)
for (;;) await invokeNext(handler)

async function invokeNext(handler: Handler): Promise<void> {
  const { requestId, event, context } = await fetchNext()
  current = requestId
  try {
    if (isStreaming(handler)) {
      const stream = responseStream(requestId)
      try {
        await handler(event, stream, context)
      } catch (error) {
        await failStream(stream, error)
      }
      // A handler that forgot to end its stream has ended it by returning.
      if (!stream.writableEnded) stream.end()
      await stream.taken
    } else
      await postResponse(requestId, await (handler as (event: unknown, context: unknown) => unknown)(event, context))
  } catch (error) {
    await postError(requestId, error)
  }
  current = undefined
}
