import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadError } from '../../errors.ts'
import type { LightAnswer, LightFetch } from '../../http/light-fetch.ts'
import { readText, withoutQuery } from '../../http/quoted.ts'
import { readEvents, type ServerSentEvent } from '../../http/sse.ts'
import { headersFor } from './headers.ts'
import { eraOf, isRequest, isResponse, isSafe, metaOf, type Message, type Request } from './message.ts'
import { messagesIn, refusal, unreachable, wasNotSent } from './refusal.ts'
import type { ToolTable } from './tool-table.ts'

export interface UpstreamOptions {
  url: string
  /** Signs or authorizes. */
  fetch: LightFetch
  tools: ToolTable
  /** How long the endpoint may send nothing. */
  timeoutMs: number
  log: (line: string) => void
  /** Takes what a server says of itself, outside of any answer (revisions with `initialize` only). */
  onMessage: (message: Message) => void
}

export interface Exchange {
  signal: AbortSignal
  /** Takes what comes before the answer. */
  onMessage: (message: Message) => void
}

interface Session {
  id?: string
  revision?: string
  initialize: Request
}

/** A response, and a way to end it. */
interface Sent {
  response: LightAnswer
  abort: () => void
}

const maxBytes = 64 * 1024 * 1024
/** AgentCore: a conflict, such as `Session operation in progress, please retry`. */
const conflict = -32005
const headerMismatch = -32020
const tries = { connection: 4, conflict: 6, busy: 3, resume: 5 } as const
const longest = 5000
/** Some servers send no headers before the first event; how long it takes to reach one, the message before has shown. */
const opening = { least: 500, most: 3000 }

