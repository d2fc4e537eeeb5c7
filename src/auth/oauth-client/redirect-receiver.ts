import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { signInFailed } from './failed.ts'

/** Waits on loopback for the browser to come back from a sign-in. */
export interface RedirectReceiver {
  /** `http://127.0.0.1:PORT/callback` */
  redirectUri: string
  /** Resolves with the parameters of the answer that carries this state; others are refused and not taken. */
  answer(state: string, timeoutMs?: number): Promise<URLSearchParams>
  close(): void
}

/**
 * Listens for a redirect on the port of `wanted` when that is free, else on any; with `exactly`, at that very URI, which
 * must lead to this machine. Throws SIGN_IN_FAILED.
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export async function receiveRedirect(wanted?: string, { exactly = false } = {}): Promise<RedirectReceiver> {
  const at = wanted === undefined ? undefined : new URL(wanted)
  if (exactly && at && !isHere(at)) throw notHere(at)
  const path = exactly && at ? at.pathname : '/callback'
  const waiting = new Map<string, (answer: URLSearchParams) => void>()
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://127.0.0.1')
    const take = url.pathname === path && req.method === 'GET' ? waiting.get(url.searchParams.get('state') ?? '') : undefined // prettier-ignore
    const text = take ? 'Signed in. You can close this window.' : 'This is not the answer that fairlead waits for.'
    res.writeHead(take ? 200 : 400, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      connection: 'close',
    })
    res.end(take && url.searchParams.has('error') ? 'The sign-in was refused. You can close this window.' : text)
    take?.(url.searchParams)
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  await listen(Number(at?.port ?? 0)).catch(async (error: unknown) => {
    if (exactly) throw taken(at!, error)
    return listen(0)
  })
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  return {
    redirectUri: exactly && wanted !== undefined ? wanted : own,
    answer: (state, timeoutMs = 300_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(late(timeoutMs)), timeoutMs)
        waiting.set(state, (answer) => {
          clearTimeout(timer)
          waiting.delete(state)
          resolve(answer)
        })
      }),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function isHere({ protocol, hostname, port }: URL): boolean {
  return protocol === 'http:' && (hostname === '127.0.0.1' || hostname === 'localhost') && port !== ''
}

function notHere({ href }: URL): Error {
  return signInFailed(`${href} is no redirect URI that leads to this program`, undefined, {
    why: 'A redirect URI of a program is http, on 127.0.0.1 or localhost, with a port.',
    fix: 'Register the client with one like http://127.0.0.1:8976/callback, and name it: --redirect-uri',
  })
}

function taken({ port }: URL, cause: unknown): Error {
  return signInFailed(`The port ${port} of the redirect URI is taken`, cause, {
    why: 'The client is registered with this redirect URI alone, and another program listens there.',
    fix: `End what listens on port ${port}, or register the client with another port.`,
  })
}

function late(timeoutMs: number): Error {
  return signInFailed(`Nobody came back from the browser within ${timeoutMs / 1000} s`, undefined, {
    why: 'The page was closed, or the authorization server showed an error instead of leading back.',
    fix: 'Try again. If the page says that the client is unknown: fairlead token --forget',
  })
}
