import type { ChildProcess } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
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

/** Starts a command that serves Streamable HTTP, and passes requests on to it. It is started again when it has ended. */
export async function wrapHttpCommand(command: HttpCommand, options: ChildOptions): Promise<ServerSource> {
  let running = await start(command, options)
  const current = async () => {
    if (running.child.exitCode !== null || running.child.signalCode !== null) running = await start(command, options)
    return running.port
  }
  const fetchHandler: FetchHandler = async (request) => {
    const url = `http://127.0.0.1:${await current()}${command.path ?? '/mcp'}${new URL(request.url).search}`
    const { bytes } = request as unknown as LightRequest
    const response = await fetch(url, {
      method: request.method,
      headers: passed(request.headers),
      signal: request.signal,
      redirect: 'manual',
      ...(bytes.byteLength > 0 ? { body: bytes as Uint8Array<ArrayBuffer> } : {}),
    }).catch((error: unknown) => {
      throw new FairleadError('COMMAND_ENDED', `${command.command} did not answer`, { cause: error })
    })
    return new Response(response.body, {
      status: response.status,
      headers: passed(response.headers, ['content-encoding']),
    })
  }
  const close = async () => void running.child.kill('SIGKILL')
  return { kind: 'fetch', fetch: async (request, context) => fetchHandler(request, context).catch(badGateway), close }
}

function badGateway(error: unknown): Response {
  const message = error instanceof FairleadError ? error.message : 'The server failed'
  return new Response(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32603, message } }), {
    status: 502,
    headers: { 'content-type': 'application/json' },
  })
}

function passed(headers: Headers, alsoKept: string[] = []): Headers {
  const all = new Headers()
  headers.forEach((value, name) => {
    if (!kept.has(name) && !alsoKept.includes(name) && !name.startsWith('x-amz')) all.set(name, value)
  })
  return all
}

async function start(command: HttpCommand, options: ChildOptions): Promise<{ child: ChildProcess; port: number }> {
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
  return { child, port }
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

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('close', () => socket.destroy())
    socket.once('connect', () => socket.end())
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
