/** How a request ended. */
export type Outcome = 'ok' | 'tool_error' | 'error' | 'refused' | 'aborted'

export interface Ending {
  outcome: Outcome
  /** Of a JSON-RPC error. */
  rpcCode?: number
}

/** What is read of an answer to tell its outcome; a larger one is told by a part of it. */
const maxChars = 256 * 1024

/** Tells how a JSON-RPC answer ended. Most say neither `error` nor `isError`, and are not parsed. */
export function endingOf(text: string): Ending {
  if (!text.includes('"error"') && !text.includes('"isError"')) return { outcome: 'ok' }
  if (text.length > maxChars) return guess(text)
  try {
    return endingOfMessage(JSON.parse(text)) ?? { outcome: 'ok' }
  } catch {
    return guess(text)
  }
}

function endingOfMessage(message: unknown): Ending | undefined {
  if (Array.isArray(message)) {
    const all = message.map(endingOfMessage)
    return all.find((each) => each?.outcome === 'error') ?? all.find((each) => each?.outcome === 'tool_error') ?? all[0]
  }
  const { error, result } = (message ?? {}) as { error?: { code?: unknown }; result?: { isError?: unknown } }
  if (error) return { outcome: 'error', ...(typeof error.code === 'number' ? { rpcCode: error.code } : {}) }
  if (result === undefined) return undefined
  return { outcome: result?.isError === true ? 'tool_error' : 'ok' }
}

function guess(text: string): Ending {
  return { outcome: /"isError"\s*:\s*true/.test(text) ? 'tool_error' : 'ok' }
}

/** Reads along with a streamed answer. */
export class StreamReader {
  readonly #events: boolean
  #held = ''
  #ending: Ending | undefined

  constructor(contentType: string) {
    this.#events = contentType.startsWith('text/event-stream')
  }

  take(chunk: Uint8Array): void {
    this.#held += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    if (this.#events) {
      const events = this.#held.split(/\r?\n\r?\n/)
      this.#held = events.pop()!
      for (const event of events) this.#event(event)
    }
    if (this.#held.length <= maxChars) return
    if (guess(this.#held).outcome === 'tool_error') this.#ending = { outcome: 'tool_error' }
    this.#held = this.#held.slice(-64)
  }

  /** What the answer was; undefined when the stream ended without one. */
  end(): Ending | undefined {
    if (this.#ending) return this.#ending
    return this.#events ? undefined : endingOf(this.#held)
  }

  /** The answer is the message with a result or an error; others are notifications and questions on the way. */
  #event(event: string): void {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5))
      .join('\n')
    if (!data.includes('"result"') && !data.includes('"error"')) return
    try {
      this.#ending = endingOfMessage(JSON.parse(data)) ?? this.#ending
    } catch {
      // What is no JSON is no answer.
    }
  }
}
