import { randomBytes } from 'node:crypto'
import { viewerRequestFunction } from '../../aws/viewer-request.ts'
import { FairleadError } from '../../errors.ts'
import { anonymous, type FetchHandler } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { listen, type Listening } from '../../http/node-server.ts'
import { localAccount } from '../../platforms.ts'
import { scopesOf } from '../../scopes.ts'
import { createIamGuard } from '../iam/guard.ts'
import { Notes } from '../notes.ts'
import { observed } from '../observe.ts'
import { guardWithFaults } from '../faults/policies.ts'
import { withAnswerFaults, withRequestFaults } from '../faults/with-faults.ts'
import type { PlatformOptions, RunningPlatform } from '../platform.ts'
import type { LocalEndpoint } from '../state.ts'
import type { DeployedFunction } from '../template/deployed.ts'
import { localEnvironment } from '../template/environment.ts'
import { functionAccess, publicAccess } from './access.ts'
import { cloudfront } from './cloudfront.ts'
import { startLocalFunction, type LocalFunction } from './function.ts'
import { functionUrl } from './function-url.ts'
import { invokeApi, isInvokePath } from './invoke-api.ts'
import { startWebAdapterFunction } from './web-adapter.ts'

/** A request of a function URL may have 6 MB; Lambda itself answers when it has more. */
const largestBody = 7 * 1024 * 1024

const { region, accountId } = localAccount

/**
 * Runs the artifact as a Lambda function and its function URL. With IAM the Invoke API for AWS's own SDK client is on the
 * same port; with OAuth CloudFront stands in front, and the function URL has a port of its own.
 */
