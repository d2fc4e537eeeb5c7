import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RuntimeError } from '../../aws/agentcore-runtime.ts'
import { FairleadError, type ErrorCode } from '../../errors.ts'
import type { Faults } from '../faults.ts'
import { startWatchdog } from '../lambda/watchdog.ts'
import { Session } from './session.ts'
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

/** A session with a call begun in it, or why there is none. */
export type Lease =
  | { ok: true; session: Session; done: () => void }
  | { ok: false; error: RuntimeError; code: ErrorCode; why: string; message?: string }

/** How many sessions modern clients share in a pool. */
const poolSize = 4

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

  /** The session of an id that a client names, started when there is none. */
  async named(id: string, qualifier: string): Promise<Lease> {
    const key = `${qualifier} ${id}`
    const { faults } = this.#options
    if (faults.has('session-busy') && this.#everyOther()) return busy('FAULT', 'The fault session-busy is on.')
    const found = this.#byId.get(key)
    if (found && found.state !== 'ready')
      return busy(
        'RUNTIME_SESSION_BUSY',
        `The session is ${found.state === 'starting' ? 'being created' : 'being torn down'}.`,
      )
    if (found && faults.has('session-expired') && found.inFlight === 0) await found.end()
    else if (found) return this.#lease(found)
    return this.#open(key, id, qualifier)
  }

  /** A session for a client that says `initialize`, and comes back with the id that it is given. */
  async fresh(qualifier: string): Promise<Lease> {
    const id = randomUUID()
    return this.#open(`${qualifier} ${id}`, id, qualifier)
  }

  /** A session for one call of a client that names none. */
  async once(qualifier: string): Promise<Lease> {
    const lease = await this.fresh(qualifier)
    if (lease.ok) lease.session.once = true
    return lease
  }

  /** A session of the pool that clients which name none share: one that is free, a new one, or the one with the fewest calls. */
  async pooled(qualifier: string): Promise<Lease> {
    const usable = [...this.#pool].filter(({ state, retired }) => state === 'ready' && !retired)
    const free = usable.find(({ inFlight }) => inFlight === 0)
    if (free) return this.#lease(free)
    if (this.#pool.size < Math.min(poolSize, this.#options.maxSessions)) {
      const id = randomUUID()
      return this.#open(`${qualifier} ${id}`, id, qualifier, (session) => this.#pool.add(session))
    }
    const least = usable.toSorted((a, b) => a.inFlight - b.inFlight)[0]
    if (least) return this.#lease(least)
    const starting = [...this.#pool].find(({ state }) => state === 'starting')
    if (!starting) return busy('RUNTIME_SESSION_BUSY', 'The pool is being started again.')
    await this.#ready.get(starting)
    return this.pooled(qualifier)
  }

  readonly #ready = new Map<Session, Promise<unknown>>()

  /** Ends a session: true when there was one, `busy` while it is being created. */
  async stop(id: string, qualifier: string): Promise<boolean | 'busy'> {
    const found = this.#byId.get(`${qualifier} ${id}`)
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

  async #open(key: string, id: string, qualifier: string, made?: (session: Session) => void): Promise<Lease> {
    const { maxSessions, faults, coldStartMs } = this.#options
    if (this.#byId.size >= maxSessions)
      return {
        ok: false,
        error: 'ServiceQuotaExceededException',
        code: 'RUNTIME_SESSIONS_FULL',
        why: `All ${maxSessions} sessions are there.`,
      }
    const session = this.#take(this.versions.artifactOf(qualifier)!)
    session.id = id
    this.#byId.set(key, session)
    made?.(session)
    const done = session.begin()
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
    return { ok: true, session, done }
  }

  #lease(session: Session): Lease {
    if (this.#options.faults.has('session-killed') && this.#everyOther()) void session.end()
    return { ok: true, session, done: session.begin() }
  }

  /** Tools are practised with when a retry works. */
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
      env: { ...environmentOf(region), ...env },
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
    for (const [key, each] of this.#byId) if (each === session) this.#byId.delete(key)
  }
}

function busy(code: ErrorCode, why: string): Lease {
  return { ok: false, error: 'RetryableConflictException', code, why }
}

/** The service's own words, as they were met. @see https://github.com/aws/bedrock-agentcore-starter-toolkit/issues/356 (2025-11-19) */
function notStarted({ code, message, why }: FairleadError): Lease {
  return {
    ok: false,
    error: 'RuntimeClientError',
    code: 'RUNTIME_START_FAILED',
    why: `${message}. ${code === 'SERVER_THROWS' ? why : ''}`.trim(),
    message:
      code === 'SERVER_SILENT'
        ? 'Runtime initialization time exceeded. Please make sure that initialization completes in 120s.'
        : 'An error occurred when starting the runtime. Please check your CloudWatch logs for more information.',
  }
}

/** What a session's process sees: nothing of the user's own environment but the way to find programs. */
function environmentOf(region: string): Record<string, string> {
  return {
    FAIRLEAD_PLATFORM: 'agentcore-runtime',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    // Of a role that exists nowhere: an AWS client can sign with it, and no real service takes it.
    AWS_ACCESS_KEY_ID: `ASIALOCAL${randomBytes(6).toString('hex').toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: randomBytes(30).toString('base64'),
    AWS_SESSION_TOKEN: randomBytes(60).toString('base64'),
  }
}
