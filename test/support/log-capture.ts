/**
 * Captures what a process and its children log, which URLs are asked for and what is written to the table, and which secrets
 * are minted or shown meanwhile. Loaded into each test file (`log-capture.setup.ts`) and, by NODE_OPTIONS, into each command
 * that a test starts (`log-capture.command.ts`).
 */
import { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

/** A secret is known by its longest run of these; a JWT by its signature. */
const run = /[\w-]{16,}/g

const inJson =
  /"(?:access_token|refresh_token|id_token|client_secret|registration_access_token|password|secretAccessKey|sessionToken|SecretString)"\s*:\s*"([^"]{16,4096})"/g
const inForm =
  /(?:^|[&?])(?:code|refresh_token|client_secret|client_assertion|assertion|code_verifier|password)=([^&\s"]{16,4096})/g
const secretVariable = /^[A-Z_]*(?:SECRET|TOKEN|PASSWORD|SECRET_ACCESS_KEY)=(.*)$/s
const inHeader = /^(?:Bearer|DPoP) (\S{16,})$/i

interface Captured {
  secrets: string[]
  seen: { where: Where; text: string }[]
}
type Where = 'a log line' | 'a URL' | 'the table'

const secrets = new Set<string>()
const seen: Captured['seen'] = []
/** What the capture's own test put where no secret may be. */
const forgiven = new Set<string>()

/** Passes a log line on, noted. */
export function logged<T>(line: T): T {
  note('a log line', typeof line === 'string' ? line : JSON.stringify(line))
  return line
}

/** Forgets a leak that the capture's own test made. */
export function forgive(secret: string): void {
  const key = keyOf(secret)
  if (key) forgiven.add(key)
}

/** What was captured here and in the commands that wrote into `dir`, and leaked: where, and a part of the text around it. */
export function leaks(dir: string): string[] {
  const others = readdirSync(dir).map((file) => JSON.parse(readFileSync(join(dir, file), 'utf8')) as Captured)
  const all = new Set([...secrets, ...others.flatMap((each) => each.secrets)].filter((key) => !forgiven.has(key)))
  return [...seen, ...others.flatMap((each) => each.seen)].flatMap(({ where, text }) =>
    [...text.matchAll(run)]
      .filter(([word]) => all.has(word))
      .map(({ 0: word, index }) => `${where}: ${text.slice(Math.max(0, index - 80), index)}${word.slice(0, 6)}…`),
  )
}

/** Writes what was captured here into `dir`, when the process ends. */
export function reportTo(dir: string): void {
  process.on('exit', () => {
    if (existsSync(dir))
      writeFileSync(
        join(dir, `${process.pid}.json`),
        JSON.stringify({ secrets: [...secrets], seen } satisfies Captured),
      )
  })
}

export function startCapture(): void {
  watchChildren()
  watchFiles()
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage }
    noteUrl(request.url ?? '')
    noteAuthorization(request.headers.authorization)
    noteCookies(request.headers.cookie ?? '')
    if (String(request.headers['x-amz-target']).startsWith('DynamoDB_'))
      watch(request, (text) => note('the table', text))
    else watch(request, findSecrets)
  })
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { request: { path: string; getHeader(name: string): unknown } }
    noteUrl(request.path)
    noteAuthorization(request.getHeader('authorization'))
  })
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: { path: string; headers: string[]; body: unknown } }
    noteUrl(request.path)
    for (let at = 0; at + 1 < request.headers.length; at += 2)
      if (request.headers[at]!.toLowerCase() === 'authorization') noteAuthorization(request.headers[at + 1])
  })
  subscribe('undici:request:headers', (message) => {
    const { response } = message as { response: { headers: Buffer[] } }
    for (const value of response.headers) findSecrets(value.toString())
  })
  subscribe('undici:request:bodyChunkReceived', (message) =>
    findSecrets(Buffer.from((message as { chunk: Uint8Array }).chunk).toString()),
  )
  watchAnswers()
}

interface Spawned {
  envPairs?: string[]
}

/** What a child writes, and the secrets that it is given. */
function watchChildren(): void {
  const inside = ChildProcess.prototype as unknown as { spawn: (options: Spawned) => unknown }
  const { spawn } = inside
  inside.spawn = function (this: ChildProcess, options) {
    for (const pair of options.envPairs ?? []) {
      const value = secretVariable.exec(pair)?.[1]
      if (value) keep(value)
    }
    const result = Reflect.apply(spawn, this, [options])
    watchChild(this)
    return result
  }
}

/** The requests that are kept are appended to a file. */
function watchFiles(): void {
  const { appendFileSync } = fs
  fs.appendFileSync = (...args: Parameters<typeof appendFileSync>) => {
    note('a log line', String(args[1]))
    appendFileSync(...args)
  }
  syncBuiltinESMExports()
}

function watchChild(child: ChildProcess): void {
  const isCommand = child.spawnargs?.some((word) => word.endsWith('bin/fairlead.js'))
  const line = (text: string) => note('a log line', text)
  // What a command prints on stdout is its answer; on stderr it logs.
  if (child.stdout) watch(child.stdout, isCommand ? findSecrets : line)
  if (child.stderr) watch(child.stderr, line)
}

/** Sees what arrives without reading it away. */
function watch(stream: Readable, look: (text: string) => void): void {
  const { push } = stream
  stream.push = (chunk: Uint8Array | string | null, encoding?: BufferEncoding) => {
    if (chunk) look(chunk.toString())
    return push.call(stream, chunk, encoding)
  }
}

function watchAnswers(): void {
  const { end, write, writeHead } = ServerResponse.prototype
  const look = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array)
      findSecrets(Buffer.from(chunk as Uint8Array).toString())
  }
  ServerResponse.prototype.write = function (this: ServerResponse, ...args: unknown[]) {
    look(args[0])
    return Reflect.apply(write, this, args) as boolean
  }
  ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]) {
    look(args[0])
    return Reflect.apply(end, this, args) as ServerResponse
  }
  ServerResponse.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    findSecrets(JSON.stringify(args))
    return Reflect.apply(writeHead, this, args) as ServerResponse
  }
}

function note(where: Where, text: string): void {
  // Only what could hold a secret is kept.
  if (/[\w-]{16}/.test(text)) seen.push({ where, text })
}

/** A code and what binds a redirect to its browser belong into the URL of a redirect, and nowhere else. */
function noteUrl(url: string): void {
  if (url.includes('?')) note('a URL', url.replace(/([?&](?:code|state|nonce|code_challenge)=)[^&]*/g, '$1'))
}

function noteAuthorization(value: unknown): void {
  const token = typeof value === 'string' ? inHeader.exec(value)?.[1] : undefined
  if (token) keep(token)
}

/** An interaction is named in its URL too: its cookies say only that the browser is the same. */
function noteCookies(header: string): void {
  for (const [, name, value] of header.matchAll(/([^=;\s]+)=([^;]*)/g))
    if (!/interaction|resume/i.test(name!)) keep(value!)
}

function findSecrets(text: string): void {
  for (const pattern of [inJson, inForm]) for (const [, value] of text.matchAll(pattern)) keep(value!)
}

function keep(secret: string): void {
  const key = keyOf(secret)
  if (key) secrets.add(key)
}

/** Of a JWT without a signature there is nothing to keep secret: nobody minted it. */
function keyOf(secret: string): string | undefined {
  const [, , signature] = /^ey[\w-]+\.[\w-]+\./.test(secret) ? secret.split('.') : []
  const words = [...(signature ?? secret).matchAll(run)].map(([word]) => word)
  return words.sort((a, b) => b.length - a.length)[0]
}
