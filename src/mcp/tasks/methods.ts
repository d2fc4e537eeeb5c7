import { ProtocolError, type Server, type ServerContext } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { principalOf } from '../principal.ts'
import { acceptedResponses, answered } from './input.ts'
import { hasEnded, type TaskStore } from './store.ts'
import { clientCapabilities, declares, detailed, missingExtension, type TaskRecord } from './task.ts'

/** What another request tells the run of a task, when it is in this process. */
export interface RunningHere {
  stop(reason: Error): void
  /** There may be answers. */
  look(): void
}

const invalidParams = -32602
const ofTask = z.looseObject({ taskId: z.string().max(200) })
const anything = z.looseObject({})

/** Answers `tasks/get`, `tasks/update` and `tasks/cancel` for the principal that made the task. */
export function serveTaskMethods(server: Server, store: TaskStore, running: ReadonlyMap<string, RunningHere>): void {
  server.setRequestHandler('tasks/get', { params: ofTask, result: anything }, async ({ taskId }, context) => {
    const { principal, task } = await find(store, taskId, context)
    return detailed(task, task.status === 'completed' ? await store.result(principal, taskId) : undefined)
  })

  server.setRequestHandler('tasks/update', { params: ofTask, result: anything }, async ({ taskId }, context) => {
    const { principal, task } = await find(store, taskId, context)
    // The SDK takes them out of the parameters, as it does for a call that is tried again.
    const { inputResponses } = context.mcpReq
    if (!inputResponses) throw new ProtocolError(invalidParams, 'Invalid params for tasks/update: no inputResponses')
    const accepted = await acceptedResponses(task, inputResponses)
    if (Object.keys(accepted).length > 0 && !hasEnded(task)) {
      await store.change(principal, taskId, (now) => answered(now, accepted))
      running.get(taskId)?.look()
    }
    return {}
  })

  server.setRequestHandler('tasks/cancel', { params: ofTask, result: anything }, async ({ taskId }, context) => {
    const { principal, task } = await find(store, taskId, context)
    if (!hasEnded(task)) await store.end(principal, taskId, { status: 'cancelled' })
    running.get(taskId)?.stop(new Error('The task was cancelled'))
    return {}
  })
}

/** The name under which a caller's tasks are kept. */
export function ownerOf(context: ServerContext): string {
  const { kind = 'anonymous', id = '', clientId = '' } = principalOf(context) ?? {}
  return JSON.stringify([kind, id, clientId])
}

/** Of another's task nothing is said, not even that it is there. */
async function find(
  store: TaskStore,
  taskId: string,
  context: ServerContext,
): Promise<{ principal: string; task: TaskRecord }> {
  if (!declares(clientCapabilities(context.mcpReq.envelope))) throw missingExtension()
  const principal = ownerOf(context)
  const task = await store.get(principal, taskId)
  if (!task) throw new ProtocolError(invalidParams, 'Task not found: there is none with this id, or it has expired')
  return { principal, task }
}
