import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadError } from '../../errors.ts'
import type { SessionProcess } from '../../http/note.ts'
import type { Faults } from '../faults.ts'
import { startWatchdog } from '../lambda/watchdog.ts'
import { busy, full, notStarted, type Lease } from './lease.ts'
import { Session } from './session.ts'
import { sessionEnvironment } from './session-environment.ts'
import { Versions } from './versions.ts'

export interface SessionsOptions {
  artifactDir: string
  env: Record<string, string>
  region: string
  idleMs: number
  lifetimeMs: number
  maxSessions: number
  /** Of a session; 120 s on AWS. */
  startTimeoutMs: number
  /** Of a session while the fault `cold-start` is on. */
  coldStartMs: number
  faults: Faults
  log: (line: string) => void
}

/**
 * The session that a call wants: the one of an id that the client names, a new one that it comes back to, one for this call
 * alone, or one of the pool that is shared.
 */
export type Wanted = { kind: 'named'; id: string } | { kind: 'fresh' | 'once' | 'pooled' }

/** How many sessions modern clients share in a pool. */
const poolSize = 4

/** Of how many sessions that have ended the ids are remembered. */
const mostPast = 10_000

/** All sessions of a runtime: each is started on first use, by the id that the client names. */
export class Sessions {
  readonly versions: Versions
  /** Ids that the fault `session-rotates` made up. */
  readonly rotated = new Set<string>()
  readonly #options: SessionsOptions
  readonly #root = mkdtempSync(join(tmpdir(), 'fairlead-runtime-'))
  readonly #watchdog = startWatchdog(this.#root)
  readonly #byId = new Map<string, Session>()
  readonly #all = new Set<Session>()
  readonly #pool = new Set<Session>()
  /** Sessions that had a process which has ended, by qualifier and id. */
  readonly #past = new Set<string>()
  /** Of sessions that are starting: resolves when that is over, well or not. */
  readonly #ready = new Map<Session, Promise<unknown>>()
  /** Started before anybody asked, to see whether the server comes up: the first session has it. */
  #spare: Session | undefined
  #count = 0
  #calls = 0
  #closed = false

  constructor(options: SessionsOptions) {
    this.#options = options
    this.versions = new Versions(options.artifactDir)
  }

  get size(): number {
    return this.#byId.size
  }

