import { sha256 } from '../auth/sigv4/canonical.ts'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import type { PresentedSignature } from '../auth/sigv4/presented.ts'
import { hashOf } from './mask.ts'
import { printable } from './printable.ts'
import type { CauseId } from './sigv4-causes.ts'
import type { ExplainSigv4Options, SignedRequest } from './sigv4.ts'
import { writtenAnew } from './written-anew.ts'

export interface Seen {
  cause: CauseId
  detail?: string
}

/** What the server sees before it calculates. */
export function visible(
  request: SignedRequest,
  {
    headers,
    presented,
    options,
  }: { headers: ReadonlyMap<string, string>; presented: PresentedSignature; options: ExplainSigv4Options },
): Seen[] {
  const [, region, service] = presented.scope as [string, string, string]
  const seen: Seen[] = []
  const add = (cause: CauseId, detail?: string) => seen.push(detail === undefined ? { cause } : { cause, detail })
  if (service !== options.service)
    add('wrong-service', `Signed for ${printable(service)}; this endpoint is ${options.service}.`)
  if (region !== options.region)
    add('wrong-region', `Signed for ${printable(region)}; this endpoint is ${options.region}.`)
  const ahead = Math.round((presented.at - request.at) / 1000)
  const skew = options.maxSkewS ?? 300
  if (ahead > skew) add('clock-ahead', `Signed ${ahead} s in the future; ${skew} s are allowed.`)
  else if (presented.expiresS === undefined && -ahead > skew)
    add('clock-behind', `Signed ${-ahead} s ago; ${skew} s are allowed.`)
  else if (presented.expiresS !== undefined && -ahead > presented.expiresS)
    add('presign-expired', `Good for ${presented.expiresS} s, and ${-ahead} s old.`)
  const key = options.keys.find(({ accessKeyId }) => accessKeyId === presented.accessKeyId)
  if (!key) add('key-unknown', `The access key id ${printable(presented.accessKeyId)} is not known here.`)
  else seen.push(...tokenSeen(presented, key))
  const unsigned = [...headers.keys()].filter(
    (name) => name.startsWith('x-amz-') && !presented.signedHeaders.includes(name),
  )
  for (const name of unsigned)
    add(
      name === 'x-amz-security-token' ? 'session-token-unsigned' : 'header-unsigned',
      `${printable(name)} is sent and not signed.`,
    )
  if (!presented.signedHeaders.includes('host')) add('header-unsigned', 'host is not signed.')
  const said = headers.get('x-amz-content-sha256')
  const bodyHash = request.body ? sha256(request.body) : request.bodySha256
  if (said === 'UNSIGNED-PAYLOAD' || said?.startsWith('STREAMING-')) add('unsigned-payload')
  else if (said !== undefined && bodyHash !== undefined && said !== bodyHash) seen.push(bodySeen(request, said))
  return seen
}

/** The hash that was signed says what the body was, when it is one that we can write again. */
function bodySeen({ body }: SignedRequest, said: string): Seen {
  const empty = said === sha256('')
  if (empty) return { cause: 'body-not-hashed', detail: 'x-amz-content-sha256 is the hash of no body at all.' }
  const candidates = body ? writtenAnew(body) : []
  return candidates.some((text) => sha256(text) === said)
    ? { cause: 'body-reserialised', detail: 'The same JSON, written otherwise, has the hash that was signed.' }
    : { cause: 'body-changed', detail: 'x-amz-content-sha256 is not the hash of the body that arrived.' }
}

function tokenSeen({ sessionToken }: PresentedSignature, key: Credentials): Seen[] {
  if (sessionToken === undefined) return key.sessionToken === undefined ? [] : [{ cause: 'session-token-missing' }]
  if (key.sessionToken === undefined) return [{ cause: 'session-token-superfluous' }]
  const same = sessionToken === key.sessionToken || sessionToken === hashOf(key.sessionToken)
  return same ? [] : [{ cause: 'session-token-wrong' }]
}
