import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Accounts } from './accounts.ts'
import type { SealedTable } from './sealed-table.ts'
import { same } from './seal.ts'
import { randomText, type Upstream } from './upstream.ts'

export const callbackPath = '/federation/callback'

interface Flow {
  uid: string
  nonce: string
  verifier: string
  /** The hash of the cookie that the browser was given when it left. */
  browser: string
  used?: true
}

export type SignIn = { kind: 'person'; sub: string } | { kind: 'refused'; error: string; description: string }

const flowS = 600

/** Why a browser that came back is not let in. The page says it; nothing is sent to the client. */
export class FederationError extends Error {}

export interface FederationOptions {
  upstream: Upstream
  table: SealedTable
  accounts: Accounts
  secure: boolean
  /** Ids that no person may have, since clients have them. */
  isClientId: (sub: string) => boolean
}

/**
 * Signs a person in at the upstream, bound to the browser that asked: on leaving it gets a cookie for this flow alone, and
 * the callback looks at it before it exchanges the code. So a link that an attacker started leads a victim nowhere.
 * `state` is used once and lives 10 minutes.
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.7
 */
export class Federation {
  readonly #options: FederationOptions

  constructor(options: FederationOptions) {
    this.#options = options
  }

  async leave(ctx: KoaContextWithOIDC, uid: string, again: boolean): Promise<void> {
    const [state, nonce, verifier, cookie] = [randomText(), randomText(), randomText(), randomText()]
    const flow: Flow = { uid, nonce, verifier, browser: hash(cookie) }
    const url = await this.#options.upstream.authorizationUrl({ state, nonce, verifier, again })
    await this.#options.table.write('Federation', state, flow, { ttlS: flowS, if: 'absent' })
    ctx.cookies.set(this.#cookieName(state), cookie, this.#cookie(flowS * 1000))
    ctx.status = 303
    ctx.redirect(url)
  }

  async comeBack(ctx: KoaContextWithOIDC): Promise<void> {
    const { state, code, error, iss } = ctx.query
    if (typeof state !== 'string') throw new FederationError('There is no state')
    const entry = await this.#options.table.get<Flow>('Federation', state)
    if (!entry || entry.value.used) throw new FederationError('This sign-in has ended, or was used already')
    const name = this.#cookieName(state)
    const cookie = ctx.cookies.get(name, { signed: false })
    if (!cookie || !same(hash(cookie), entry.value.browser))
      throw new FederationError('This sign-in was begun in another browser')
    const used = { ...entry.value, used: true }
    if (!(await this.#options.table.write('Federation', state, used, { ttlS: flowS, if: entry.rev })))
      throw new FederationError('This sign-in has ended, or was used already')
    ctx.cookies.set(name, null, this.#cookie())
    const result = await this.#signIn(entry.value, { code, error, iss })
    await this.#options.table.write('SignIn', entry.value.uid, result, { ttlS: 300 })
    ctx.status = 303
    ctx.redirect(`/interaction/${entry.value.uid}/federated`)
  }

  /** Gives the outcome of a flow once, to the browser that holds the interaction. */
  async outcome(uid: string): Promise<SignIn | undefined> {
    const entry = await this.#options.table.get<SignIn>('SignIn', uid)
    if (!entry) return undefined
    await this.#options.table.remove('SignIn', uid)
    return entry.value
  }

  async #signIn(flow: Flow, { code, error, iss }: Record<string, unknown>): Promise<SignIn> {
    if (error !== undefined) return refused('access_denied', 'The sign-in was cancelled')
    if (typeof code !== 'string' || (iss !== undefined && typeof iss !== 'string'))
      throw new FederationError('There is no code')
    const person = await this.#options.upstream.personOf(code, flow).catch((cause: unknown) => {
      throw new FederationError('The sign-in could not be verified', { cause })
    })
    if (this.#options.isClientId(person.sub)) return refused('access_denied', 'This account has the id of a client')
    await this.#options.accounts.save(person)
    return { kind: 'person', sub: person.sub }
  }

  #cookieName(state: string): string {
    return `${this.#options.secure ? '__Secure-' : ''}fairlead_flow_${hash(state).slice(0, 12)}`
  }

  #cookie(maxAge?: number) {
    return {
      path: callbackPath,
      httpOnly: true,
      sameSite: 'lax' as const,
      secure: this.#options.secure,
      signed: false,
      ...(maxAge ? { maxAge } : {}),
    }
  }
}

function refused(error: string, description: string): SignIn {
  return { kind: 'refused', error, description }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