/** The endpoint, as one side of a conversation: it takes requests, and does again what may be done again. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #closed = new AbortController()
  #session: Session | undefined
  #renewing: Promise<void> | undefined
  #ready: Promise<unknown> = Promise.resolve()

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  /** Sends a request and gives back its answer. Throws FairleadError; AbortError when it is cancelled. */
  async exchange(request: Request, exchange: Exchange): Promise<Message> {
    if (request.method !== 'initialize' && eraOf(request) === 'legacy') await this.#ready
    const counts = { connection: 0, conflict: 0, busy: 0, session: 0, tools: 0 }
    for (;;) {
      const used = this.#session?.id
      const began = performance.now()
      const sent = await this.#send(request, exchange.signal).catch(async (error: unknown) => {
        exchange.signal.throwIfAborted()
        const again = (wasNotSent(error) || this.#isSafe(request)) && !(error instanceof FairleadError)
        if (!again || ++counts.connection >= tries.connection) throw unreachable(error, this.#options.url)
        await sleep(backoff(counts.connection), undefined, { signal: exchange.signal })
        return undefined
      })
      if (!sent) continue
      const { response } = sent
      if (response.status === 404 && used !== undefined && request.method !== 'initialize' && counts.session++ === 0) {
        await response.body?.cancel()
        await this.#renew(used)
        continue
      }
      if ((response.status === 429 || response.status === 503) && ++counts.busy < tries.busy) {
        await response.body?.cancel()
        const asked = Number(response.headers.get('retry-after') ?? Number.NaN) * 1000
        await sleep(Math.min(asked >= 0 ? asked : backoff(counts.busy), longest), undefined, {
          signal: exchange.signal,
        })
        continue
      }
      const answer = await this.#answerOf(sent, request, exchange).catch(async (error: unknown) => {
        exchange.signal.throwIfAborted()
        if (error instanceof FairleadError && error.code !== 'CONNECTION_LOST') throw error
        if (request.method === 'subscriptions/listen' && performance.now() - began > 10_000) counts.connection = 0
        if (!this.#isSafe(request) || ++counts.connection >= tries.connection)
          throw unreachable(error, this.#options.url)
        await sleep(backoff(counts.connection), undefined, { signal: exchange.signal })
        return undefined
      })
      if (!answer) continue
      const code = answer.error?.code
      if (code === conflict && ++counts.conflict < tries.conflict) {
        await sleep(backoff(counts.conflict), undefined, { signal: exchange.signal })
        continue
      }
      if (code === headerMismatch && request.method === 'tools/call' && counts.tools++ === 0) {
        await this.listTools(request, exchange.signal)
        continue
      }
      return this.#learned(request, answer, response)
    }
  }

  /** Sends a notification, or the client's answer to a question of the server. */
  async notify(message: Message): Promise<void> {
    if (message.method !== 'notifications/initialized') await this.#ready
    const began = performance.now()
    const sent = this.#send(message, this.#closed.signal).then(async ({ response }) => {
      const text = response.status >= 300 ? ((await readText(response, maxBytes)) ?? '') : ''
      if (response.status < 300) await response.body?.cancel()
      else throw refusal(response, this.#options.url, text)
    })
    // What a server asks outside of an answer comes on a stream of its own: it is opened before anything is called.
    if (message.method === 'notifications/initialized')
      this.#ready = sent.then(
        () => {
          const long = Math.min(Math.max(2 * (performance.now() - began), opening.least), opening.most)
          return Promise.race([this.#listen(), sleep(long, undefined, { ref: false })])
        },
        () => {},
      )
    await sent.catch((error: unknown) => {
      throw unreachable(error, this.#options.url)
    })
  }

  /** Reads every page of the list of tools into the table. */
  async listTools(like: Message, signal: AbortSignal): Promise<void> {
    let cursor: unknown
    for (let page = 0; page < 100; page++) {
      const params = { _meta: metaOf(like), ...(cursor === undefined ? {} : { cursor }) }
      const request: Request = { jsonrpc: '2.0', id: `fairlead-tools-${page}`, method: 'tools/list', params }
      const { result } = await this.exchange(request, { signal, onMessage: () => {} })
      cursor = result?.nextCursor
      if (typeof cursor !== 'string') return
    }
  }

  /** Begins to listen to what the server says unasked, as revisions with `initialize` have it, and is done when that has begun. */
  #listen(): Promise<void> {
    return new Promise((begun) => void this.#keepListening(begun).finally(begun))
  }

  /** It ends when the server has no such stream. */
  async #keepListening(begun: () => void): Promise<void> {
    const { log, onMessage } = this.#options
    let last: string | undefined
    let waitMs = 1000
    for (let failures = 0; !this.#closed.signal.aborted;) {
      const response = await this.#get(last, this.#closed.signal).catch(() => undefined)
      if (response && !isEventStream(response)) return response.body?.cancel()
      begun()
      if (response) {
        failures = 0
        await this.#read(response, (event) => {
          last = event.id ?? last
          waitMs = event.retry ?? waitMs
          for (const message of messagesIn(event.data)) onMessage(message)
        }).catch(() => {})
      } else if (++failures === 5) log('The stream for what the server says unasked is gone; trying on.')
      await sleep(Math.min(waitMs * 2 ** Math.min(failures, 5), 30_000), undefined, {
        signal: this.#closed.signal,
      }).catch(() => {})
    }
  }

  /** Ends the session where there is one, and every stream. */
  async close(): Promise<void> {
    this.#closed.abort()
    const id = this.#session?.id
    if (id === undefined) return
    await this.#options
      .fetch(this.#options.url, {
        method: 'DELETE',
        headers: { 'mcp-session-id': id, ...versionOf(this.#session) },
        signal: AbortSignal.timeout(1000),
      })
      .then((response) => response.body?.cancel())
      .catch(() => {})
  }

  async #send(message: Message, signal: AbortSignal): Promise<Sent> {
    const { fetch, tools } = this.#options
    const declared = message.method === 'tools/call' ? tools.get(message.params?.name)?.declared : undefined
    const session = message.method === 'initialize' ? undefined : this.#session
    const body = JSON.stringify(message)
    let url = new URL(this.#options.url)
    for (let hop = 0; ; hop++) {
      const sent = await this.#withTimeout(signal, (signal) =>
        fetch(url, {
          method: 'POST',
          headers: headersFor(message, session, declared),
          body,
          signal,
          redirect: 'manual',
        }),
      )
      const next = sameOrigin(sent.response, url)
      if (!next || hop === 3) return sent
      await sent.response.body?.cancel()
      url = next
    }
  }

  async #get(last: string | undefined, signal: AbortSignal): Promise<LightAnswer> {
    return this.#options.fetch(this.#options.url, {
      method: 'GET',
      headers: {
        accept: 'text/event-stream',
        ...(this.#session?.id === undefined ? {} : { 'mcp-session-id': this.#session.id }),
        ...versionOf(this.#session),
        ...(last === undefined ? {} : { 'last-event-id': last }),
      },
      signal,
      redirect: 'manual',
    })
  }

  async #answerOf(sent: Sent, request: Request, exchange: Exchange): Promise<Message> {
    const { response } = sent
    if (isEventStream(response)) return this.#streamed(sent, request, exchange)
    const text = await readText(response, maxBytes)
    if (text === undefined)
      throw new FairleadError('NOT_MCP', `${withoutQuery(this.#options.url)} answered more than 64 MB`)
    let answer: Message | undefined
    for (const message of messagesIn(text))
      if (isAnswerTo(message, request)) answer = message
      else if (message.method !== undefined) exchange.onMessage(message)
    // A refusal may come before the request was read, and then names no id.
    if (answer) return { ...answer, id: request.id }
    throw refusal(response, this.#options.url, text)
  }

  /** Reads a stream until the answer comes. One that ends before is asked for again, from where it ended. */
  async #streamed(first: Sent, request: Request, exchange: Exchange): Promise<Message> {
    const state: { answer?: Message; last?: string; waitMs: number } = { waitMs: 1000 }
    const take = (event: ServerSentEvent): boolean => {
      if (event.id !== undefined) state.last = event.id
      if (event.retry !== undefined) state.waitMs = event.retry
      for (const message of messagesIn(event.data))
        if (isAnswerTo(message, request)) state.answer = message
        else exchange.onMessage(message)
      return state.answer !== undefined
    }
    const forever = request.method === 'subscriptions/listen'
    await this.#read(first.response, take, forever ? undefined : first.abort).catch((error: unknown) => {
      exchange.signal.throwIfAborted()
      if (error instanceof FairleadError) throw error
    })
    for (let failures = 0; !state.answer && state.last !== undefined && eraOf(request) === 'legacy';) {
      if (++failures > tries.resume) break
      await sleep(state.waitMs, undefined, { signal: exchange.signal })
      const before = state.last
      const response = await this.#get(state.last, exchange.signal).catch(() => undefined)
      if (response && isEventStream(response)) await this.#read(response, take).catch(() => {})
      else if (response) await response.body?.cancel()
      exchange.signal.throwIfAborted()
      if (state.last !== before) failures = 0
    }
    if (state.answer) return { ...state.answer, id: request.id }
    throw new FairleadError('CONNECTION_LOST', `${withoutQuery(this.#options.url)} broke off before it answered`)
  }

  /** Reads events until `take` says that it has enough, or the stream ends, or nothing comes for too long. */
  async #read(
    response: LightAnswer,
    take: (event: ServerSentEvent) => boolean | void,
    end?: () => void,
  ): Promise<void> {
    if (!response.body) return
    const { timeoutMs, url } = this.#options
    let late = false
    const timer = end && setTimeout(() => ((late = true), end()), timeoutMs)
    const events = readEvents(refreshing(response.body, timer))
    try {
      for (;;) {
        const { done, value } = await events.next()
        if (done === true) return
        if (take(value) !== true) continue
        return void drain(events, end)
      }
    } catch (error) {
      throw late ? timedOut(url, timeoutMs) : error
    } finally {
      clearTimeout(timer)
    }
  }

  async #withTimeout(signal: AbortSignal, work: (signal: AbortSignal) => Promise<LightAnswer>): Promise<Sent> {
    const { timeoutMs, url } = this.#options
    const abort = new AbortController()
    let late = false
    const timer = setTimeout(() => ((late = true), abort.abort()), timeoutMs)
    try {
      const response = await work(AbortSignal.any([signal, abort.signal]))
      return { response, abort: () => abort.abort() }
    } catch (error) {
      throw late ? timedOut(url, timeoutMs) : error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Keeps what an answer says for later: the session, and what the tools want. */
  #learned(request: Request, answer: Message, response: LightAnswer): Message {
    if (!answer.result) return answer
    if (request.method === 'initialize') {
      const id = response.headers.get('mcp-session-id')
      const { protocolVersion } = answer.result
      this.#session = {
        initialize: request,
        ...(id === null ? {} : { id }),
        ...(typeof protocolVersion === 'string' ? { revision: protocolVersion } : {}),
      }
    }
    if (request.method !== 'tools/list') return answer
    return { ...answer, result: this.#options.tools.learn(answer.result, eraOf(request)) }
  }

  /** The server has forgotten the session: begins another, once for all who wait. */
  async #renew(lost: string): Promise<void> {
    if (this.#session?.id !== lost) return this.#renewing
    const { initialize } = this.#session
    this.#renewing = (async () => {
      this.#options.log('The server has forgotten the session; a new one was begun.')
      this.#session = undefined
      const again: Request = { ...initialize, id: 'fairlead-initialize' }
      const answer = await this.exchange(again, { signal: this.#closed.signal, onMessage: () => {} })
      if (answer.error) throw new FairleadError('NOT_MCP', `The server begins no new session: ${answer.error.message}`)
      await this.notify({ jsonrpc: '2.0', method: 'notifications/initialized' })
    })()
    await this.#renewing
  }

  #isSafe(request: Request): boolean {
    if (isSafe(request)) return true
    return request.method === 'tools/call' && this.#options.tools.get(request.params?.name)?.idempotent === true
  }
}

