import type { FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { listen } from '../../http/node-server.ts'
import { localAccount } from '../../platforms.ts'
import { createIamGuard } from '../iam/guard.ts'
import { observed } from '../observe.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import { startLocalFunction } from './function.ts'
import { functionUrl } from './function-url.ts'
import { invokeApi, isInvokePath } from './invoke-api.ts'

/** A request of a function URL may have 6 MB; Lambda itself answers when it has more. */
const largestBody = 7 * 1024 * 1024

/** Runs the artifact as a Lambda function, its function URL and, on the same port, the Invoke API for AWS's own SDK client. */
export async function startLambdaPlatform(options: PlatformOptions): Promise<RunningPlatform> {
  const { project, identities, log } = options
  const { region, accountId } = localAccount
  const { memoryMb, timeoutS, concurrency } = project.config.platforms.lambda ?? {}
  const fn = await startLocalFunction({
    name: project.config.name,
    artifactDir: options.artifactDir,
    ...(memoryMb ? { memoryMb } : {}),
    ...(timeoutS ? { timeoutS } : {}),
    ...(concurrency ? { concurrency } : {}),
    env: { ...options.env, FAIRLEAD_PROJECT_DIR: project.dir },
    region,
    accountId,
    log,
  })
  try {
    await fn.warm()
    const guardOf = (authType: 'function-url' | 'invoke') =>
      createIamGuard({
        service: 'lambda',
        region,
        accountId,
        identities,
        functionArn: fn.arn,
        callers: project.config.callers ?? [],
        entrance: authType,
      })
    const url = functionUrl({ fn, guard: guardOf('function-url'), mode: 'RESPONSE_STREAM', region, accountId })
    const invoke = invokeApi({ fn, guard: guardOf('invoke') })
    const route: FetchHandler = (request, context) =>
      (isInvokePath((request as unknown as LightRequest).target) ? invoke : url)(request, context)
    const server = await listen(observed('lambda', route, options.requests), {
      port: options.port,
      maxBodyBytes: largestBody,
    })
    return {
      endpoint: {
        url: `${server.url}/mcp`,
        auth: 'iam',
        service: 'lambda',
        region,
        arn: fn.arn,
        sdkEndpoint: server.url,
      },
      replace: (artifactDir) => fn.replace(artifactDir),
      close: async () => {
        await server.close()
        await fn.close()
      },
    }
  } catch (error) {
    await fn.close()
    throw error
  }
}
