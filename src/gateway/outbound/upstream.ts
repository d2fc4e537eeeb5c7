import { lookup as resolve, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Pool, type Dispatcher } from 'undici'
import { isSpecialAddress } from '../../http/special-addresses.ts'
import { TargetFailure } from '../tool.ts'
import { Deadlines } from './deadlines.ts'
import { Breaker, mayRetry } from './resilience.ts'

export interface Exchange {
  method: string
  /** Path and query, as they go on the wire. */
  path: string
  headers: Record<string, string>
  body?: string | Buffer
  signal?: AbortSignal
  /** 60,000 by default. */
  timeoutMs?: number
  /** Never sent again by itself: who reads a stream wants to know that it broke. */
  once?: boolean
}

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  bytes: Buffer
}

/** Reads a piece of an answer: undefined leaves it to be kept with the rest, `enough` ends the reading. */
export type ReadChunk = (answer: Answer, chunk: Buffer) => 'more' | 'enough' | undefined

const gone = new Error('the client went away')
const tooLate = new Error('too late')
const enough = new Error('enough was read')

export interface UpstreamOptions {
  /** Where the origin really is: from the bindings, the only place where loopback may be named. */
  at?: string
  maxBytes?: number
}

const deadlines = new Deadlines()

/** The payload quota of the managed service. */
const payloadBytes = 6 * 1024 * 1024

/**
 * Connections to one origin, kept and used again. Redirects are not followed. An address that is not of the public internet
 * is refused when its name is resolved, unless the bindings name it.
 */
export class Upstream {
  readonly origin: string
  /** What is said as Host: where the bindings say that it really is, it is called by the name that it has there. */
  readonly host: string
  readonly #pool: Pool
  readonly #breaker = new Breaker()

  constructor(origin: string, { at, maxBytes = payloadBytes }: UpstreamOptions = {}) {
    this.origin = origin
    const url = new URL(at ?? origin)
    this.host = url.host
    if (at === undefined) refuseSpecial(url)
    this.#pool = new Pool(url.origin, {
      connections: 128,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      maxResponseSize: maxBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 3000, ...(at === undefined ? { lookup: publicOnly } : {}) },
    })
  }

  /**
   * Sends, and reads the whole answer; `onChunk` reads it as it comes instead, where it wants to, and says when it has
   * enough. Throws TargetFailure.
   */
  async exchange(exchange: Exchange, onChunk?: ReadChunk): Promise<Answer> {
    this.#breaker.admit(this.origin)
    const { signal, timeoutMs = 60_000, method } = exchange
    try {
      const answer = await this.#send(exchange, onChunk).catch((error: unknown) => {
        if (signal?.aborted || exchange.once || !mayRetry(error, method)) throw error
        return this.#send(exchange, onChunk)
      })
      this.#breaker.succeeded()
      return answer
    } catch (error) {
      if (error instanceof TargetFailure) throw error
      if (signal?.aborted) throw new TargetFailure('CancelledException', 'the client went away', error)
      this.#breaker.failed()
      const late = error === tooLate
      throw new TargetFailure(
        'UpstreamException',
        late ? `${this.origin} did not answer within ${timeoutMs} ms` : said(this.origin, error),
        error,
      )
    }
  }

  /** By undici's own dispatch: a stream and a signal for each call would cost more than the call. */
  async #send(
    { method, path, headers, body, signal, timeoutMs = 60_000 }: Exchange,
    onChunk?: ReadChunk,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const answer: Answer = { status: 0, headers: {}, bytes: Buffer.alloc(0) }
      const chunks: Buffer[] = []
      let control: Dispatcher.DispatchController | undefined
      let failure: Error | undefined
      const abort = (reason: Error) => {
        failure ??= reason
        if (control) control.abort(reason)
        else reject(reason)
      }
      const onGone = () => abort(gone)
      if (signal?.aborted) return reject(gone)
      signal?.addEventListener('abort', onGone, { once: true })
      const forget = deadlines.add(timeoutMs, () => abort(tooLate))
      const settle = (outcome: () => void) => {
        forget()
        signal?.removeEventListener('abort', onGone)
        outcome()
      }
      const whole = () => {
        answer.bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
        resolve(answer)
      }
      this.#pool.dispatch(
        { method, path, headers: { host: this.host, ...headers }, body: body ?? null },
        {
          onRequestStart: (controller) => {
            control = controller
            if (failure) controller.abort(failure)
          },
          onResponseStart: (_controller, status, given) => {
            answer.status = status
            answer.headers = given
          },
          onResponseData: (controller, chunk) => {
            const reading = onChunk?.(answer, chunk)
            if (reading === undefined) chunks.push(chunk)
            if (reading !== 'enough') return
            settle(whole)
            controller.abort(enough)
          },
          onResponseEnd: () => settle(whole),
          onResponseError: (_controller, error) => settle(() => reject(failure ?? error)),
        },
      )
    })
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** What is wrong, without what the upstream or the address may have in it. */
function said(origin: string, error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `${origin} answered with more than may be passed on`
  if (code === 'FAIRLEAD_NOT_PUBLIC')
    return `${origin} is not an address of the public internet; the bindings may name it`
  return `${origin} cannot be called: ${code ?? name ?? 'it failed'}`
}

function refuseSpecial({ protocol, hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol !== 'https:')
    throw new TargetFailure('UpstreamException', `${hostname} is not called by https; the bindings may say where it is`)
  if (isIP(host) !== 0 && isSpecialAddress(host))
    throw new TargetFailure(
      'UpstreamException',
      `${hostname} is not an address of the public internet; the bindings may name it`,
    )
}

/** Resolves a name to public addresses only. What is asked here is what is connected to. */
export const publicOnly: LookupFunction = (hostname, options, done) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return done(error, [])
    if (addresses.some(({ address }) => isSpecialAddress(address)))
      return done(Object.assign(new Error('not a public address'), { code: 'FAIRLEAD_NOT_PUBLIC' }), [])
    if (options.all) return done(null, addresses)
    return done(null, addresses[0]!.address, addresses[0]!.family)
  })
}
