import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadError } from '../../errors.ts'
import { quoted, readText } from '../../http/quoted.ts'
import { readChallenge, type Challenge } from './challenge.ts'
import { isSafeUrl, originOf } from './reference.ts'

export interface RegistryCredentials {
  username: string
  password: string
}

export interface RegistryOptions {
  /** Host, and port where there is one. https, and http on loopback alone. */
  registry: string
  /** Asked whenever the registry wants them, so that those which expire are renewed. None: anonymous. */
  credentials?: () => Promise<RegistryCredentials>
  fetch?: typeof fetch
  /** Waits before another try. */
  wait?: (ms: number) => Promise<unknown>
  /** How long an answer may take to begin; 60 s by default. What is sent may take an hour. */
  timeoutMs?: number
}

export interface Sending {
  method?: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  headers?: Record<string, string>
  /** Made afresh for each try. */
  body?: () => Uint8Array | AsyncIterable<Uint8Array>
  /** Statuses that are an answer; any other is thrown. */
  expect: readonly number[]
  /** 1 for what must be begun elsewhere when it fails: an upload. */
  tries?: number
}

export interface Registry {
  readonly host: string
  /** Sends to a path or a URL of the registry; each repository has a token of its own. */
  send(target: string | URL, repository: string, sending: Sending): Promise<Response>
  wait(ms: number): Promise<unknown>
}

/** How often something is tried that a network can break. */
export const tries = 5

const maxRetryAfterS = 60

/** Without these, fetch keeps a copy of all that it sends, for a redirect or a sign-in. */
const streamed = { duplex: 'half', redirect: 'error', window: null }

