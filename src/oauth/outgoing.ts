import { lookup as resolve, type LookupAddress } from 'node:dns'
import { request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isLoopbackAddress, isSpecialAddress } from './special-addresses.ts'

export interface OutgoingOptions {
  /** For development: loopback may be called, with any certificate. */
  allowLocal: boolean
  now: () => number
}

const timeoutMs = 2500
const maxBytes = 5 * 1024
const negativeMs = 60_000

/**
 * Makes the `fetch` for addresses that strangers name: metadata documents and key sets of clients. HTTPS only, no redirect,
 * 5 kB, 2.5 s, and no address outside the public internet: that is asked when the name is resolved, before anything
 * connects, so the answer cannot change between. An address that failed is not asked again for a minute.
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
 */
export function outgoingFetch({ allowLocal, now }: OutgoingOptions): typeof fetch {
  const failed = new Map<string, number>()
  return async (input) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const until = failed.get(url.href)
    if (until !== undefined && until > now()) throw new Error('it failed a moment ago')
    try {
      const response = await get(url, allowLocal)
      if (response.status !== 200) remember(url.href)
      return response
    } catch (error) {
      remember(url.href)
      throw error
    }
  }

  function remember(href: string): void {
    failed.delete(href)
    failed.set(href, now() + negativeMs)
    if (failed.size > 1000) failed.delete(failed.keys().next().value!)
  }
}

async function get(url: URL, allowLocal: boolean): Promise<Response> {
  if (url.protocol !== 'https:') throw new Error('only https is called')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const mayCall = (address: string) => !isSpecialAddress(address) || (allowLocal && isLoopbackAddress(address))
  if (isIP(host) && !mayCall(host)) throw new Error('the address is not public')
  const local = allowLocal && (host === 'localhost' || isLoopbackAddress(host))
  return new Promise<Response>((settle, reject) => {
    const req = request(
      url,
      {
        lookup: guarded(mayCall),
        agent: false,
        rejectUnauthorized: !local,
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json' },
      },
      (res) => {
        const chunks: Buffer[] = []
        let size = 0
        res.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > maxBytes) req.destroy(new Error('the answer is too large'))
          else chunks.push(chunk)
        })
        res.on('error', reject)
        res.on('end', () => {
          const headers = new Headers()
          for (const name of ['content-type', 'cache-control', 'expires'] as const)
            if (res.headers[name]) headers.set(name, res.headers[name])
          settle(new Response(Buffer.concat(chunks).toString('utf8'), { status: res.statusCode ?? 502, headers }))
        })
      },
    )
    req.on('error', reject)
    req.end()
  })
}

function guarded(mayCall: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return done(error, [])
      if (!addresses.every(({ address }) => mayCall(address))) return done(new Error('the address is not public'), [])
      if (options.all) return done(null, addresses)
      return done(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
}
