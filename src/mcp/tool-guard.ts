import { randomUUID } from 'node:crypto'
import {
  McpServer,
  ProtocolError,
  type CallToolResult,
  type McpServerFactory,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { LightRequest } from '../http/light-request.ts'

export interface ToolGuardOptions {
  /** Limits by tool name. */
  tools?: Record<string, { timeoutMs?: number; task?: boolean | 'required' }>
  /** For tools without a limit of their own, in milliseconds; 300,000 by default. */
  toolTimeoutMs?: number
  /** Where a thrown error goes, with the id that the client gets in its place. */
  log?: (entry: LogEntry) => void
}

export interface LogEntry {
  level: 'warn' | 'error'
  message: string
  /** Stands in the client's answer, so that a user can say which error it was. */
  logId?: string
  /** Of the request, where it is observed. */
  requestId?: string
  traceId?: string
  tool?: string
  principal?: string
  cause?: unknown
}

/** The part of McpServer that runs a tool after its arguments were checked and before its result is. */
interface ToolRunner {
  _registeredTools: Record<string, unknown>
  executeToolHandler(tool: unknown, args: unknown, context: ServerContext): Promise<CallToolResult>
}

/** Stands in the context of a call that may become a task. */
export const asTask = Symbol('asTask')

interface AsTask {
  [asTask]?: {
    /** For a tool without a limit of its own. */
    timeoutMs: number
    /** Takes the place of a protocol error that the tool threw: its code, and what the client may know. */
    failed(error: { code: number; message: string }): void
  }
}

const defaultTimeoutMs = 300_000

/**
 * Makes every server of a factory run its tools under a time limit, and keep what they throw to itself: the client gets a
 * log id, the log gets the error. Errors that a tool returns (`isError`) and the SDK's own checks of arguments pass.
 */
export function guardTools(factory: McpServerFactory, options: ToolGuardOptions): McpServerFactory {
  return async (context) => {
    const product = await factory(context)
    if (product instanceof McpServer) guard(product as unknown as ToolRunner, options)
    return product
  }
}

function guard(runner: ToolRunner, options: ToolGuardOptions): void {
  const run = runner.executeToolHandler
  runner.executeToolHandler = async (tool, args, context) => {
    const name = nameOf(tool, runner)
    const task = (context as AsTask)[asTask]
    const timeoutMs = timeoutOf(name, context, options)
    let limit: AbortController | undefined
    let over: Error | undefined
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<CallToolResult>((resolve) => {
      timer = setTimeout(() => {
        over = new Error(`The tool took longer than ${timeoutMs} ms`)
        limit?.abort(over)
        resolve(errorResult(`The tool ${name} did not answer within ${timeoutMs} ms and was stopped.`))
      }, timeoutMs)
    })
    const { signal } = context.mcpReq
    // Most tools never look at their signal, and making one costs more than many of them.
    const limitedSignal = () => {
      if (limit) return limit.signal
      limit = new AbortController()
      if (over) limit.abort(over)
      else if (signal.aborted) limit.abort(signal.reason)
      else signal.addEventListener('abort', () => limit!.abort(signal.reason), { once: true })
      return limit.signal
    }
    const mcpReq = {
      ...context.mcpReq,
      get signal() {
        return limitedSignal()
      },
    }
    const limited = { ...context, mcpReq } as ServerContext
    try {
      return await Promise.race([run.call(runner, tool, args, limited), late])
    } catch (thrown) {
      const result = hidden(thrown, name, context, options)
      if (thrown instanceof ProtocolError) task?.failed({ code: thrown.code, message: textOf(result) })
      return result
    } finally {
      clearTimeout(timer)
    }
  }
}

/** How long this call may take, in milliseconds. */
export function timeoutOf(
  name: string,
  context: ServerContext,
  options: Pick<ToolGuardOptions, 'tools' | 'toolTimeoutMs'>,
): number {
  const { tools, toolTimeoutMs } = options
  return tools?.[name]?.timeoutMs ?? (context as AsTask)[asTask]?.timeoutMs ?? toolTimeoutMs ?? defaultTimeoutMs
}

function nameOf(tool: unknown, { _registeredTools: tools }: ToolRunner): string {
  for (const name in tools) if (tools[name] === tool) return name
  return ''
}

function hidden(thrown: unknown, tool: string, context: ServerContext, options: ToolGuardOptions): CallToolResult {
  const logId = randomUUID()
  const principal = context.http?.authInfo?.clientId
  const { call } = (context.http?.req ?? {}) as Partial<LightRequest>
  options.log?.({
    level: 'error',
    message: `The tool ${tool} threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    logId,
    ...(call ? { requestId: call.requestId, traceId: call.traceId } : {}),
    tool,
    cause: thrown,
    ...(principal ? { principal } : {}),
  })
  return errorResult(`The tool ${tool} failed. The server's log has the cause under ${logId}.`)
}

function textOf({ content: [first] }: CallToolResult): string {
  return first?.type === 'text' ? first.text : ''
}

function errorResult(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] }
}
