import { codes } from '../mcp/json-rpc.ts'
import { isObject, Refusal, type Id } from './message.ts'

/** Whose list has changed. */
export type ChangeKind = 'tools' | 'prompts' | 'resources'
export const changeKinds: readonly ChangeKind[] = ['tools', 'prompts', 'resources']

export function changedMethod(kind: ChangeKind): string {
  return `notifications/${kind}/list_changed`
}

interface Stream {
  wants: ReadonlySet<ChangeKind>
  send(message: object): void
  end(): void
  /** What of a notification is this stream's own. */
  params?: object
}

const maxStreams = 1024
const keepAliveMs = 15_000
/** A client that does not read is let go when this many notifications wait for it. */
const maxWaiting = 64
const subscriptionKey = 'io.modelcontextprotocol/subscriptionId'

/**
 * Tells clients that a list has changed, for as long as they listen: `subscriptions/listen` of 2026-07-28, and the GET stream
 * of the revisions before. Nothing is kept for who does not listen.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export class Changes {
  readonly #streams = new Set<Stream>()

  /** How many listen. */
  get size(): number {
    return this.#streams.size
  }

  tell(kind: ChangeKind): void {
    for (const { wants, send, params } of this.#streams)
      if (wants.has(kind)) send({ jsonrpc: '2.0', method: changedMethod(kind), ...(params ? { params } : {}) })
  }

  /** Answers `subscriptions/listen`: first what of it is served, then what changes. Throws Refusal. */
  listen(
    { id, params }: { id: Id; params: Record<string, unknown> },
    served: readonly ChangeKind[],
    signal: AbortSignal,
  ): Response {
    const { notifications } = params
    if (!isObject(notifications))
      throw new Refusal(200, codes.invalidParams, 'Invalid params: params.notifications is not an object', { id })
    this.#refuseMore(id)
    const wants = new Set(served.filter((kind) => notifications[memberOf(kind)] === true))
    const _meta = { [subscriptionKey]: id }
    const honored = Object.fromEntries([...wants].map((kind) => [memberOf(kind), true]))
    return this.#open(signal, {
      wants,
      params: { _meta },
      first: {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: honored, _meta },
      },
      last: { jsonrpc: '2.0', id, result: { resultType: 'complete', _meta } },
    })
  }

  /** Answers GET of the revisions with `initialize`: whatever changes. Throws Refusal. */
  stream(signal: AbortSignal): Response {
    this.#refuseMore(null)
    return this.#open(signal, { wants: new Set(changeKinds) })
  }

  /** Ends every stream, as the protocol has it. */
  end(): void {
    for (const each of this.#streams) each.end()
  }

  #refuseMore(id: Id | null): void {
    if (this.#streams.size >= maxStreams)
      throw new Refusal(503, codes.server, 'Too many clients listen for changes', { id })
  }

  #open(
    signal: AbortSignal,
    { wants, params, first, last }: Pick<Stream, 'wants' | 'params'> & { first?: object; last?: object },
  ): Response {
    const encoder = new TextEncoder()
    let forget = () => {}
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const write = (text: string) => {
            if ((controller.desiredSize ?? 0) < -maxWaiting) return end(undefined)
            controller.enqueue(encoder.encode(text))
          }
          const send = (message: object) => write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
          const timer = setInterval(() => write(': keepalive\n\n'), keepAliveMs).unref()
          const end = (parting: object | undefined) => {
            if (!this.#streams.has(stream)) return
            forget()
            if (parting) controller.enqueue(encoder.encode(`event: message\ndata: ${JSON.stringify(parting)}\n\n`))
            controller.close()
          }
          const stream: Stream = { wants, send, end: () => end(last), ...(params ? { params } : {}) }
          const gone = () => end(undefined)
          forget = () => {
            this.#streams.delete(stream)
            clearInterval(timer)
            signal.removeEventListener('abort', gone)
          }
          this.#streams.add(stream)
          signal.addEventListener('abort', gone, { once: true })
          write(': listening\n\n')
          if (first) send(first)
          // Nothing of what was asked for is served: the subscription is over at once.
          if (wants.size === 0 || signal.aborted) end(last)
        },
        cancel: () => forget(),
      },
      { highWaterMark: 1 },
    )
    return new Response(body, {
      status: 200,
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    })
  }
}

function memberOf(kind: ChangeKind): string {
  return `${kind}ListChanged`
}
