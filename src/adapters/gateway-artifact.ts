import { randomUUID } from 'node:crypto'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import { FairleadError } from '../errors.ts'
import { Changes } from '../gateway/changes.ts'
import type { BindingsFile } from '../gateway/bindings.ts'
import type { Policy } from '../gateway/policies/policy.ts'
import { anonymous, type FetchHandler } from '../http/fetch-handler.ts'
import { listen } from '../http/node-server.ts'
import { openGatewayOnAws } from './agentcore-gateway.ts'
import { audited, withTraceId } from './audit.ts'
import { fetchLambdaHandler, underLambda, type LambdaHandler } from './fetch-lambda.ts'
import { graceMs } from './http.ts'
import { lambdaFlushMs, observerOf } from './observe/observer.ts'
import { onlyThroughOrigin } from './origin-secret.ts'
import { ownCredentials } from './own-credentials.ts'
import { resolveSettings } from './settings.ts'

/** What `build` leaves beside the code, in gateway.json: the definitions, and what of the bindings is true there. */
export interface GatewayFacts {
  gateway: unknown
  targets: unknown[]
  policies?: Policy[]
  bindings: BindingsFile
}

/** The value of FAIRLEAD_GATEWAY, as JSON: what is known only where the gateway is deployed. */
export interface GatewayPlace {
  /** The URL of the gateway, as clients have it. Tokens and challenges name it. */
  resource?: string
  /** Which of `allowedAudience` is this gateway, where its URL is another than the definition says: here `dev` plays AWS. */
  audience?: string
  /** Where an origin really is, beside what the bindings say. */
  endpoints?: Record<string, string>
  /** By `discoveryUrl`: where that document really is. */
  discoveryUrls?: Record<string, string>
}

/** The payload quota of the service, and a little: the gateway answers itself when there is more. */
const largestBody = 7 * 1024 * 1024
const keptMs = 60_000

/**
 * Runs a gateway wherever its artifact finds itself: under Lambda's runtime it gives the handler, anywhere else it listens on
 * HOST and PORT, and on SIGTERM finishes what is in flight and ends. `dir` is the folder with the documents of the artifact.
 */
export async function runGateway(
  facts: GatewayFacts,
  dir: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<LambdaHandler | undefined> {
  await resolveSettings(env)
  const place = readPlace(env)
  const { bindings } = facts
  const gateway = await openGatewayOnAws({
    ...facts,
    bindings: {
      ...bindings,
      endpoints: { ...bindings.endpoints, ...place.endpoints },
      discoveryUrls: { ...bindings.discoveryUrls, ...place.discoveryUrls },
      ...(place.audience === undefined ? {} : { audience: place.audience }),
      dir,
    },
    ...(place.resource === undefined ? {} : { resource: place.resource }),
    // Lambda freezes a function between calls, and takes money while a stream is open.
    ...(underLambda(env) ? {} : { changes: new Changes() }),
    region: required(env, 'AWS_REGION'),
    credentials: roleCredentials(env),
    env,
    // Not by console: Lambda's puts the time in front, and then the line is no JSON any more.
    log: (message) => void process.stderr.write(`${JSON.stringify({ level: 'warn', message })}\n`),
  })
  const observer = observerOf(env)
  const inside = behindOrigin(observer ? observer.inside(gateway.fetch) : gateway.fetch, env)
  const seen = observer ? observer.outside(inside) : audited(inside, lineWriter(env))
  const fetch = withTraceId(seen)
  if (underLambda(env)) return fetchLambdaHandler(fetch, observer && (() => observer.flush(lambdaFlushMs)))
  const server = await listen(fetch, {
    host: env.HOST ?? '0.0.0.0',
    port: Number(env.PORT ?? 8000),
    maxBodyBytes: largestBody,
    context: () => ({ requestId: randomUUID(), principal: anonymous }),
  })
  process.once('SIGTERM', () => {
    gateway.drain()
    void server
      .close(graceMs)
      .then(() => gateway.close())
      .then(() => observer?.flush())
  })
  console.log(JSON.stringify({ listening: server.url }))
  return undefined
}

/** Behind CloudFront a function URL checks nobody: who comes around it is refused before a token is looked at. */
function behindOrigin(handler: FetchHandler, { FAIRLEAD_ORIGIN_SECRET: secret }: NodeJS.ProcessEnv): FetchHandler {
  return secret === undefined ? handler : onlyThroughOrigin(handler, secret)
}

/** Lines of one turn are written at once: a write costs more than a line. A function may be frozen before the turn ends. */
function lineWriter(env: NodeJS.ProcessEnv): (line: string) => void {
  if (underLambda(env)) return (line) => void process.stderr.write(`${line}\n`)
  let waiting = ''
  const flush = () => {
    if (waiting !== '') process.stderr.write(waiting)
    waiting = ''
  }
  process.once('exit', flush)
  return (line) => {
    if (waiting === '') setImmediate(flush)
    waiting += `${line}\n`
  }
}

/** Of the role that this runs as, kept for a minute: whoever gives them renews them long before they end. */
function roleCredentials(env: NodeJS.ProcessEnv): () => Promise<Credentials> {
  let kept: { credentials: Promise<Credentials>; until: number } | undefined
  return async () => {
    const now = performance.now()
    if (!kept || now > kept.until) kept = { credentials: ownCredentials(env), until: now + keptMs }
    const { credentials } = kept
    return credentials.catch((error: unknown) => {
      if (kept?.credentials === credentials) kept = undefined
      throw error
    })
  }
}

function readPlace(env: NodeJS.ProcessEnv): GatewayPlace {
  try {
    return JSON.parse(env.FAIRLEAD_GATEWAY ?? '{}') as GatewayPlace
  } catch {
    throw new FairleadError('SETTING_INVALID', 'FAIRLEAD_GATEWAY is not JSON')
  }
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name]
  if (value) return value
  throw new FairleadError('SETTING_INVALID', `The variable ${name} is not set`)
}
