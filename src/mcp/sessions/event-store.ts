import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

export interface EventLimits {
  /** How many messages are kept for a client that comes back; 256 by default. */
  count?: number
  /** And how large they are together; 256 KiB by default. */
  bytes?: number
}

interface Stored {
  number: number
  stream: string
  json: string
}

/**
 * Keeps the last messages of one session, so that a client whose stream broke gets what it missed (`Last-Event-ID`).
 * An id is a number that rises and the stream it is of; when the oldest have gone, what is left is replayed.
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
export class BoundedEventStore implements EventStore {
  #events: Stored[] = []
  #last = 0
  #bytes = 0
  readonly #limits: Required<EventLimits>
  readonly #onBytes: (more: number) => void

  /** `onBytes` is told by how much the store grew or shrank. */
  constructor(limits: EventLimits = {}, onBytes: (more: number) => void = () => {}) {
    this.#limits = { count: limits.count ?? 256, bytes: limits.bytes ?? 256 * 1024 }
    this.#onBytes = onBytes
  }

  async storeEvent(stream: string, message: JSONRPCMessage | Record<string, never>): Promise<string> {
    const number = ++this.#last
    // The event that opens a stream says nothing but its id.
    if ('jsonrpc' in message) this.#keep({ number, stream, json: JSON.stringify(message) })
    return `${number}.${stream}`
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return parse(id)?.stream
  }

  async replayEventsAfter(
    id: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const { number: after, stream } = parse(id)!
    for (const event of this.#events.filter((each) => each.stream === stream && each.number > after))
      await send(`${event.number}.${stream}`, JSON.parse(event.json) as JSONRPCMessage)
    return stream
  }

  clear(): void {
    this.#onBytes(-this.#bytes)
    this.#events = []
    this.#bytes = 0
  }

  #keep(event: Stored): void {
    this.#grow(event.json.length)
    this.#events.push(event)
    while (this.#events.length > this.#limits.count || (this.#bytes > this.#limits.bytes && this.#events.length > 1))
      this.#grow(-this.#events.shift()!.json.length)
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    this.#onBytes(bytes)
  }
}

function parse(id: string): { number: number; stream: string } | undefined {
  const [, number, stream] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(id) ?? []
  return stream === undefined ? undefined : { number: Number(number), stream }
}
