import { appendFileSync, existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Facts, Wire } from '../explain/keep.ts'
import type { SessionProcess } from '../http/note.ts'
import type { Decision } from '../aws/permissions.ts'
import type { Platform } from '../platforms.ts'
import { KeptRequests } from './kept.ts'

/** One answered request. Without bodies, tokens or signatures: what is kept can be shown to anyone on the team. */
export interface RequestRecord {
  id: string
  /** Milliseconds since 1970. */
  at: number
  platform: Platform
  method: string
  path: string
  status: number
  ms: number
  requestBytes: number
  responseBytes: number
  principal?: string
  /** The JSON-RPC method and the tool, as in `tools/call echo`. */
  call?: string
  tool?: string
  /** Fairlead's code and cause of a refusal. */
  code?: string
  why?: string
  /** What the policy was asked, when it refused. */
  policies?: readonly string[]
  decision?: Decision
  process?: SessionProcess
}

const kept = 500
const maxFileBytes = 10 * 1024 * 1024

/**
 * Keeps the figures of the last 500 requests in memory and one line of them for each in .fairlead/traffic.jsonl (at most
 * twice 10 MB), and the requests themselves, with their secrets masked, in .fairlead/requests.jsonl.
 */
export class RequestLog {
  readonly #file: string
  readonly #onRecord: (record: RequestRecord) => void
  readonly #records: RequestRecord[] = []
  readonly #kept: KeptRequests
  readonly #coming = new Set<Promise<void>>()
  #pending: string[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(stateDir: string, onRecord: (record: RequestRecord) => void) {
    this.#file = join(stateDir, 'traffic.jsonl')
    this.#onRecord = onRecord
    this.#kept = new KeptRequests(stateDir)
  }

  add(record: RequestRecord, wire?: Wire): void {
    // What a platform still has to say of its last requests comes after the end of the stack.
    if (this.#closed) return
    this.#records.push(record)
    if (this.#records.length > kept) this.#records.shift()
    const { at, platform, ms, requestBytes, responseBytes, tool } = record
    this.#pending.push(JSON.stringify({ at, platform, ms, requestBytes, responseBytes, tool }))
    if (wire) this.#kept.add(record, wire)
    this.#timer ??= setTimeout(() => this.flush(), 250).unref()
    this.#onRecord(record)
  }

  /** Takes note of a request that was answered, and of which its process has not said yet what it knows. */
  expect(record: Promise<void>): void {
    this.#coming.add(record)
    void record.finally(() => this.#coming.delete(record))
  }

  /** Keeps a request that is no platform's: what a client did at the authorization server. */
  keep(facts: Facts, wire: Wire): void {
    this.#kept.add(facts, wire)
    this.#timer ??= setTimeout(() => this.flush(), 250).unref()
  }

  list(): RequestRecord[] {
    return [...this.#records]
  }

  /** Writes what is waiting, and takes no more. */
  close(): void {
    this.flush()
    this.#closed = true
  }

  /** Writes every request that was answered before this was called. */
  async settle(): Promise<void> {
    await Promise.all(this.#coming)
    this.flush()
  }

  /** Writes what is waiting; called by itself four times a second. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#kept.flush()
    if (this.#pending.length === 0) return
    if (existsSync(this.#file) && statSync(this.#file).size > maxFileBytes) renameSync(this.#file, `${this.#file}.1`)
    appendFileSync(this.#file, `${this.#pending.join('\n')}\n`, { mode: 0o600 })
    this.#pending = []
  }
}
