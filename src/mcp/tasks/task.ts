import { CLIENT_CAPABILITIES_META_KEY, MissingRequiredClientCapabilityError } from '@modelcontextprotocol/server'

/** The official extension, in its version for 2026-07-28. @see https://modelcontextprotocol.io/seps/2663-tasks-extension */
export const extension = 'io.modelcontextprotocol/tasks'

export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled'

/** The JSON-RPC error that ended a task. */
export interface TaskError {
  code: number
  message: string
}

/** What a server asks a client, such as `elicitation/create`. */
export interface InputRequest {
  method: string
  params?: Record<string, unknown>
}

export type InputResponse = Record<string, unknown>

/** A task as it is kept. `leaseUntil` (ms since 1970) is moved on by the process that runs it. */
export interface TaskRecord {
  taskId: string
  status: TaskStatus
  statusMessage?: string | undefined
  createdAt: string
  lastUpdatedAt: string
  ttlMs: number
  leaseUntil: number
  error?: TaskError
  /** What the client has still to answer. */
  inputRequests?: Record<string, InputRequest> | undefined
  /** What it has answered and the tool has not fetched yet. */
  inputResponses?: Record<string, InputResponse> | undefined
}

const pollIntervalMs = 1000

/** What a client sees of a task before its result: the whole of `CreateTaskResult` but its `resultType`. */
export function taskFields(task: TaskRecord): Record<string, unknown> {
  const { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs } = task
  const said = statusMessage === undefined ? {} : { statusMessage }
  return { taskId, status, ...said, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs }
}

/** The answer to `tasks/get`: only the field that belongs to the status. */
export function detailed(task: TaskRecord, result: unknown): Record<string, unknown> {
  const fields = taskFields(task)
  // The result is the one that the call would have had, and that says what it is.
  if (task.status === 'completed') return { ...fields, result: { resultType: 'complete', ...(result as object) } }
  if (task.status === 'failed') return { ...fields, error: task.error }
  if (task.status === 'input_required') return { ...fields, inputRequests: task.inputRequests }
  return fields
}

/** Whether a client declared the extension; each request says so for itself. */
export function declares(clientCapabilities: unknown): boolean {
  const { extensions } = (clientCapabilities ?? {}) as { extensions?: Record<string, unknown> | null }
  return extensions?.[extension] !== undefined
}

export function clientCapabilities(meta: unknown): Record<string, unknown> {
  const found = (meta as Record<string, unknown> | null | undefined)?.[CLIENT_CAPABILITIES_META_KEY]
  return (found ?? {}) as Record<string, unknown>
}

/** -32021, as the extension asks it of a server that cannot answer otherwise. */
export function missingExtension(): MissingRequiredClientCapabilityError {
  return new MissingRequiredClientCapabilityError(
    { requiredCapabilities: { extensions: { [extension]: {} } } },
    `Missing required client capability: the extension ${extension}`,
  )
}