export async function startLambdaPlatform(options: PlatformOptions): Promise<RunningPlatform> {
  const notes = new Notes()
  let handler: FetchHandler = async () => new Response('starting', { status: 503 })
  const open: { close(): Promise<void> }[] = []
  const close = async () => {
    for (const each of open.toReversed()) await each.close()
  }
  try {
    const server = await listen(
      withRequestFaults(
        observed(
          options.as ?? 'lambda',
          withAnswerFaults((request, context) => handler(request, context), options.faults),
          options.requests,
          notes,
        ),
        options.faults,
        { service: 'lambda', region, keys: options.identities },
      ),
      {
        port: options.port,
        maxBodyBytes: largestBody,
      },
    )
    open.push(server)
    const oauth = options.project.config.platforms.lambda?.auth === 'oauth'
    // A template may have no CloudFront: then the function URL itself is what clients call.
    const origin = oauth && options.deployed?.lambda?.front !== false ? await originOf(open) : undefined
    const fn = await functionOf(options, notes, {
      ...(oauth ? options.authorization!.guard(`${server.url}/mcp`) : {}),
      ...(origin ? { FAIRLEAD_ORIGIN_SECRET: origin.secret } : {}),
    })
    open.push(fn)
    await fn.warm().catch((error: unknown) => {
      throw ofResource(error, options.deployed?.lambda)
    })
    const { endpoint, entrance } = origin
      ? behindCloudfront(fn, server, origin, options)
      : oauth
        ? withTokens(fn, server, options)
        : withIam(fn, server, options)
    handler = entrance
    return { endpoint, replace: (artifactDir) => fn.replace(artifactDir), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What keeps a function of a template from starting, with the name that it has there. */
function ofResource(error: unknown, deployed: DeployedFunction | undefined): unknown {
  if (!deployed || !(error instanceof FairleadError)) return error
  const { code, message, why, fix } = error
  const missing = message.includes('is undefined or not exported')
  return new FairleadError(code, `${deployed.resource}: ${message}`, {
    why: missing ? 'Handler is FILE.EXPORT, and the file has no such export.' : why,
    fix: missing ? 'Correct Handler; what fairlead builds has index.handler.' : fix,
    cause: error,
  })
}

async function functionOf(
  { project, ...options }: PlatformOptions,
  notes: Notes,
  env: Record<string, string>,
): Promise<LocalFunction> {
  const { memoryMb, timeoutS, concurrency } = project.config.platforms.lambda ?? {}
  const deployed = options.deployed?.lambda
  // As the secret that is deployed: all environments of the function share it.
  const own = { FAIRLEAD_SECRET: randomBytes(32).toString('base64url'), ...options.env, ...env }
  const all = {
    name: project.config.name,
    artifactDir: options.artifactDir,
    ...(memoryMb ? { memoryMb } : {}),
    ...(timeoutS ? { timeoutS } : {}),
    ...(concurrency ? { concurrency } : {}),
    ...(deployed ? { handler: deployed.handler } : {}),
    env: deployed
      ? localEnvironment(deployed.env, own)
      : { ...own, FAIRLEAD_PLATFORM: 'lambda', FAIRLEAD_PROJECT_DIR: project.dir },
    region,
    accountId,
    log: (line: string) => void (notes.take(line.trim()) || options.log(line)),
  }
  return deployed?.webRuntime
    ? startWebAdapterFunction({ ...all, handler: deployed.handler, runtime: deployed.webRuntime })
    : startLocalFunction(all)
}

interface Entrance {
  endpoint: LocalEndpoint
  entrance: FetchHandler
}

function withIam(
  fn: LocalFunction,
  server: Listening,
  { identities, project, faults, ...options }: PlatformOptions,
): Entrance {
  const deployed = options.deployed?.lambda
  const guardOf = (entrance: 'function-url' | 'invoke') => {
    const access = functionAccess(fn.arn, project.config.callers ?? [], { accountId, entrance })
    const { asks } = access
    const policy = deployed?.policy ?? access.policy
    return guardWithFaults(
      (each) => createIamGuard({ service: 'lambda', region, accountId, identities, policy: each, asks }),
      policy,
      faults,
    )
  }
  const open = deployed?.auth === 'NONE'
  const mode = deployed?.mode ?? 'RESPONSE_STREAM'
  const guard = open ? publicGuard(fn, options) : { guard: guardOf('function-url') }
  const url = functionUrl({ fn, ...guard, mode, region, accountId })
  const invoke = invokeApi({ fn, guard: guardOf('invoke') })
  return {
    entrance: (request, context) =>
      (isInvokePath((request as unknown as LightRequest).target) ? invoke : url)(request, context),
    endpoint: {
      url: `${server.url}${deployed?.webRuntime ? ownPath(project) : '/mcp'}`,
      ...(open ? { auth: 'none' } : { auth: 'iam', service: 'lambda', region }),
      arn: fn.arn,
      sdkEndpoint: server.url,
    },
  }
}

/** Behind the Lambda Web Adapter there is no endpoint of ours, which has the server at /mcp wherever it is. */
function ownPath({ config: { server } }: PlatformOptions['project']): string {
  return (server?.kind === 'http' ? server.path : undefined) ?? '/mcp'
}

/** What the template's policy says of a URL with auth type NONE. */
function publicGuard(fn: LocalFunction, { deployed }: Pick<PlatformOptions, 'deployed'>) {
  return deployed?.lambda ? { guard: publicAccess(fn.arn, deployed.lambda.policy, accountId) } : {}
}

/** The server verifies tokens, and nothing stands in front: its challenge has another name then. */
function withTokens(fn: LocalFunction, server: Listening, options: PlatformOptions): Entrance {
  const mode = options.deployed?.lambda?.mode ?? 'RESPONSE_STREAM'
  const url = functionUrl({ fn, ...publicGuard(fn, options), mode, region, accountId })
  return {
    entrance: (request, context) => url(request, { ...context, principal: anonymous }),
    endpoint: { url: `${server.url}/mcp`, auth: 'oauth', arn: fn.arn },
  }
}

interface Origin {
  server: Listening
  secret: string
  serve(handler: FetchHandler): void
}

/** The function URL as CloudFront's origin: reachable by itself too, as on AWS, where only the secret header keeps others out. */
async function originOf(open: { close(): Promise<void> }[]): Promise<Origin> {
  let handler: FetchHandler = async () => new Response('starting', { status: 503 })
  const server = await listen((request, context) => handler(request, context), { maxBodyBytes: largestBody })
  open.push(server)
  return { server, secret: randomBytes(32).toString('base64url'), serve: (served) => void (handler = served) }
}

function behindCloudfront(fn: LocalFunction, server: Listening, origin: Origin, options: PlatformOptions): Entrance {
  const { project, deployed } = options
  const { name } = project.config
  const { baseScopes } = scopesOf(project.config)
  const mode = deployed?.lambda?.mode ?? 'RESPONSE_STREAM'
  const url = functionUrl({ fn, ...publicGuard(fn, options), mode, region, accountId })
  origin.serve((request, context) => url(request, { ...context, principal: anonymous }))
  const { host } = new URL(origin.server.url)
  return {
    entrance: cloudfront({
      viewerRequest: viewerRequestFunction({
        origin: server.url,
        path: '/mcp',
        scopes: deployed?.lambda?.scopes ?? baseScopes.map((key) => `${name}/${key}`),
      }),
      origin: { handler: url, host, secret: origin.secret },
    }),
    endpoint: { url: `${server.url}/mcp`, auth: 'oauth', arn: fn.arn, originUrl: `${origin.server.url}/mcp` },
  }
}
