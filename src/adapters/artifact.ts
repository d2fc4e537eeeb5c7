import type { FetchHandler } from '../http/fetch-handler.ts'
import { createMcpEndpoint, type EndpointOptions, type LogEntry } from '../mcp/endpoint.ts'
import type { ServerSource } from '../mcp/source.ts'
import type { Tasks } from '../mcp/tasks/tasks.ts'
import { MemoryTable } from '../state/memory.ts'
import type { Table } from '../state/table.ts'
import { isAgentcoreRuntime, onAgentcoreRuntime } from './agentcore-runtime.ts'
import { audited, withTraceId } from './audit.ts'
import type { FargateTask } from './fargate.ts'
import { lambdaFlushMs, observerOf, type Observer } from './observe/observer.ts'
import { serveProcess } from './http.ts'
import { fetchLambdaHandler, underLambda, type LambdaHandler } from './fetch-lambda.ts'

/** What an artifact has beside the server: only what its configuration asks for is in the bundle. */
export interface ArtifactFeatures {
  /** Resolves the settings that are kept elsewhere, before anything reads one. */
  settings?: (env: NodeJS.ProcessEnv) => Promise<void>
  /** Inbound OAuth, where the platform asks for it. */
  guard?: (
    handler: FetchHandler,
    env: NodeJS.ProcessEnv,
    shared: { table: Table; openPaths: readonly string[] },
  ) => FetchHandler
  /** Opens what it shares with its siblings. */
  state?: (env: NodeJS.ProcessEnv) => Table
  /** Its siblings, where it has some. */
  task?: (env: NodeJS.ProcessEnv, table: Table) => FargateTask | undefined
  /** Tools that go on behind the answer, where the platform lets them. */
  tasks?: (env: NodeJS.ProcessEnv, table: Table) => Tasks | undefined
}

const healthPath = '/healthz'

/**
 * Runs a server wherever the artifact finds itself: under Lambda's runtime it gives the handler, anywhere else it listens.
 * The platform stands in front of it, and says in the environment who checks the caller.
 */
export async function runArtifact(
  source: ServerSource | Promise<ServerSource>,
  options: EndpointOptions,
  features: ArtifactFeatures = {},
): Promise<LambdaHandler | undefined> {
  const { env } = process
  await features.settings?.(env)
  const table = features.state?.(env) ?? new MemoryTable()
  const task = features.task?.(env, table)
  const tasks = features.tasks?.(env, table)
  const endpoint = createMcpEndpoint(await source, {
    allowedHosts: 'any',
    log: logLine,
    ...options,
    ...task?.options,
    ...(tasks ? { tasks } : {}),
  })
  const openPaths = [healthPath, ...(task?.openPaths ?? [])]
  const observer = observerOf(env)
  const inside = observer ? observer.inside(endpoint.fetch) : endpoint.fetch
  const guarded = features.guard?.(inside, env, { table, openPaths })
  const fetch = outside(guarded ?? inside, guarded !== undefined, observer)
  if (underLambda(env)) return fetchLambdaHandler(fetch, observer && (() => observer.flush(lambdaFlushMs)))
  const served = isAgentcoreRuntime(env) ? onAgentcoreRuntime(fetch, env) : fetch
  const close = async () => {
    await endpoint.close()
    await task?.close()
    await table.close()
    await observer?.flush()
  }
  const server = await serveProcess({ ...endpoint, fetch: served, close }, env)
  await task?.listening(server.url)
  console.log(JSON.stringify({ listening: server.url }))
  return undefined
}

/** The line of an observer is an audit line too. */
function outside(handler: FetchHandler, isGuarded: boolean, observer: Observer | undefined): FetchHandler {
  const seen = observer ? observer.outside(handler) : isGuarded ? audited(handler, writeLine) : handler
  return isGuarded ? withTraceId(seen) : seen
}

/** One JSON line: the platform's log reads it. */
function logLine({ cause, ...entry }: LogEntry): void {
  writeLine(JSON.stringify({ ...entry, ...(cause instanceof Error ? { stack: cause.stack } : {}) }))
}

/** Not by console: Lambda's puts the time and the request id in front, and then the line is no JSON any more. */
function writeLine(line: string): void {
  process.stderr.write(`${line}\n`)
}