function isAnswerTo(message: Message, request: Request): boolean {
  return (
    !isRequest(message) &&
    isResponse(message) &&
    (message.id === request.id || message.id === null || message.id === undefined)
  )
}

function isEventStream(response: LightAnswer): boolean {
  return response.ok && response.headers.get('content-type')?.includes('text/event-stream') === true
}

function versionOf(session: Session | undefined): Record<string, string> {
  return session?.revision === undefined ? {} : { 'mcp-protocol-version': session.revision }
}

/** 307 and 308 keep method and body. */
function sameOrigin(response: LightAnswer, from: URL): URL | undefined {
  if (response.status !== 307 && response.status !== 308) return undefined
  const location = response.headers.get('location')
  if (location === null || !URL.canParse(location, from.href)) return undefined
  const to = new URL(location, from)
  return to.origin === from.origin ? to : undefined
}

function backoff(attempt: number): number {
  return 100 * 2 ** attempt
}

function timedOut(url: string, timeoutMs: number): FairleadError {
  return new FairleadError('TIMED_OUT', `${withoutQuery(url)} sent nothing for ${timeoutMs / 1000} s`)
}

async function* refreshing(
  body: AsyncIterable<Uint8Array>,
  timer: NodeJS.Timeout | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    timer?.refresh()
    yield chunk
  }
}

/** Reads on to the end, which comes soon after the answer, so that the connection can be used again. */
async function drain(events: AsyncGenerator, end?: () => void): Promise<void> {
  const timer = setTimeout(() => end?.(), 1000).unref()
  try {
    while ((await events.next()).done !== true);
  } catch {
    // it was ended
  } finally {
    clearTimeout(timer)
  }
}
