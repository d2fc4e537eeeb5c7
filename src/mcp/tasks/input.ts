import { fromJsonSchema, ProtocolError, type JsonSchemaType } from '@modelcontextprotocol/server'
import type { InputRequest, InputResponse, TaskRecord } from './task.ts'

const invalidParams = -32602
const maxResponseBytes = 64 * 1024
const maxRequestBytes = 64 * 1024

/** The capability that a client has to declare to be asked in this way. */
const needs: Record<string, string> = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
}

/** Throws when a client that declared these capabilities cannot be asked this. */
export function checkRequests(requests: Record<string, InputRequest>, declared: Record<string, unknown>): void {
  for (const { method, params } of Object.values(requests)) {
    const needed = needs[method]
    if (needed === undefined) throw new Error(`A task cannot ask its client for ${method}`)
    const has = declared[needed] as Record<string, unknown> | undefined
    if (has === undefined || !hasMode(has, params?.mode))
      throw new Error(`The client does not support ${[params?.mode, needed].filter(Boolean).join(' ')}`)
  }
  if (Buffer.byteLength(JSON.stringify(requests)) > maxRequestBytes)
    throw new Error(`A task asks its client in at most ${maxRequestBytes} bytes`)
}

/** `elicitation: {}` means forms alone. */
function hasMode(has: Record<string, unknown>, mode: unknown): boolean {
  if (mode === 'url') return has.url !== undefined
  return mode !== 'form' || has.form !== undefined || has.url === undefined
}

/**
 * What of `tasks/update` a task takes: answers to what it still asks; others are ignored, as the extension says.
 * Throws -32602 for an answer that the tool could not use.
 */
export async function acceptedResponses(
  task: TaskRecord,
  responses: Record<string, unknown>,
): Promise<Record<string, InputResponse>> {
  const accepted: Record<string, InputResponse> = Object.create(null) as Record<string, InputResponse>
  for (const [key, response] of Object.entries(responses)) {
    if (!task.inputRequests || !Object.hasOwn(task.inputRequests, key)) continue
    await checkResponse(key, task.inputRequests[key]!, response)
    accepted[key] = response as InputResponse
  }
  if (Buffer.byteLength(JSON.stringify(accepted)) > maxResponseBytes)
    throw new ProtocolError(invalidParams, `inputResponses are larger than ${maxResponseBytes} bytes`)
  return accepted
}

/** The task after these answers: it works again when nothing is left to answer. */
export function answered(task: TaskRecord, accepted: Record<string, InputResponse>): Partial<TaskRecord> {
  const asked = Object.entries(task.inputRequests ?? {})
  const taken = Object.entries(accepted).filter(([key]) => asked.some(([each]) => each === key))
  const left = asked.filter(([key]) => !Object.hasOwn(accepted, key))
  return {
    status: left.length > 0 ? 'input_required' : 'working',
    inputRequests: Object.fromEntries(left),
    inputResponses: { ...task.inputResponses, ...Object.fromEntries(taken) },
  }
}

async function checkResponse(key: string, { method, params }: InputRequest, response: unknown): Promise<void> {
  const wrong = (why: string) => new ProtocolError(invalidParams, `inputResponses.${key} ${why}`)
  if (typeof response !== 'object' || response === null || Array.isArray(response)) throw wrong('is not an object')
  if (method !== 'elicitation/create') return
  const { action, content } = response as { action?: unknown; content?: unknown }
  if (action !== 'accept' && action !== 'decline' && action !== 'cancel')
    throw wrong('has no action that is accept, decline or cancel')
  if (action !== 'accept' || params?.requestedSchema === undefined) return
  const checked = await fromJsonSchema(params.requestedSchema as JsonSchemaType)['~standard'].validate(content)
  if (checked.issues) throw wrong(`has content that is not as asked: ${checked.issues[0]?.message ?? ''}`)
}
