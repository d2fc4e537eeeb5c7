import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** A token of one person (or machine) for one resource of one issuer. */
export interface KeptToken {
  issuer: string
  resource: string
  /** The user name, or `client:` and the client id. */
  subject: string
  clientId: string
  accessToken: string
  refreshToken?: string
  scope: string
  /** What was asked for: a server may grant less, and asking again gives no more. */
  asked: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

interface Contents {
  tokens: KeptToken[]
  /** Registered client ids, by issuer: never used at another. */
  clients: Record<string, string>
  /** What a registered client came with beside its id, by issuer. */
  details?: Record<string, ClientDetails>
}

export interface ClientDetails {
  redirectUri?: string
  clientSecret?: string
}

const maxTokens = 200

/** Tokens in a file that its owner alone can read. What changes it does so under a lock, so that two processes refresh once. */
export class TokenStore {
  readonly #file: string
  readonly #waitMs: number

  constructor(file: string, options: { waitMs?: number } = {}) {
    this.#file = file
    this.#waitMs = options.waitMs ?? 60_000
  }

  token(issuer: string, resource: string, subject: string): KeptToken | undefined {
    return this.#read().tokens.find((each) => is(each, issuer, resource, subject))
  }

  clientId(issuer: string): string | undefined {
    const { clients } = this.#read()
    return Object.hasOwn(clients, issuer) ? clients[issuer] : undefined
  }

  /** What the client registered with beside its id. */
  clientDetails(issuer: string): ClientDetails {
    const { details = {} } = this.#read()
    return Object.hasOwn(details, issuer) ? details[issuer]! : {}
  }

  list(): KeptToken[] {
    return this.#read().tokens
  }

  /** Removes tokens, and the clients of issuers that have none left. Call it under the lock. */
  forget(which: (token: KeptToken) => boolean): KeptToken[] {
    const contents = this.#read()
    const gone = contents.tokens.filter(which)
    const tokens = contents.tokens.filter((each) => !gone.includes(each))
    const kept = <T>(record: Record<string, T> = {}) =>
      Object.fromEntries(
        Object.entries(record).filter(([issuer]) => !gone.some((each) => each.issuer === issuer) || tokens.some((each) => each.issuer === issuer)), // prettier-ignore
      )
    this.#write({ tokens, clients: kept(contents.clients), details: kept(contents.details) })
    return gone
  }

  /** Call it under the lock. */
  putToken(token: KeptToken): void {
    const { tokens, ...rest } = this.#read()
    const others = tokens.filter((each) => !is(each, token.issuer, token.resource, token.subject))
    this.#write({ ...rest, tokens: [...others, token].slice(-maxTokens) })
  }

  /** Call it under the lock. */
  putClientId(issuer: string, clientId: string | undefined, details?: ClientDetails): void {
    const { tokens, clients, details: known = {} } = this.#read()
    const { [issuer]: _, ...others } = clients
    const { [issuer]: __, ...otherDetails } = known
    this.#write({
      tokens,
      clients: clientId === undefined ? others : { ...others, [issuer]: clientId },
      details: details === undefined ? otherDetails : { ...otherDetails, [issuer]: details },
    })
  }

  /** Does work that no other process does at the same time. A lock whose process has gone is taken over. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
    const lock = `${this.#file}.lock`
    const until = Date.now() + this.#waitMs
    while (!take(lock)) {
      if (Date.now() > until) throw new Error(`${lock} is held by another process`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    try {
      return await work()
    } finally {
      rmSync(lock, { force: true })
    }
  }

  #read(): Contents {
    try {
      const { tokens, clients, details } = JSON.parse(readFileSync(this.#file, 'utf8')) as Partial<Contents>
      if (Array.isArray(tokens) && typeof clients === 'object' && clients !== null)
        return { tokens, clients, ...(typeof details === 'object' && details !== null ? { details } : {}) }
    } catch {
      // none yet, or not readable: begin anew
    }
    return { tokens: [], clients: {} }
  }

  #write(contents: Contents): void {
    const next = `${this.#file}.${process.pid}`
    writeFileSync(next, `${JSON.stringify(contents, null, 2)}\n`, { mode: 0o600 })
    renameSync(next, this.#file)
  }
}

function is(token: KeptToken, issuer: string, resource: string, subject: string): boolean {
  return token.issuer === issuer && token.resource === resource && token.subject === subject
}

let takes = 0

/** Creates the lock with our pid in it, whole: the file is written aside and then linked, which fails when there is one. */
function take(lock: string): boolean {
  const own = `${lock}.${process.pid}.${takes++}`
  writeFileSync(own, String(process.pid), { mode: 0o600 })
  try {
    linkSync(own, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    removeIfLeft(lock, own)
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

/** Removes a lock whose process has gone: moved aside first, and put back when it turns out to be a new one. */
function removeIfLeft(lock: string, own: string): void {
  if (isHeld(lock)) return
  const aside = `${own}.left`
  try {
    renameSync(lock, aside)
    if (isHeld(aside)) linkSync(aside, lock)
    rmSync(aside, { force: true })
  } catch {
    // another process was faster
  }
}

function isHeld(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EPERM' || code === 'ENOENT'
  }
}
