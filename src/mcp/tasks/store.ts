import { randomBytes } from 'node:crypto'
import type { Table } from '../../state/table.ts'

export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled'

/** A task as it is kept. `leaseUntil` (ms since 1970) is moved on by the process that runs it. */
export interface TaskRecord {
  taskId: string
  status: TaskStatus
  createdAt: string
  lastUpdatedAt: string
  ttlMs: number
  leaseUntil: number
  result?: unknown
  error?: { code: number; message: string }
}

export interface TaskStoreOptions {
  ttlMs?: number
  /** How long a task outlives the last sign of life of its process; 15 seconds by default. */
  leaseMs?: number
  /** Kept at once for one principal; 100 by default. */
  maxPerPrincipal?: number
  now?: () => number
}

export interface TaskStore {
  /** Undefined: the principal has as many as it may have. */
  create(principal: string): Promise<TaskRecord | undefined>
  get(principal: string, taskId: string): Promise<TaskRecord | undefined>
  /** Undefined: not there, or it had ended, and nothing was written. */
  change(principal: string, taskId: string, change: Partial<TaskRecord>): Promise<TaskRecord | undefined>
  /** A sign of life, from the process that runs it alone. Undefined: it has ended elsewhere, and the tool must stop. */
  renew(principal: string, taskId: string): Promise<TaskRecord | undefined>
}

const kind = 'mcp-task'
/** An item of DynamoDB holds 400 kB; the rest is room for the keys and the fields around the result. */
const maxResultBytes = 350_000

/** Keeps tasks in a table, each under its principal, so that the id of another's task finds nothing. */
export function createTaskStore(table: Table, options: TaskStoreOptions = {}): TaskStore {
  const { ttlMs = 86_400_000, leaseMs = 15_000, maxPerPrincipal = 100, now = Date.now } = options
  const idOf = (principal: string, taskId: string) => JSON.stringify([principal, taskId])
  const indexOf = (principal: string) => `${kind}|${principal}`

  const write = async (principal: string, taskId: string, changes: Partial<TaskRecord>) => {
    const id = idOf(principal, taskId)
    for (;;) {
      const entry = await table.get<TaskRecord>(kind, id)
      if (!entry || hasEnded(entry.value)) return undefined
      const next = bounded({ ...entry.value, ...changes })
      const ttlS = Math.max(1, Math.ceil(entry.expires - now() / 1000))
      if (await table.write(kind, id, next, { ttlS, if: entry.rev, index: indexOf(principal) })) return next
    }
  }

  const change: TaskStore['change'] = (principal, taskId, changes) =>
    write(principal, taskId, { ...changes, lastUpdatedAt: new Date(now()).toISOString() })

  const get: TaskStore['get'] = async (principal, taskId) => {
    const entry = await table.get<TaskRecord>(kind, idOf(principal, taskId))
    if (!entry || hasEnded(entry.value) || entry.value.leaseUntil > now()) return entry?.value
    const next = {
      ...entry.value,
      status: 'failed' as const,
      error: { code: -32603, message: 'Its process has ended' },
    }
    next.lastUpdatedAt = new Date(now()).toISOString()
    const ttlS = Math.max(1, Math.ceil(entry.expires - now() / 1000))
    const written = await table.write(kind, idOf(principal, taskId), next, {
      ttlS,
      if: entry.rev,
      index: indexOf(principal),
    })
    return written ? next : get(principal, taskId)
  }

  return {
    get,
    change,
    renew: (principal, taskId) => write(principal, taskId, { leaseUntil: now() + leaseMs }),
    create: async (principal) => {
      if ((await table.list(indexOf(principal))).length >= maxPerPrincipal) return undefined
      const at = new Date(now()).toISOString()
      const task: TaskRecord = {
        taskId: randomBytes(24).toString('base64url'),
        status: 'working',
        createdAt: at,
        lastUpdatedAt: at,
        ttlMs,
        leaseUntil: now() + leaseMs,
      }
      const written = { ttlS: Math.ceil(ttlMs / 1000), if: 'absent' as const, index: indexOf(principal) }
      return (await table.write(kind, idOf(principal, task.taskId), task, written)) ? task : undefined
    },
  }
}

export function hasEnded({ status }: TaskRecord): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}

function bounded(task: TaskRecord): TaskRecord {
  if (task.result === undefined || Buffer.byteLength(JSON.stringify(task.result)) <= maxResultBytes) return task
  const { result: _, ...rest } = task
  const message = `The result is larger than ${maxResultBytes} bytes, the most that a task keeps`
  return { ...rest, status: 'failed', error: { code: -32603, message } }
}
