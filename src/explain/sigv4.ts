import {
  canonicalHeaders,
  canonicalPath,
  canonicalQuery,
  parseQuery,
  sha256,
  splitTarget,
} from '../auth/sigv4/canonical.ts'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import { readAuthorization } from '../auth/sigv4/presented.ts'
import { causes, type CauseId } from './sigv4-causes.ts'
import { patches } from './sigv4-hypotheses.ts'
import type { Patch, Signing } from './sigv4-signing.ts'
import { queryWithToken, withToken, withWholeQuery, withWholeSignature } from './sigv4-kept.ts'
import { matches, patched, search } from './sigv4-search.ts'
import { differing, hidden, steps } from './sigv4-steps.ts'
import { visible } from './sigv4-visible.ts'

/** A request as it came, or as it was kept: then its signature is cut short and its session token is a hash. */
export interface SignedRequest {
  method: string
  target: string
  rawHeaders: readonly string[]
  /** Absent when it is not at hand; then `bodySha256` may be. */
  body?: Uint8Array
  bodySha256?: string
  /** When it came, in milliseconds since 1970. */
  at: number
}

export interface ExplainSigv4Options {
  service: string
  region: string
  /** Every key that the endpoint knows. */
  keys: readonly Credentials[]
  /** Names under which the endpoint is known, with ports. */
  hosts?: readonly string[]
  maxSkewS?: number
}

export interface Sigv4Explanation {
  accepted: boolean
  /** What is wrong, in the order in which the server looks. Empty when it is accepted. */
  causes: CauseId[]
  /**
   * `proved`: with the causes undone the signature verifies, so nothing else is wrong. `seen`: the server sees it without a
   * calculation, and what else may be wrong cannot be calculated. `rest`: all that can be checked matches.
   */
  certainty: 'proved' | 'seen' | 'rest'
  /** What came and what was expected, by cause, where there is more to say than its name. */
  details: Partial<Record<CauseId, string>>
  /** The first line in which the two canonical requests differ. */
  difference?: { line: number; of: number; what: string; client: string; server: string }
  accessKeyId?: string
  scope?: string
  /** The calculation of the server, secrets masked. */
  steps: { name: string; text: string }[]
}

/**
 * Explains a signature: recomputes it as the server does and, where that fails, under each known fault and each two of them
 * until one matches, which proves the cause. Secrets and session tokens appear in nothing that it returns.
 */
export function explainSigv4(request: SignedRequest, options: ExplainSigv4Options): Sigv4Explanation {
  const { path, query } = splitTarget(request.target)
  const rawHeaders = withWholeSignature(request.rawHeaders)
  const headers = canonicalHeaders(rawHeaders)
  const pairs = parseQuery(query)
  const presented = readAuthorization(rawHeaders, headers, withWholeQuery(pairs))
  if ('reason' in presented) {
    const sent = headers.get('authorization')
    const missing: CauseId = sent !== undefined && /^(Bearer|DPoP)\b/i.test(sent) ? 'token-for-iam' : 'not-signed'
    const cause = presented.reason === 'SIGV4_MISSING' ? missing : 'unreadable'
    return { accepted: false, causes: [cause], certainty: 'seen', details: { [cause]: presented.why }, steps: [] }
  }
  const seen = visible(request, { headers, presented, options })
  const key = options.keys.find(({ accessKeyId }) => accessKeyId === presented.accessKeyId)
  const base = { accessKeyId: presented.accessKeyId, scope: presented.scope.join('/') }
  const others = options.keys.filter((each) => each !== key).map(({ secretAccessKey }) => secretAccessKey)
  const said = headers.get('x-amz-content-sha256')
  const bodyHash = request.body ? sha256(request.body) : request.bodySha256
  // A temporary key's token is kept as a hash: where that is the right one, the token itself goes into the calculation.
  const whole = withToken(headers, options.keys)
  const signed: Signing = {
    method: request.method,
    uri: canonicalPath(path),
    query: canonicalQuery(
      presented.inQuery ? queryWithToken(pairs, key).filter(([name]) => name !== 'X-Amz-Signature') : pairs,
    ),
    headers: whole,
    signedHeaders: presented.signedHeaders,
    payloadHash: said ?? bodyHash ?? '',
    amzDate: presented.amzDate,
    scope: base.scope,
    keyScope: base.scope,
    secret: key?.secretAccessKey ?? '',
  }
  // Without its hash nobody knows what the body was.
  const unsure: Partial<Record<CauseId, string>> =
    said === undefined && request.body?.byteLength !== 0
      ? {
          'wrong-secret':
            'Or the body was changed: the client sent no hash of it (x-amz-content-sha256), so the two cannot be told apart.',
        }
      : {}
  const explain = (found: readonly Patch[] | undefined): Sigv4Explanation => {
    const ids = [...seen.map(({ cause }) => cause), ...(found ?? []).map(({ cause }) => cause)]
    const list = [...new Set(ids)]
    const rest = found === undefined && list.length === 0
    const client = found ? patched(signed, found) : signed
    const server = { ...signed, payloadHash: bodyHash ?? signed.payloadHash }
    const difference = differing(client, server)
    return {
      ...base,
      accepted: list.length === 0 && !rest,
      causes: rest ? ['wrong-secret'] : list,
      certainty: found ? 'proved' : rest ? 'rest' : 'seen',
      details: {
        ...Object.fromEntries(seen.flatMap(({ cause, detail }) => (detail ? [[cause, detail]] : []))),
        ...(rest ? unsure : {}),
      },
      ...(found && difference ? { difference: hidden(difference, options.keys) } : {}),
      steps: steps(found?.length === 0 ? signed : server, presented, { key, keys: options.keys }),
    }
  }
  if (!key) {
    const owner = options.keys.find(({ secretAccessKey }) => matches({ ...signed, secret: secretAccessKey }, presented))
    return owner ? explain([]) : explain(undefined)
  }
  if (matches(signed, presented)) return explain([])
  // A token that only its hash is left of cannot be calculated with.
  if (
    [...whole.values()].some((value) => value.startsWith('sha256:')) &&
    presented.signedHeaders.includes('x-amz-security-token')
  )
    return explain(undefined)
  const all = patches({
    method: request.method,
    target: request.target,
    rawHeaders,
    ...(request.body ? { body: request.body } : {}),
    signed,
    otherSecrets: others,
    hosts: options.hosts ?? [],
  })
  return explain(search(signed, presented, all))
}

export function causeText(id: CauseId): { why: string; fix: string } {
  const [why, fix] = causes[id]
  return { why, fix }
}
