import type { Credentials } from './credentials.ts'
import { sign, type SignOptions } from './sign.ts'

export interface SigV4FetchOptions extends SignOptions {
  /** Resolved for every request, so that credentials which expire are renewed. */
  credentials: Credentials | (() => Promise<Credentials>)
  fetch?: typeof fetch
}

/**
 * Makes a `fetch` that signs each request, for the official SDK's HTTP transport.
 * The body must be bytes or text: a stream cannot be hashed before it is sent. Redirects are not followed, since a
 * signature is good for one address only.
 */
export function sigv4Fetch(options: SigV4FetchOptions): typeof fetch {
  const inner = options.fetch ?? fetch
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const source = input instanceof Request ? input : undefined
    const headers = new Headers(init?.headers ?? source?.headers)
    const body = await bytesOf(init?.body ?? (source ? await source.arrayBuffer() : undefined))
    const method = (init?.method ?? source?.method ?? 'GET').toUpperCase()
    const credentials = typeof options.credentials === 'function' ? await options.credentials() : options.credentials
    for (const name of ['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])
      headers.delete(name)
    const rawHeaders = ['host', url.host, ...[...headers].flat()]
    const added = sign({ method, target: url.pathname + url.search, rawHeaders, body }, credentials, options)
    for (const [name, value] of Object.entries(added)) headers.set(name, value)
    return inner(url, {
      ...init,
      method,
      headers,
      redirect: 'manual',
      ...(body.byteLength > 0 ? { body: body as Uint8Array<ArrayBuffer> } : {}),
    })
  }
}

async function bytesOf(body: RequestInit['body'] | ArrayBuffer | undefined): Promise<Uint8Array> {
  if (body === null || body === undefined) return new Uint8Array()
  if (body instanceof ReadableStream) throw new TypeError('A streamed body cannot be signed; give bytes or text')
  return new Uint8Array(await new Response(body).arrayBuffer())
}