  /** The processes, for tests and faults. */
  pids(): number[] {
    return [...this.#all].flatMap(({ pid }) => pid ?? [])
  }

  /** Where the folders of the sessions are. */
  get folder(): string {
    return this.#root
  }

  /** Starts a process, so that what is wrong with the server is known now. Throws SERVER_… errors. */
  async warm(artifactDir = this.versions.artifactOf('DEFAULT')!): Promise<void> {
    const session = this.#make(artifactDir, 10_000)
    await session.start()
    void this.#spare?.end()
    this.#spare = session
  }

  /** The session that a call is for, with the call begun in it. */
  async lease(wanted: Wanted, qualifier: string): Promise<Lease> {
    const { faults } = this.#options
    if (faults.has('session-busy') && this.#everyOther())
      return busy('RUNTIME_SESSION_BUSY', 'The session is being created.')
    const lease = await this.#find(wanted, qualifier)
    if (lease.ok && faults.has('session-killed') && this.#everyOther()) void lease.session.end()
    return lease
  }

  async #find(wanted: Wanted, qualifier: string): Promise<Lease> {
    switch (wanted.kind) {
      case 'named':
        return this.#named(wanted.id, qualifier)
      case 'pooled':
        return this.#pooled(qualifier)
      case 'fresh':
        return this.#open(randomUUID(), qualifier)
      case 'once': {
        const lease = await this.#open(randomUUID(), qualifier)
        if (lease.ok) lease.session.once = true
        return lease
      }
    }
  }

  async #named(id: string, qualifier: string): Promise<Lease> {
    const found = this.#byId.get(keyOf(qualifier, id))
    if (!found) return this.#open(id, qualifier)
    if (found.state !== 'ready')
      return busy(
        'RUNTIME_SESSION_BUSY',
        `The session is ${found.state === 'starting' ? 'being created' : 'being torn down'}.`,
      )
    return this.#again(found, qualifier)
  }

  /** One that is free, a new one, or the one with the fewest calls. */
  async #pooled(qualifier: string): Promise<Lease> {
    const pool = [...this.#pool].filter((each) => this.#byId.get(keyOf(qualifier, each.id)) === each)
    const usable = pool.filter(({ state }) => state === 'ready')
    const free = usable.find(({ inFlight }) => inFlight === 0)
    if (free) return this.#again(free, qualifier)
    if (pool.length < Math.min(poolSize, this.#options.maxSessions))
      return this.#open(randomUUID(), qualifier, (session) => this.#pool.add(session))
    const least = usable.toSorted((one, other) => one.inFlight - other.inFlight)[0]
    if (least) return { ok: true, session: least, done: least.begin() }
    const starting = pool.find(({ state }) => state === 'starting')
    if (!starting) return busy('RUNTIME_SESSION_BUSY', 'The pool is being started again.')
    await this.#ready.get(starting)
    return this.#pooled(qualifier)
  }

  /** Another call in a session that is there. */
  async #again(session: Session, qualifier: string): Promise<Lease> {
    if (!this.#options.faults.has('session-expired') || session.inFlight > 0)
      return { ok: true, session, done: session.begin() }
    const pooled = this.#pool.has(session)
    await session.end()
    return this.#open(session.id, qualifier, (fresh) => pooled && this.#pool.add(fresh))
  }

  /** Ends a session: true when there was one, `busy` while it is being created. */
  async stop(id: string, qualifier: string): Promise<boolean | 'busy'> {
    const found = this.#byId.get(keyOf(qualifier, id))
    if (!found || found.state === 'ended') return false
    if (found.state !== 'ready') return 'busy'
    await found.end()
    return true
  }

  /** Takes a new artifact: DEFAULT has it from now on, and sessions of the old one end when their calls have. */
  async replace(artifactDir: string): Promise<void> {
    await this.warm(artifactDir)
    const before = this.versions.artifactOf('DEFAULT')
    this.versions.publish(artifactDir)
    for (const [key, session] of this.#byId)
      if (key.startsWith('DEFAULT ') && session.artifactDir === before) {
        this.#byId.delete(key)
        session.retire()
      }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#all].map((session) => session.end()))
    this.#watchdog.close()
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
  }

  async #open(id: string, qualifier: string, made?: (session: Session) => void): Promise<Lease> {
    const { maxSessions, faults, coldStartMs } = this.#options
    if (this.#byId.size >= maxSessions) return full(maxSessions)
    const session = this.#take(this.versions.artifactOf(qualifier)!)
    session.id = id
    this.#byId.set(keyOf(qualifier, id), session)
    made?.(session)
    const done = session.begin()
    const began = performance.now()
    const started = (async () => {
      if (faults.has('cold-start')) await sleep(coldStartMs, undefined, { ref: false })
      await session.start()
    })()
    this.#ready.set(
      session,
      started.catch(() => {}),
    )
    try {
      await started
    } catch (error) {
      this.#forget(session)
      void session.end()
      if (!(error instanceof FairleadError)) throw error
      return notStarted(error)
    } finally {
      this.#ready.delete(session)
    }
    const process: SessionProcess = { startedMs: Math.round(performance.now() - began) }
    if (this.#past.delete(keyOf(qualifier, id))) process.successor = true
    return { ok: true, session, done, process }
  }

  /** A fault that hits every other call lets a client practise to try again. */
  #everyOther(): boolean {
    return this.#calls++ % 2 === 0
  }

  /** The spare one, when it has the right code; else a new one. */
  #take(artifactDir: string): Session {
    const spare = this.#spare
    this.#spare = undefined
    if (spare?.artifactDir === artifactDir && spare.state === 'ready') return spare
    void spare?.end()
    return this.#make(artifactDir, this.#options.startTimeoutMs)
  }

  #make(artifactDir: string, startTimeoutMs: number): Session {
    const { env, region, idleMs, lifetimeMs, log } = this.#options
    const session = new Session({
      artifactDir,
      folder: join(this.#root, String(this.#count++)),
      env: { ...sessionEnvironment(region), ...env },
      idleMs,
      lifetimeMs,
      startTimeoutMs,
      log,
      watchdog: this.#watchdog,
      onEnd: (ended) => {
        this.#all.delete(ended)
        this.#forget(ended)
      },
    })
    this.#all.add(session)
    if (this.#closed) void session.end()
    return session
  }

  #forget(session: Session): void {
    this.#pool.delete(session)
    for (const [key, each] of this.#byId) {
      if (each !== session) continue
      this.#byId.delete(key)
      if (session.once) continue
      this.#past.add(key)
      if (this.#past.size > mostPast) this.#past.delete(this.#past.values().next().value!)
    }
  }
}

function keyOf(qualifier: string, id: string): string {
  return `${qualifier} ${id}`
}
