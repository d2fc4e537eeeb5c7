import type { ServerEvent } from '@modelcontextprotocol/server'

/** How many different events may wait for a task that does not answer; more are dropped. */
const maxWaiting = 1000
/** How long the list of tasks is taken as it is. */
const listMs = 1000

interface OutboxOptions<Peer extends { id: string }> {
  others: () => Promise<Peer[]>
  deliver: (to: Peer, events: ServerEvent[]) => Promise<void>
  failed: (cause: unknown) => void
  now: () => number
}

/**
 * Events on their way to other tasks: one delivery to each at a time, and what comes meanwhile goes with the next.
 * A change that already waits is not told twice.
 */
export class Outboxes<Peer extends { id: string }> {
  readonly #options: OutboxOptions<Peer>
  readonly #busy = new Map<string, Map<string, ServerEvent>>()
  readonly #running = new Set<Promise<void>>()
  #peers: Promise<Peer[]> | undefined
  #listedAt = 0

  constructor(options: OutboxOptions<Peer>) {
    this.#options = options
  }

  add(event: ServerEvent): void {
    const spreading = this.#spread(event)
      .catch((cause: unknown) => this.#options.failed(cause))
      .finally(() => this.#running.delete(spreading))
    this.#running.add(spreading)
  }

  /** Waits until everything on its way has arrived or failed. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #spread(event: ServerEvent): Promise<void> {
    if (!this.#peers || this.#options.now() - this.#listedAt > listMs) {
      this.#listedAt = this.#options.now()
      this.#peers = this.#options.others()
      this.#peers.catch(() => (this.#peers = undefined))
    }
    await Promise.all((await this.#peers).map(async (peer) => this.#toOne(peer, event)))
  }

  async #toOne(peer: Peer, event: ServerEvent): Promise<void> {
    const waiting = this.#busy.get(peer.id)
    if (waiting) {
      if (waiting.size < maxWaiting) waiting.set(JSON.stringify(event), event)
      return
    }
    const next = new Map<string, ServerEvent>([['', event]])
    this.#busy.set(peer.id, next)
    try {
      while (next.size > 0) {
        const events = [...next.values()]
        next.clear()
        await this.#options.deliver(peer, events)
      }
    } finally {
      this.#busy.delete(peer.id)
    }
  }
}
