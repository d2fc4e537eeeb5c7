import { McpServer, type McpServerFactory, type Server, type ServerContext } from '@modelcontextprotocol/server'
import type { Table } from '../../state/table.ts'
import type { ToolGuardOptions } from '../tool-guard.ts'
import { ownerOf, serveTaskMethods } from './methods.ts'
import { Places } from './places.ts'
import { TaskRun } from './run.ts'
import { createTaskStore, maxPerPrincipal, type TaskStoreOptions } from './store.ts'
import { clientCapabilities, declares, extension, missingExtension, taskFields } from './task.ts'

export interface TasksOptions extends TaskStoreOptions {
  /** Where tasks are kept: what several processes share finds a task from each of them. */
  table: Table
  /** A tool that answers sooner answers without a task; 500 ms by default. */
  soonMs?: number
  /** For a tool without a limit of its own, in milliseconds; an hour by default. */
  toolTimeoutMs?: number
  /** Running at once in this process; 1,000 by default. */
  maxRunning?: number
  /** How long tasks may go on when the process is told to stop; 60 seconds by default. */
  graceMs?: number
}

/** What an endpoint needs to offer tools as tasks. */
export interface Tasks {
  /** Makes every server of a factory offer the tools that are marked as tasks. */
  wrap(factory: McpServerFactory, options: ToolGuardOptions): McpServerFactory
  /** -32021 for a request that the SDK would answer without the extension that it needs. */
  refusal(body: unknown): Response | undefined
  drain(): void
  /** Stops what runs: at once, or after the grace time when it was told to drain. */
  close(): Promise<void>
}

type Handler = (request: { params?: Record<string, unknown> }, context: ServerContext) => Promise<unknown>

/** The part of the SDK's server that keeps its handlers. test/mcp/tasks.test.ts fails when it moves. */
interface Handlers {
  _requestHandlers: Map<string, Handler>
}

/**
 * Keeps long tool calls as tasks of the extension `io.modelcontextprotocol/tasks`, for clients that declare it: the call is
 * answered with a task id, the tool goes on in this process, and any process that shares the table answers for it.
 * @see https://modelcontextprotocol.io/seps/2663-tasks-extension
 */
export function createTasks(options: TasksOptions): Tasks {
  const { maxRunning = 1000, soonMs = 500, leaseMs = 15_000, toolTimeoutMs = 3_600_000, graceMs = 60_000 } = options
  const store = createTaskStore(options.table, options)
  const running = new Map<string, TaskRun>()
  const places = new Places(maxRunning, options.maxPerPrincipal ?? maxPerPrincipal)
  const ends = new Set<Promise<void>>()
  let until = 0

  const asTask = async (call: (context: ServerContext) => Promise<unknown>, context: ServerContext, log?: Log) => {
    const run = new TaskRun(call, context, {
      store,
      principal: ownerOf(context),
      places,
      soonMs,
      renewMs: leaseMs / 3,
      lookMs: Math.min(1000, leaseMs / 3),
      timeoutMs: toolTimeoutMs,
      log,
    })
    const answer = await run.answer(({ taskId }, ended) => {
      running.set(taskId, run)
      const end = ended.finally(() => {
        running.delete(taskId)
        ends.delete(end)
      })
      ends.add(end)
    })
    return 'task' in answer ? { resultType: 'task', ...taskFields(answer.task) } : answer.result
  }

  const offer = (server: Server, { tools = {}, log }: ToolGuardOptions, modern: boolean) => {
    const { _requestHandlers: handlers } = server as unknown as Handlers
    const handle = handlers.get('tools/call')
    if (!handle) return
    handlers.set('tools/call', async (request, context) => {
      const name = String(request.params?.name)
      const task = Object.hasOwn(tools, name) ? tools[name]!.task : undefined
      const declared = modern && declares(clientCapabilities(context.mcpReq.envelope))
      if (task === 'required' && !declared) throw missingExtension()
      if (!task || !declared || places.full || until > 0) return handle(request, context)
      return asTask((each) => handle(request, each), context, log)
    })
  }

  return {
    wrap: (factory, guard) => async (context) => {
      const product = await factory(context)
      const server = product instanceof McpServer ? product.server : product
      const modern = context.era === 'modern'
      offer(server, guard, modern)
      if (!modern) return product
      server.registerCapabilities({ extensions: { [extension]: {} } })
      serveTaskMethods(server, store, running)
      return product
    },
    refusal: (body) => (listensUndeclared(body) ? refused(body) : undefined),
    drain: () => {
      until ||= Date.now() + graceMs
    },
    close: async () => {
      const grace = Math.max(0, until - Date.now())
      if (ends.size > 0 && grace > 0) await within(Promise.allSettled(ends), grace)
      for (const run of running.values()) run.stop(new Error('The server has stopped'))
      await Promise.allSettled(ends)
    },
  }
}

type Log = ToolGuardOptions['log']

/** Whether a client asks to be told of tasks without saying that it knows them. */
function listensUndeclared(body: unknown): boolean {
  const { method, params } = (body ?? {}) as {
    method?: unknown
    params?: { notifications?: { taskIds?: unknown } | null; _meta?: unknown } | null
  }
  return (
    method === 'subscriptions/listen' &&
    params?.notifications?.taskIds !== undefined &&
    !declares(clientCapabilities(params._meta))
  )
}

function refused(body: unknown): Response {
  const { code, message, data } = missingExtension()
  const { id = null } = body as { id?: unknown }
  return Response.json({ jsonrpc: '2.0', id, error: { code, message, data } }, { status: 400 })
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
