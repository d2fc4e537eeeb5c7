import type { ElicitInputParams, ServerContext } from '@modelcontextprotocol/server'
import { asTask } from '../tool-guard.ts'
import type { InputRequest, InputResponse, TaskError } from './task.ts'

export interface TaskContext {
  signal: AbortSignal
  timeoutMs: number
  /** From then on nobody listens to the request. */
  isTask(): boolean
  failed(error: TaskError): void
  progressed(message: string | undefined): void
  ask(requests: Record<string, InputRequest>): Promise<Record<string, InputResponse>>
}

const maxMessage = 500

/** Makes what a tool sees when its call may become a task: the task stops it, and it can ask its client. */
export function taskContext(request: ServerContext, task: TaskContext, more: object = {}): ServerContext {
  const { mcpReq } = request
  const askOne = async (method: string, params: object) => {
    const { input } = await task.ask({ input: { method, params: params as Record<string, unknown> } })
    return input as never
  }
  return {
    ...request,
    [asTask]: { timeoutMs: task.timeoutMs, failed: task.failed },
    mcpReq: {
      ...mcpReq,
      ...more,
      signal: task.signal,
      log: async (...given) => (task.isTask() ? undefined : mcpReq.log(...given)),
      notify: async (notification) => {
        if (notification.method === 'notifications/progress') task.progressed(progressOf(notification.params))
        if (!task.isTask()) await mcpReq.notify(notification)
      },
      elicitInput: async (params: ElicitInputParams) => askOne('elicitation/create', { mode: 'form', ...params }),
      requestSampling: async (params: object) => askOne('sampling/createMessage', params),
    },
  } as ServerContext
}

function progressOf({ message, progress, total }: Record<string, unknown> = {}): string | undefined {
  if (typeof message === 'string') return message.slice(0, maxMessage)
  if (typeof progress !== 'number') return undefined
  return typeof total === 'number' ? `${progress} of ${total}` : String(progress)
}
