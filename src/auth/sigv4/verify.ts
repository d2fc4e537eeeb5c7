import { timingSafeEqual } from 'node:crypto'
import {
  canonicalHeaders,
  canonicalRequest,
  parseQuery,
  sha256,
  splitTarget,
  type SigningRequest,
} from './canonical.ts'
import type { Credentials } from './credentials.ts'
import { readAuthorization, type PresentedSignature } from './presented.ts'
import { hmac, signingKey, stringToSign } from './sign.ts'

/** Why a signature was refused. */
export type SigV4Refusal =
  | 'SIGV4_MISSING'
  | 'SIGV4_MALFORMED'
  | 'SIGV4_KEY_UNKNOWN'
  | 'SIGV4_WRONG_SERVICE'
  | 'SIGV4_WRONG_REGION'
  | 'SIGV4_CLOCK_SKEW'
  | 'SIGV4_EXPIRED'
  | 'SIGV4_SESSION_TOKEN'
  | 'SIGV4_HEADER_UNSIGNED'
  | 'SIGV4_UNSIGNED_PAYLOAD'
  | 'SIGV4_BODY_CHANGED'
  | 'SIGV4_MISMATCH'

export interface Refused {
  ok: false
  reason: SigV4Refusal
  /** What was expected and what came. Never a secret, never a signature. */
  why: string
  /** The server's side of the calculation, where it got so far: what a cause can be proved from. */
  canonicalRequest?: string
}

export interface Verified {
  ok: true
  accessKeyId: string
  canonicalRequest: string
}

export interface VerifyOptions {
  service: string
  region: string
  /** The credentials of an access key id, or undefined when nobody has it. */
  lookup: (accessKeyId: string) => Credentials | undefined
  now?: () => number
  /** How far the clocks may be apart, in seconds; 300 by default. */
  maxSkewS?: number
}

/**
 * Verifies the SigV4 signature of a request, in its header or its query.
 * Checks scope, clock, session token, that host and every x-amz-* is signed, and that the body is the one that was signed.
 * Payloads must be signed, as Lambda asks. Leaves replay within the clock window to the caller: SigV4 has no nonce.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verify(request: SigningRequest, options: VerifyOptions): Verified | Refused {
  const { path, query } = splitTarget(request.target)
  const headers = canonicalHeaders(request.rawHeaders)
  const pairs = parseQuery(query)
  const presented = readAuthorization(request.rawHeaders, headers, pairs)
  if ('reason' in presented) return { ok: false, ...presented }
  const [day, region, service] = presented.scope as [string, string, string]
  if (service !== options.service)
    return refused('SIGV4_WRONG_SERVICE', `It is signed for the service ${clean(service)}; this is ${options.service}.`)
  if (region !== options.region)
    return refused('SIGV4_WRONG_REGION', `It is signed for the region ${clean(region)}; this is ${options.region}.`)
  const late = checkClock(presented, day, options)
  if (late) return late
  const credentials = options.lookup(presented.accessKeyId)
  if (!credentials)
    return refused('SIGV4_KEY_UNKNOWN', `Nobody here has the access key id ${clean(presented.accessKeyId)}.`)
  const token = checkToken(presented, credentials)
  if (token) return token
  const unsigned = unsignedHeader(headers, presented)
  if (unsigned) return refused('SIGV4_HEADER_UNSIGNED', `The header ${clean(unsigned)} is sent and not signed.`)
  const payload = checkPayload(request, headers, presented)
  if ('ok' in payload) return payload

  const signed = {
    method: request.method,
    path,
    query: presented.inQuery ? pairs.filter(([name]) => name !== 'X-Amz-Signature') : pairs,
    headers,
  }
  const canonical = canonicalRequest({ ...signed, signedHeaders: presented.signedHeaders, payloadHash: payload.hash })
  const scope = presented.scope.join('/')
  const expected = hmac(
    signingKey(credentials.secretAccessKey, scope),
    stringToSign(presented.amzDate, scope, canonical),
  )
  if (!timingSafeEqual(expected, Buffer.from(presented.signature, 'hex')))
    return {
      ...refused(
        'SIGV4_MISMATCH',
        'Key, scope and time are right; the signature is of another request, or made with another secret.',
      ),
      canonicalRequest: canonical,
    }
  return { ok: true, accessKeyId: presented.accessKeyId, canonicalRequest: canonical }
}

function checkClock(presented: PresentedSignature, day: string, options: VerifyOptions): Refused | undefined {
  const now = options.now?.() ?? Date.now()
  if (!presented.amzDate.startsWith(day))
    return refused('SIGV4_MALFORMED', 'The day of the scope is not the day of x-amz-date.')
  const ahead = Math.round((presented.at - now) / 1000)
  const skew = options.maxSkewS ?? 300
  if (presented.expiresS === undefined && Math.abs(ahead) > skew)
    return refused(
      'SIGV4_CLOCK_SKEW',
      `It was signed ${Math.abs(ahead)} s in the ${ahead > 0 ? 'future' : 'past'}; ${skew} s are allowed.`,
    )
  if (presented.expiresS === undefined) return undefined
  if (ahead > skew) return refused('SIGV4_CLOCK_SKEW', `It was signed ${ahead} s in the future; ${skew} s are allowed.`)
  if (-ahead > presented.expiresS)
    return refused('SIGV4_EXPIRED', `It was good for ${presented.expiresS} s and is ${-ahead} s old.`)
  return undefined
}

function checkToken(presented: PresentedSignature, credentials: Credentials): Refused | undefined {
  const [given, known] = [presented.sessionToken, credentials.sessionToken]
  if (given === undefined && known === undefined) return undefined
  if (given === undefined)
    return refused('SIGV4_SESSION_TOKEN', 'The key is temporary, and x-amz-security-token is missing.')
  if (known === undefined)
    return refused('SIGV4_SESSION_TOKEN', 'The key is not temporary, and x-amz-security-token is sent.')
  const [a, b] = [Buffer.from(given), Buffer.from(known)]
  return a.length === b.length && timingSafeEqual(a, b)
    ? undefined
    : refused('SIGV4_SESSION_TOKEN', 'x-amz-security-token is not the one that belongs to the key.')
}

function unsignedHeader(headers: ReadonlyMap<string, string>, presented: PresentedSignature): string | undefined {
  if (!presented.signedHeaders.includes('host')) return 'host'
  return [...headers.keys()].find((name) => name.startsWith('x-amz-') && !presented.signedHeaders.includes(name))
}

/** @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html (Lambda takes no unsigned payloads) */
function checkPayload(
  request: SigningRequest,
  headers: ReadonlyMap<string, string>,
  presented: PresentedSignature,
): { hash: string } | Refused {
  const said = headers.get('x-amz-content-sha256')
  if (said === 'UNSIGNED-PAYLOAD' || said?.startsWith('STREAMING-'))
    return refused('SIGV4_UNSIGNED_PAYLOAD', 'The body is not signed; its SHA-256 must be.')
  const hash = sha256(request.body)
  if (said !== undefined && said !== hash)
    return refused('SIGV4_BODY_CHANGED', 'x-amz-content-sha256 is not the hash of the body that arrived.')
  if (presented.inQuery && said === undefined && request.body.byteLength > 0 && request.method === 'GET')
    return refused('SIGV4_BODY_CHANGED', 'A presigned GET has no body.')
  return { hash }
}

function refused(reason: SigV4Refusal, why: string): Refused {
  return { ok: false, reason, why }
}

/** What a client sent goes into a log line. */
function clean(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 128)
}
