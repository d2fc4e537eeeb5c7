import { signedFetch } from '../auth/sigv4/fetch.ts'
import { FairleadError } from '../errors.ts'
import { readAlready, type LightAnswer, type LightFetch } from '../http/light-fetch.ts'
import { quoted, readText, withoutQuery } from '../http/quoted.ts'
import type { AwsCredentials } from './aws-credentials.ts'

export interface AwsFetchOptions {
  service: string
  region: string
  credentials: AwsCredentials
  fetch?: LightFetch
  /** Milliseconds; `Date.now` by default. */
  now?: () => number
  log?: (line: string) => void
}

/** SigV4 allows five minutes; what is nearer is no reason for a refusal. */
const skewMs = 4 * 60_000
const maxBytes = 64 * 1024

/**
 * Makes a `fetch` that signs, and that recovers: a clock that is wrong is corrected from the `Date` of a refusal, and
 * credentials that have ended are looked up anew, once each. Throws CREDENTIALS_MISSING, CREDENTIALS_EXPIRED.
 */
export function awsFetch(options: AwsFetchOptions): LightFetch {
  const { service, region, credentials, now = Date.now, log = () => {} } = options
  let offset = 0
  const signing = signedFetch({
    service,
    region,
    credentials: () => credentials.get(),
    now: () => new Date(now() + offset),
    ...(options.fetch ? { fetch: options.fetch } : {}),
  })
  return async (url, init) => {
    let response = await signing(url, init)
    if (!isRefusal(response)) return response
    const ahead = aheadOf(response, now() + offset)
    if (Math.abs(ahead) > skewMs) {
      await response.body?.cancel()
      offset += ahead
      log(`The clock of this machine is ${Math.round(Math.abs(ahead) / 1000)} s off; requests are signed with the endpoint's time.`) // prettier-ignore
      response = await signing(url, init)
      if (!isRefusal(response)) return response
    }
    const said = await readText(response, maxBytes)
    if (!saysEnded(response, said ?? '')) return readAlready(response, said)
    credentials.renew()
    response = await signing(url, init)
    if (!isRefusal(response)) return response
    const still = await readText(response, maxBytes)
    if (!saysEnded(response, still ?? '')) return readAlready(response, still)
    throw new FairleadError('CREDENTIALS_EXPIRED', `${withoutQuery(url)} says that the AWS credentials have ended`, {
      why: `It said: ${quoted(still ?? '')}`,
      fix: credentials.fix('sso'),
    })
  }
}

function isRefusal({ status }: LightAnswer): boolean {
  return status === 403 || status === 401 || status === 400
}

/** How far the other clock is ahead, as its `Date` header has it. */
function aheadOf(response: LightAnswer, ours: number): number {
  const theirs = Date.parse(response.headers.get('date') ?? '')
  return Number.isNaN(theirs) ? 0 : theirs - ours
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html (ExpiredTokenException) */
function saysEnded(response: LightAnswer, text: string): boolean {
  const said = `${response.headers.get('x-amzn-errortype') ?? ''} ${text}`
  return /ExpiredToken|security token included in the request is (?:expired|invalid)|TokenRefreshRequired/i.test(said)
}