/**
 * Opens the HTTP API of a registry. Signs in when it is asked to (Basic and Bearer), again when a token has expired, tries
 * again after 429 and 5xx and a lost connection, and follows redirects without the credentials. Throws REGISTRY_DENIED,
 * REGISTRY_FAILED and UNREACHABLE.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export function openRegistry(options: RegistryOptions): Registry {
  const { registry: host, fetch: ask = fetch, wait = (ms) => sleep(ms), timeoutMs = 60_000 } = options
  const origin = originOf(host)
  const authorizations = new Map<string, string>()

  async function send(target: string | URL, repository: string, sending: Sending): Promise<Response> {
    const url = new URL(target, origin)
    const reads = sending.method === undefined || sending.method === 'GET' || sending.method === 'HEAD'
    const scope = `${reads ? 'pull' : 'push'} ${repository}`
    let renewed = false
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= (sending.tries ?? tries)
      let response: Response
      try {
        response = await follow(url, sending, authorizations.get(scope))
      } catch (error) {
        if (error instanceof FairleadError) throw error
        if (last) throw unreachable(url, error)
        await wait(backoff(attempt))
        continue
      }
      if (sending.expect.includes(response.status)) return response
      const said = await whatItSays(response)
      if (response.status === 401 && !renewed) {
        renewed = true
        attempt--
        authorizations.set(scope, await authorization(response.headers.get('www-authenticate')))
        continue
      }
      if (last || !(response.status === 429 || response.status >= 500)) throw refused(sending, url, response, said)
      await wait(retryAfterMs(response) ?? backoff(attempt))
    }
  }

  async function follow(from: URL, sending: Sending, authorization: string | undefined): Promise<Response> {
    let url = from
    for (let hop = 0; ; hop++) {
      if (!isSafeUrl(url))
        throw new FairleadError('REGISTRY_FAILED', `${host} leads to ${url.origin}, which is not https`)
      const response = await once(url, sending, url.origin === origin ? authorization : undefined)
      const to = response.headers.get('location')
      const redirected = [301, 302, 303, 307, 308].includes(response.status) && to !== null
      if (!redirected || (sending.method !== undefined && sending.method !== 'GET' && sending.method !== 'HEAD'))
        return response
      await response.body?.cancel()
      if (hop >= 5) throw new FairleadError('REGISTRY_FAILED', `${host} redirects without an end`)
      url = new URL(to, url)
    }
  }

  async function once(url: URL, sending: Sending, authorization: string | undefined): Promise<Response> {
    const { method = 'GET', body } = sending
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), body ? Math.max(timeoutMs, 3_600_000) : timeoutMs)
    try {
      const init = {
        method,
        headers: { ...sending.headers, ...(authorization === undefined ? {} : { authorization }) },
        redirect: 'manual',
        signal: late.signal,
        ...(body ? { body: body(), ...streamed } : {}),
      }
      // The types of fetch know neither all of `streamed` nor a body that is an AsyncIterable; Node takes both.
      return await ask(url, init as RequestInit)
    } finally {
      clearTimeout(timer)
    }
  }

  async function authorization(header: string | null): Promise<string> {
    const challenge = readChallenge(header)
    if (!challenge) throw denied('It asks for a sign-in that is neither Basic nor Bearer')
    const credentials = await options.credentials?.()
    const basic =
      credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
    if (challenge.scheme === 'bearer') return `Bearer ${await tokenOf(challenge, basic)}`
    if (!basic) throw denied('It asks for credentials, and there are none')
    return basic
  }

  async function tokenOf(challenge: Challenge & { scheme: 'bearer' }, basic: string | undefined): Promise<string> {
    const url = new URL(challenge.realm)
    if (!isSafeUrl(url)) throw denied(`Its token service is at ${url.origin}, which is not https`)
    for (const key of ['service', 'scope'] as const)
      if (challenge[key] !== undefined) url.searchParams.set(key, challenge[key])
    for (let attempt = 1; ; attempt++) {
      let response: Response
      let text: string
      try {
        response = await once(url, { expect: [200] }, basic)
        text = (await readText(response, 1024 * 1024)) ?? ''
      } catch (error) {
        if (attempt >= tries) throw unreachable(url, error)
        await wait(backoff(attempt))
        continue
      }
      if (response.status === 200) {
        const token = tokenIn(text)
        if (token !== undefined) return token
        throw denied('Its token service gave no token')
      }
      if (!(response.status === 429 || response.status >= 500) || attempt >= tries)
        throw denied(`Its token service answered ${response.status}`)
      await wait(retryAfterMs(response) ?? backoff(attempt))
    }
  }

  function denied(message: string): FairleadError {
    return new FairleadError('REGISTRY_DENIED', `The registry ${host} lets nobody in: ${message}`)
  }

  function refused({ method = 'GET' }: Sending, { pathname }: URL, response: Response, said: string): FairleadError {
    const { status } = response
    const code = status === 401 || status === 403 ? 'REGISTRY_DENIED' : 'REGISTRY_FAILED'
    return new FairleadError(code, `${host} answered ${status} to ${method} ${pathname}${said && `: ${said}`}`)
  }

  return { host, send, wait }
}

/** What is said when a connection cannot be made, or is lost. */
export function unreachable(url: URL, cause: unknown): FairleadError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
  return new FairleadError('UNREACHABLE', `Nothing answered at ${url.origin}: ${quoted(inner)}`, { cause })
}

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes */
async function whatItSays(response: Response): Promise<string> {
  const text = (await readText(response, 64 * 1024).catch(() => '')) ?? ''
  try {
    const { errors = [] } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] }
    return quoted(errors.map(({ code, message }) => `${code ?? ''} ${message ?? ''}`).join('; '))
  } catch {
    return quoted(text)
  }
}

function tokenIn(text: string): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(text) as Record<string, unknown>
    return [token, other].find((each) => typeof each === 'string')
  } catch {
    return undefined
  }
}

function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get('retry-after')
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), maxRetryAfterS) * 1000
}

/** Half a second, doubled with each try, and up to as much again by chance. */
export function backoff(attempt: number): number {
  return 500 * 2 ** (attempt - 1) * (1 + Math.random())
}
