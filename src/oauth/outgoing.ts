import { lookup as resolve, type LookupAddress } from 'node:dns'
import { request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isLoopbackAddress, isSpecialAddress } from '../http/special-addresses.ts'

export interface OutgoingOptions {
  /** For development: loopback may be called, with any certificate. */
  allowLocal: boolean
  now: () => number
}

const timeoutMs = 2500
const maxBytes = 5 * 1024
const keptMs = 60_000
const maxKept = 200

interface Answer {
  status: number
  headers: [string, string][]
  text: string
}

/**
 * Makes the `fetch` for addresses that strangers name: metadata documents and key sets of clients. HTTPS only, no redirect,
 * 5 kB, 2.5 s, and no address outside the public internet: that is asked when the name is resolved, before anything
 * connects, so the answer cannot change between. An address is asked once a minute at most, whatever it answered.
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
 */
export function outgoingFetch({ allowLocal, now }: OutgoingOptions): typeof fetch {
  const kept = new Map<string, { until: number; answer: Promise<Answer> }>()
  return async (input) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const { status, headers, text } = await answerOf(url)
    return new Response(text, { status, headers })
  }

  function answerOf(url: URL): Promise<Answer> {
    const found = kept.get(url.href)
    if (found && found.until > now()) return found.answer
    const answer = get(url, allowLocal)
    kept.delete(url.href)
    kept.set(url.href, { until: now() + keptMs, answer })
    if (kept.size > maxKept) kept.delete(kept.keys().next().value!)
    return answer
  }
}

async function get(url: URL, allowLocal: boolean): Promise<Answer> {
  if (url.protocol !== 'https:') throw new Error('only https is called')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const mayCall = (address: string) => !isSpecialAddress(address) || (allowLocal && isLoopbackAddress(address))
  if (isIP(host) && !mayCall(host)) throw new Error('the address is not public')
  const local = allowLocal && (host === 'localhost' || isLoopbackAddress(host))
  return new Promise<Answer>((settle, reject) => {
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
          const names = ['content-type', 'cache-control', 'expires'] as const
          const headers = names.flatMap((name) =>
            res.headers[name] ? [[name, res.headers[name]] as [string, string]] : [],
          )
          settle({ status: res.statusCode ?? 502, headers, text: Buffer.concat(chunks).toString('utf8') })
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
