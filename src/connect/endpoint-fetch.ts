import { awsEndpoint } from '../aws/endpoint.ts'
import { FairleadError } from '../errors.ts'
import { readAlready, type LightAnswer, type LightFetch } from '../http/light-fetch.ts'
import { readText, withoutQuery } from '../http/quoted.ts'
import { awsCredentials } from './aws-credentials.ts'
import { awsFetch } from './aws-fetch.ts'

export const authKinds = ['sigv4', 'oauth', 'none'] as const
export type AuthKind = (typeof authKinds)[number]

export interface EndpointFetchOptions {
  url: string
  /** Found out by itself when absent. */
  auth?: AuthKind
  /** Of the signature; read from the host when absent. */
  service?: string
  region?: string
  profile?: string
  /** Makes the `fetch` that sends a token; called when one is needed. */
  oauth: () => LightFetch
  /** Sends what is signed, or asked without; the global `fetch` by default. */
  fetch?: LightFetch
  log?: (line: string) => void
}

/**
 * Makes the `fetch` that an endpoint asks for: signed, with a token, or plain. When that is not said, hosts of AWS are
 * signed for, and a 401 anywhere leads to the sign-in. Throws AWS_SCOPE_UNKNOWN at once where it must be asked.
 */
export function endpointFetch(options: EndpointFetchOptions): LightFetch {
  const { auth, fetch: plain = fetch } = options
  if (auth === 'none') return plain
  if (auth === 'oauth') return options.oauth()
  if (auth === 'sigv4' || options.service !== undefined) return signed(options)
  return finding(options, plain)
}

function signed(options: EndpointFetchOptions): LightFetch {
  const known = awsEndpoint(options.url)
  const service = options.service ?? known?.service
  const region = options.region ?? known?.region
  if (service === undefined || region === undefined)
    throw new FairleadError('AWS_SCOPE_UNKNOWN', `${new URL(options.url).host} does not say which service and region to sign for`) // prettier-ignore
  return awsFetch({
    service,
    region,
    credentials: awsCredentials(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.fetch ? { fetch: options.fetch } : {}),
    ...(options.log ? { log: options.log } : {}),
  })
}

/** Tries what the host lets expect, and keeps to what was not refused. */
function finding(options: EndpointFetchOptions, plain: LightFetch): LightFetch {
  const { url, log = () => {} } = options
  const isAws = awsEndpoint(url) !== undefined
  let chosen: LightFetch | undefined
  let missing: FairleadError | undefined
  let token: LightFetch | undefined
  return async (input, init) => {
    if (token) return token(input, init)
    const first = chosen ?? (isAws ? signed(options) : plain)
    let response: LightAnswer
    try {
      response = await first(input, init)
    } catch (error) {
      if (!(error instanceof FairleadError && error.code === 'CREDENTIALS_MISSING')) throw error
      missing = error
      response = await plain(input, init)
    }
    // Some servers let `initialize` pass and ask for a token only later.
    if (response.status === 401) {
      await response.body?.cancel()
      if (!token) log(`${withoutQuery(url)} asks for a token`)
      return (token ??= options.oauth())(input, init)
    }
    if (response.status === 403 && missing) throw missing
    if (response.status === 403 && !isAws) return refusedByAws(response, url)
    if (response.ok) chosen = missing ? plain : first
    return response
  }
}

/** A 403 in the words of AWS at a host that is none of AWS's: a domain of one's own. */
async function refusedByAws(response: LightAnswer, url: string): Promise<LightAnswer> {
  const text = (await readText(response, 64 * 1024)) ?? ''
  const said = `${response.headers.get('x-amzn-errortype') ?? ''} ${text}`
  if (
    /MissingAuthenticationToken|Missing Authentication Token|IncompleteSignature|AccessDeniedException|"Message":\s*"Forbidden/i.test(
      said,
    )
  )
    // prettier-ignore
    throw new FairleadError('AWS_SCOPE_UNKNOWN', `${withoutQuery(url)} wants a signature of AWS`)
  return readAlready(response, text)
}
