import type { ChildProcess } from 'node:child_process'
import type { Command } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { newest } from '../mcp/revisions.ts'
import { childError, startChild, type ChildOptions } from './child.ts'
import { readJsonLines } from './json-lines.ts'

export interface ServerSurface {
  capabilities: Record<string, unknown>
  serverInfo: { name: string; version: string }
  instructions?: string
}

export interface ForwardedRequest {
  method: string
  params: Record<string, unknown> | undefined
  /** Progress and log messages that come while the request is under way. */
  onNotification: (method: string, params: Record<string, unknown>) => void
  signal: AbortSignal
  timeoutMs: number
}

/** What the wrapped server answered with: a JSON-RPC error of its own. */
export class StdioRpcError extends Error {
  readonly code: number
  readonly data: unknown

  constructor({ code, message, data }: { code: number; message: string; data?: unknown }) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** The request under way. */
interface Pending {
  id: number
  resolve: (result: unknown) => void
  reject: (error: Error) => void
  request?: ForwardedRequest
  /** The caller's own progress token; the server knows `id` in its place. */
  token?: unknown
}

const cancelGraceMs = 1000

/** A stdio server that is kept warm. It takes one request at a time, so that what it says beside the answer has one reader. */
export class StdioProcess {
  surface!: ServerSurface
  alive = true
  readonly #options: ChildOptions & { command: Command; startTimeoutMs: number }
  #child!: ChildProcess
  #nextId = 1
  #garbage = 0
  #pending: Pending | undefined

  constructor(options: ChildOptions & { command: Command; startTimeoutMs: number }) {
    this.#options = options
  }

  /** Starts the command and says `initialize`. Throws COMMAND_NOT_FOUND, COMMAND_ENDED, SERVER_SILENT. */
  async start(): Promise<void> {
    const { command, log, startTimeoutMs } = this.#options
    const { child, lastWords } = startChild(command, this.#options)
    this.#child = child
    child.once('error', (error) => this.#end(childError(command.command, error)))
    child.once('exit', (code, signal) =>
      this.#end(childError(command.command, { code, signal, lastWords: lastWords() })),
    )
    readJsonLines(child.stdout!, {
      onMessage: (message) => this.#onMessage(message),
      onGarbage: (line) =>
        this.#garbage++ < 10 &&
        log(`${command.command} wrote to stdout, which carries the protocol: ${line.slice(0, 200)}`),
      onTooLong: () => this.kill('it wrote a line of more than 10 MB'),
    })
    const timer = setTimeout(
      () =>
        this.#end(
          new FairleadError(
            'SERVER_SILENT',
            `${command.command} did not answer \`initialize\` within ${startTimeoutMs / 1000} s`,
          ),
        ),
      startTimeoutMs,
    )
    try {
      this.surface = (await this.#call('initialize', {
        protocolVersion: newest.legacy,
        capabilities: {},
        clientInfo: { name: 'fairlead', version: '1' },
      })) as ServerSurface
      this.#send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends one request. When it is cancelled or late, the server is told; when it goes on all the same, it is killed. */
  async request(request: ForwardedRequest): Promise<unknown> {
    const { params = {}, signal, timeoutMs } = request
    const meta = params._meta as Record<string, unknown> | undefined
    const token = meta?.progressToken
    const id = this.#nextId
    const sent = token === undefined ? params : { ...params, _meta: { ...meta, progressToken: id } }
    let grace: NodeJS.Timeout | undefined
    const stop = (why: string) => {
      this.#send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: why } })
      grace = setTimeout(() => this.kill(why), cancelGraceMs)
    }
    const onAbort = () => stop('the caller went away')
    const timer = setTimeout(() => this.kill(`it took longer than ${timeoutMs} ms`), timeoutMs)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await this.#call(request.method, sent, request, token)
    } finally {
      clearTimeout(timer)
      clearTimeout(grace)
      signal.removeEventListener('abort', onAbort)
    }
  }

  kill(why: string): void {
    this.#end(new FairleadError('COMMAND_ENDED', `${this.#options.command.command} was stopped: ${why}`))
  }

  #call(method: string, params: unknown, request?: ForwardedRequest, token?: unknown): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (!this.alive) return reject(new FairleadError('COMMAND_ENDED', `${this.#options.command.command} has ended`))
      this.#pending = { id, resolve, reject, ...(request ? { request, token } : {}) }
      this.#send({ jsonrpc: '2.0', id, method, params })
    })
  }

  #send(message: unknown): void {
    this.#child.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  #onMessage(message: Record<string, unknown>): void {
    const pending = this.#pending
    if (typeof message.method === 'string') return this.#onServerMessage(message, pending)
    if (!pending || message.id !== pending.id) return
    this.#pending = undefined
    if (message.error) pending.reject(new StdioRpcError(message.error as { code: number; message: string }))
    else pending.resolve(message.result)
  }

  #onServerMessage({ method, id, params }: Record<string, unknown>, pending: Pending | undefined): void {
    // A stateless endpoint has no way to ask its client something.
    if (id !== undefined)
      return this.#send(
        method === 'ping'
          ? { jsonrpc: '2.0', id, result: {} }
          : { jsonrpc: '2.0', id, error: { code: -32601, message: 'Not supported by this host' } },
      )
    if (!pending?.request) return
    const said = (params ?? {}) as Record<string, unknown>
    if (method !== 'notifications/progress') return pending.request.onNotification(method as string, said)
    if (said.progressToken === pending.id)
      pending.request.onNotification(method, { ...said, progressToken: pending.token })
  }

  #end(error: Error): void {
    if (!this.alive) return
    this.alive = false
    const pending = this.#pending
    this.#pending = undefined
    this.#child.kill('SIGKILL')
    pending?.reject(error)
  }
}
