import type { LightFetch, LightInit } from '../../http/light-fetch.ts'
import type { Credentials } from './credentials.ts'
import { sign, type SignOptions } from './sign.ts'

export interface SigV4FetchOptions extends SignOptions {
  /** Resolved for every request, so that credentials which expire are renewed. */
  credentials: Credentials | (() => Promise<Credentials>)
  fetch?: typeof fetch
}

/** What a signature brings: never what the caller had of it. */
const ours = new Set(['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])

/**
 * Makes a `fetch` that signs each request, for the official SDK's HTTP transport.
 * The body must be bytes or text: a stream cannot be hashed before it is sent. Redirects are not followed, since a
 * signature is good for one address only.
 */
export function sigv4Fetch(options: SigV4FetchOptions): typeof fetch {
  const inner = options.fetch ?? fetch
  return async (input, init) => {
    const source = input instanceof Request ? input : undefined
    const headers = new Headers(init?.headers ?? source?.headers)
    const body = await bytesOf(init?.body ?? (source ? await source.arrayBuffer() : undefined))
    const method = (init?.method ?? source?.method ?? 'GET').toUpperCase()
    const send: LightFetch = async (url, signed) =>
      inner(new URL(url), { ...init, ...signed, headers: new Headers(signed?.headers) })
    const request = { method, headers: Object.fromEntries(headers), ...(body.byteLength > 0 ? { body } : {}) }
    return signedFetch({ ...options, fetch: send })(
      source?.url ?? (input as string | URL),
      request,
    ) as Promise<Response>
  }
}

/** Makes a sender that signs each request of another sender. */
export function signedFetch(options: Omit<SigV4FetchOptions, 'fetch'> & { fetch?: LightFetch }): LightFetch {
  const { fetch: inner = fetch } = options
  return async (url, init = {}) => {
    const credentials = typeof options.credentials === 'function' ? await options.credentials() : options.credentials
    return inner(url, { ...init, ...signedInit(new URL(url), init, credentials, options) })
  }
}

function signedInit(url: URL, init: LightInit, credentials: Credentials, options: SignOptions): LightInit {
  const { method = 'GET', body = '' } = init
  const headers = Object.entries(init.headers ?? {}).filter(([name]) => !ours.has(name.toLowerCase()))
  const request = {
    method,
    target: url.pathname + url.search,
    rawHeaders: ['host', url.host, ...headers.flat()],
    body: typeof body === 'string' ? Buffer.from(body) : body,
  }
  return {
    method,
    headers: { ...Object.fromEntries(headers), ...sign(request, credentials, options) },
    redirect: 'manual',
  }
}

async function bytesOf(body: RequestInit['body'] | ArrayBuffer | undefined): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null || body === undefined) return new Uint8Array()
  if (body instanceof ReadableStream) throw new TypeError('A streamed body cannot be signed; give bytes or text')
  return new Uint8Array(await new Response(body).arrayBuffer())
}
