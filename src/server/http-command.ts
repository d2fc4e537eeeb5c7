import type { ChildProcess } from 'node:child_process'
import { accepts, freePort } from '../http/local-port.ts'
import type { Command } from '../config.ts'
import { FairleadError } from '../errors.ts'
import type { FetchHandler } from '../http/fetch-handler.ts'
import type { LightRequest } from '../http/light-request.ts'
import type { ServerSource } from '../mcp/source.ts'
import { childError, startChild, type ChildOptions } from './child.ts'

export type HttpCommand = Command & { port?: number; path?: string }

const startTimeoutMs = 9000

/** What belongs to the connection or to the caller's own authentication is not passed on. */
const kept = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'authorization',
  'cookie',
  'origin',
  'proxy-authorization',
])

interface Running {
  child: ChildProcess
  port: number
  ended: Promise<unknown>
}

/** Starts a command that serves Streamable HTTP, and passes requests on to it. It is started again when it has ended. */
export async function wrapHttpCommand(command: HttpCommand, options: ChildOptions): Promise<ServerSource> {
  let latest = await start(command, options)
  let starting: Promise<Running> | undefined
  const up = async (): Promise<Running> => {
    if (latest.child.exitCode === null && latest.child.signalCode === null) return latest
    starting ??= start(command, options).finally(() => (starting = undefined))
    return (latest = await starting)
  }
  const fetchHandler: FetchHandler = async (request) => {
    const running = await up()
    const response = await send(request, running, command).catch(async (error: unknown) => {
      if (!wasRefused(error))
        throw new FairleadError('COMMAND_ENDED', `${command.command} did not answer`, { cause: error })
      // Nobody listened, so nobody has seen the request: it has ended, and we are about to hear of it.
      await running.ended
      return send(request, await up(), command)
    })
    return new Response(response.body, {
      status: response.status,
      headers: passed(response.headers, ['content-encoding']),
    })
  }
  const close = async () => void latest.child.kill('SIGKILL')
  return { kind: 'fetch', fetch: async (request, context) => fetchHandler(request, context).catch(badGateway), close }
}

async function send(request: Request, { port }: Running, { path = '/mcp' }: HttpCommand): Promise<Response> {
  const { bytes } = request as unknown as LightRequest
  return fetch(`http://127.0.0.1:${port}${path}${new URL(request.url).search}`, {
    method: request.method,
    headers: passed(request.headers),
    signal: request.signal,
    redirect: 'manual',
    ...(bytes.byteLength > 0 ? { body: bytes as Uint8Array<ArrayBuffer> } : {}),
  })
}

function wasRefused(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED'
}

function badGateway(error: unknown): Response {
  const message = error instanceof FairleadError ? error.message : 'The server failed'
  return new Response(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32603, message } }), {
    status: 502,
    headers: { 'content-type': 'application/json' },
  })
}

/** Headers of a signature and of AWS's proxies, but not those by which AgentCore Runtime speaks to a server. */
function isAwsOwn(name: string): boolean {
  return name.startsWith('x-amz') && !/^x-amzn?-bedrock-agentcore-/.test(name)
}

function passed(headers: Headers, alsoKept: string[] = []): Headers {
  const all = new Headers()
  headers.forEach((value, name) => {
    if (!kept.has(name) && !alsoKept.includes(name) && !isAwsOwn(name)) all.set(name, value)
  })
  return all
}

async function start(command: HttpCommand, options: ChildOptions): Promise<Running> {
  const port = command.port ?? (await freePort())
  const { child, lastWords } = startChild(
    command,
    options,
    command.port === undefined ? { PORT: String(port), HOST: '127.0.0.1' } : {},
  )
  // Nobody reads its stdout as a protocol: it is a log.
  child.stdout!.on('data', (chunk: Buffer) => options.log(chunk.toString().trimEnd().slice(0, 2000)))
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) => reject(childError(command.command, error)))
    child.once('exit', (code, signal) => reject(childError(command.command, { code, signal, lastWords: lastWords() })))
  })
  failed.catch(() => {})
  await Promise.race([listening(port, command.command), failed]).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return { child, port, ended: new Promise((resolve) => child.once('exit', resolve)) }
}

async function listening(port: number, name: string): Promise<void> {
  const until = performance.now() + startTimeoutMs
  while (performance.now() < until) {
    if (await accepts(port)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new FairleadError('SERVER_SILENT', `${name} did not listen on port ${port} within ${startTimeoutMs / 1000} s`, {
    fix: 'Listen on the port that PORT names, or write `port` in fairlead.config.ts.',
  })
}
