import type { IncomingMessage } from 'node:http'
import type { Answer } from './runtime-api.ts'

/** What came of a call: an answer given whole, or one that is still coming. */
export type Invocation =
  | { kind: 'buffered'; requestId: string; payload: Buffer; functionError?: string }
  | {
      kind: 'stream'
      requestId: string
      contentType: string
      body: ReadableStream<Uint8Array>
      ended: Promise<StreamEnd>
    }

export interface StreamEnd {
  /** Set when the function failed after its first byte. A function URL's client cannot see it; the Invoke API's can. */
  error?: { errorType: string; details: string }
}

/** One call under way: it has one outcome, whoever brings it, the runtime or the end of its process. */
export class Call implements Answer {
  readonly requestId: string
  readonly outcome: Promise<Invocation>
  /** When nothing of the answer is still to come. */
  readonly ended: Promise<void>
  #resolve!: (invocation: Invocation) => void
  #end!: () => void
  #stream:
    | { controller: ReadableStreamDefaultController<Uint8Array>; end: (end: StreamEnd) => void; open: boolean }
    | undefined

  constructor(requestId: string) {
    this.requestId = requestId
    this.outcome = new Promise((resolve) => (this.#resolve = resolve))
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  buffered(payload: Buffer): void {
    this.#resolve({ kind: 'buffered', requestId: this.requestId, payload })
    this.#end()
  }

  error(errorType: string, payload: Buffer): void {
    if (this.#stream) return this.#endStream({ error: { errorType, details: payload.toString() } })
    this.#resolve({ kind: 'buffered', requestId: this.requestId, payload, functionError: 'Unhandled' })
    this.#end()
  }

  /** Ends the call from outside: the process has gone, or took too long. */
  fail(errorType: string, errorMessage: string): void {
    this.error(
      errorType,
      Buffer.from(JSON.stringify({ errorType, errorMessage: `RequestId: ${this.requestId} Error: ${errorMessage}` })),
    )
  }

  /** What is given first comes before the chunks. */
  streaming(contentType: string, chunks: IncomingMessage, first?: Uint8Array): void {
    let end!: (end: StreamEnd) => void
    const ended = new Promise<StreamEnd>((resolve) => (end = resolve))
    let abandoned = false
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#stream = { controller, end, open: true }
          if (first) controller.enqueue(first)
          chunks.on('data', (chunk: Buffer) => {
            // A client that has gone does not stop a function: what still comes is thrown away.
            if (abandoned || !this.#stream?.open) return
            controller.enqueue(chunk)
            if ((controller.desiredSize ?? 0) <= 0) chunks.pause()
          })
        },
        pull: () => void chunks.resume(),
        cancel: () => {
          abandoned = true
          chunks.resume()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 256 * 1024 }),
    )
    chunks.on('end', () => this.#endStream(trailerError(chunks)))
    // A process that dies in the middle ends its connection without the last chunk.
    chunks.on('close', () =>
      this.#endStream(
        chunks.complete
          ? {}
          : { error: { errorType: 'Runtime.ExitError', details: 'the runtime ended in the middle of the stream' } },
      ),
    )
    chunks.on('error', () => {})
    this.#resolve({ kind: 'stream', requestId: this.requestId, contentType, body, ended })
  }

  #endStream(end: StreamEnd): void {
    const stream = this.#stream
    if (!stream?.open) return
    stream.open = false
    try {
      stream.controller.close()
    } catch {
      // nobody reads it any more
    }
    stream.end(end)
    this.#end()
  }
}

function trailerError(chunks: IncomingMessage): StreamEnd {
  const errorType = chunks.trailers['lambda-runtime-function-error-type']
  if (errorType === undefined) return {}
  return {
    error: {
      errorType,
      details: Buffer.from(chunks.trailers['lambda-runtime-function-error-body'] ?? '', 'base64').toString(),
    },
  }
}
