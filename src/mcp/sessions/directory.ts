import type { RequestContext } from '../../http/fetch-handler.ts'
import type { Peers } from '../peers/peers.ts'
import { codes, errorResponse } from '../json-rpc.ts'

const kind = 'McpSession'

interface Place {
  /** The task that has it. */
  task: string
  /** The caller that it belongs to. */
  owner: string
}

/** Says, in the shared table, which task has a session, and brings requests there. */
export class SessionDirectory {
  readonly #peers: Peers
  readonly #ttlS: number
  readonly #removals = new Set<Promise<void>>()

  constructor(peers: Peers, ttlS: number) {
    this.#peers = peers
    this.#ttlS = ttlS
  }

  async add(id: string, owner: string): Promise<void> {
    const place: Place = { task: this.#peers.id, owner }
    await this.#peers.table.write(kind, id, place, { ttlS: this.#ttlS })
  }

  async remove(id: string): Promise<void> {
    await this.#peers.table.remove(kind, id)
  }

  /** Removes an entry, and waits for nobody: it would end by itself. */
  forget(id: string): void {
    const removal = this.remove(id)
      .catch(() => {})
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#removals)
  }

  /** Answers from the task that has the session; undefined when it is nobody's, another caller's, or its task has gone. */
  async forward(call: {
    id: string
    owner: string
    request: Request
    context: RequestContext
  }): Promise<Response | undefined> {
    const place = (await this.#peers.table.get<Place>(kind, call.id))?.value
    if (place?.owner !== call.owner) return undefined
    const answer = place.task === this.#peers.id ? 'gone' : await this.#peers.forward(place.task, call)
    if (answer === 'failed') return errorResponse(502, codes.server, 'The task that has this session did not answer')
    if (answer !== 'gone') return answer
    await this.remove(call.id)
    return undefined
  }
}
