import { randomBytes } from 'node:crypto'
import type { Table } from '../../state/table.ts'
import type { InputRequest, InputResponse, TaskError, TaskRecord } from './task.ts'

export interface TaskStoreOptions {
  /** How long a task is kept, from its creation; 24 hours by default. */
  ttlMs?: number
  /** How long a task outlives the last sign of life of its process; 15 seconds by default. */
  leaseMs?: number
  /** Unfinished at once for one principal; 100 by default. The index that counts them may be a moment behind. */
  maxPerPrincipal?: number
  /** Made in an hour for one principal; 200 by default. */
  maxPerHour?: number
  now?: () => number
}

/** How a task ends. */
export type Ending =
  | { status: 'completed'; result: unknown }
  | { status: 'failed'; error: TaskError }
  | { status: 'cancelled' }

export interface TaskStore {
  /** Undefined: the principal has as many as it may have. */
  create(principal: string): Promise<TaskRecord | undefined>
  get(principal: string, taskId: string): Promise<TaskRecord | undefined>
  result(principal: string, taskId: string): Promise<unknown>
  /** Writes what `change` makes of the task. Undefined: it is not there, or has ended, and nothing was written. */
  change(principal: string, taskId: string, change: Change): Promise<TaskRecord | undefined>
  /** Ends a task, once. Undefined: it is not there, or had ended before. */
  end(principal: string, taskId: string, ending: Ending): Promise<TaskRecord | undefined>
  /** A sign of life, from the process that runs it alone. Undefined: it has ended elsewhere, and the tool must stop. */
  renew(principal: string, taskId: string, statusMessage?: string): Promise<TaskRecord | undefined>
  /** The answers that have come since, each given once. */
  takeResponses(principal: string, taskId: string): Promise<Record<string, InputResponse>>
  /** Asks the client: the task waits for input until each key is answered. */
  ask(principal: string, taskId: string, requests: Record<string, InputRequest>): Promise<TaskRecord | undefined>
}

type Change = (task: TaskRecord) => Partial<TaskRecord>

const kinds = { task: 'mcp-task', result: 'mcp-task-result', made: 'mcp-task-made' } as const
/** An item of DynamoDB holds 400 kB; the rest is room for its keys. */
const maxResultBytes = 350_000
const hourS = 3600
export const maxPerPrincipal = 100

/**
 * Keeps tasks in a table, each under its principal, so that the id of another's task finds nothing. A result is an item of
 * its own, written before the task says that it is completed.
 */
export function createTaskStore(table: Table, options: TaskStoreOptions = {}): TaskStore {
  const {
    ttlMs = 86_400_000,
    leaseMs = 15_000,
    maxPerPrincipal: maxEach = maxPerPrincipal,
    maxPerHour = 200,
    now = Date.now,
  } = options
  const idOf = (principal: string, taskId: string) => JSON.stringify([principal, taskId])
  const indexOf = (principal: string) => `${kinds.task}|${principal}`

  /** The index has what has not ended. */
  const write = async (principal: string, taskId: string, change: Change) => {
    const id = idOf(principal, taskId)
    for (;;) {
      const entry = await table.get<TaskRecord>(kinds.task, id)
      if (!entry || hasEnded(entry.value)) return undefined
      const next = { ...entry.value, ...change(entry.value) }
      const written = await table.write(kinds.task, id, next, {
        ttlS: Math.max(1, Math.ceil(entry.expires - now() / 1000)),
        if: entry.rev,
        ...(hasEnded(next) ? {} : { index: indexOf(principal) }),
      })
      if (written) return next
    }
  }
  const dated = (change: Change) => (task: TaskRecord) => ({ ...change(task), lastUpdatedAt: isoDate(now()) })
  const failed = (error: TaskError) => dated(() => ended({ status: 'failed', error, statusMessage: error.message }))

  const get: TaskStore['get'] = async (principal, taskId) => {
    const task = (await table.get<TaskRecord>(kinds.task, idOf(principal, taskId)))?.value
    if (!task || hasEnded(task) || task.leaseUntil > now()) return task
    const gone = { code: -32603, message: 'The process that ran the task has ended' }
    const lapse: Change = (read) => (read.leaseUntil > now() ? {} : failed(gone)(read))
    return (await write(principal, taskId, lapse)) ?? get(principal, taskId)
  }

  const complete = async (principal: string, taskId: string, result: unknown) => {
    const id = idOf(principal, taskId)
    const message = `The result is larger than ${maxResultBytes} bytes, the most that a task keeps`
    if (Buffer.byteLength(JSON.stringify(result ?? null)) > maxResultBytes)
      return write(principal, taskId, failed({ code: -32603, message }))
    await table.write(kinds.result, id, result ?? null, { ttlS: Math.ceil(ttlMs / 1000) })
    const task = await write(
      principal,
      taskId,
      dated(() => ended({ status: 'completed' })),
    )
    if (!task) await table.remove(kinds.result, id)
    return task
  }

  return {
    get,
    result: async (principal, taskId) => (await table.get(kinds.result, idOf(principal, taskId)))?.value,
    change: (principal, taskId, change) => write(principal, taskId, dated(change)),
    end: (principal, taskId, ending) => {
      if (ending.status === 'completed') return complete(principal, taskId, ending.result)
      if (ending.status === 'failed') return write(principal, taskId, failed(ending.error))
      return write(
        principal,
        taskId,
        dated(() => ended({ status: 'cancelled' })),
      )
    },
    renew: (principal, taskId, statusMessage) =>
      write(principal, taskId, () => ({
        leaseUntil: now() + leaseMs,
        ...(statusMessage === undefined ? {} : { statusMessage }),
      })),
    takeResponses: async (principal, taskId) => {
      const { inputResponses = {} } = (await get(principal, taskId)) ?? {}
      if (Object.keys(inputResponses).length === 0) return {}
      let taken = {}
      await write(principal, taskId, (task) => {
        taken = task.inputResponses ?? {}
        return { inputResponses: {} }
      })
      return taken
    },
    ask: (principal, taskId, requests) =>
      write(
        principal,
        taskId,
        dated((task) => ({ status: 'input_required', inputRequests: { ...task.inputRequests, ...requests } })),
      ),
    create: async (principal) => {
      if ((await table.list(indexOf(principal))).length >= maxEach) return undefined
      if ((await table.count(kinds.made, principal, hourS)) > maxPerHour) return undefined
      const at = isoDate(now())
      const task: TaskRecord = {
        taskId: randomBytes(24).toString('base64url'),
        status: 'working',
        createdAt: at,
        lastUpdatedAt: at,
        ttlMs,
        leaseUntil: now() + leaseMs,
      }
      const written = { ttlS: Math.ceil(ttlMs / 1000), if: 'absent' as const, index: indexOf(principal) }
      return (await table.write(kinds.task, idOf(principal, task.taskId), task, written)) ? task : undefined
    },
  }
}

export function hasEnded({ status }: TaskRecord): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}

/** What was asked is over with the task. */
function ended(changes: Partial<TaskRecord>): Partial<TaskRecord> {
  return { statusMessage: undefined, ...changes, inputRequests: undefined, inputResponses: undefined }
}

function isoDate(at: number): string {
  return new Date(at).toISOString()
}
