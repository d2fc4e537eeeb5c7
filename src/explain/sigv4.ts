import { hash } from 'node:crypto'
import {
  algorithm,
  canonicalHeaders,
  canonicalPath,
  canonicalQuery,
  encode,
  parseQuery,
  sha256,
  splitTarget,
} from '../auth/sigv4/canonical.ts'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import { readAuthorization, type PresentedSignature } from '../auth/sigv4/presented.ts'
import { hmac, signingKey, stringToSign } from '../auth/sigv4/sign.ts'
import { hashOf, keptDigits, masked } from './mask.ts'
import { causes, type CauseId } from './sigv4-causes.ts'
import { patches, writtenAnew, type Patch, type Signing } from './sigv4-hypotheses.ts'

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

/** One change, or two of different parts. */
function search(signed: Signing, presented: PresentedSignature, all: readonly Patch[]): Patch[] | undefined {
  const one = all.find((patch) => matches(patched(signed, [patch]), presented))
  if (one) return [one]
  const common = all.filter((patch) => !patch.rare)
  const calculate = quick(signed, common)
  const wanted = presented.signature.slice(0, keptDigits)
  for (const [at, first] of common.entries())
    for (let next = at + 1; next < common.length; next++) {
      const second = common[next]!
      if (!sameParts(first, second) && calculate(first, second).startsWith(wanted)) return [first, second]
    }
  return undefined
}

/** The same calculation for thousands of pairs: what a pair has in common with others is made once. */
function quick(signed: Signing, all: readonly Patch[]): (first: Patch, second: Patch) => string {
  const blockOf = (patch: Patch[]) => headerBlock(patched(signed, patch))
  const blocks = new Map(all.filter(({ headers }) => headers).map((patch) => [patch, blockOf([patch])]))
  const plain = headerBlock(signed)
  const tail = `\n${signed.signedHeaders.join(';')}\n`
  return (first, second) => {
    const { method, uri, query, payloadHash, secret, keyScope } = { ...signed, ...first.set, ...second.set }
    const [a, b] = [blocks.get(first), blocks.get(second)]
    const block = a === undefined ? (b ?? plain) : b === undefined ? a : blockOf([first, second])
    const canonical = `${method}\n${uri}\n${query}\n${block}${tail}${payloadHash}`
    const text = `${algorithm}\n${signed.amzDate}\n${signed.scope}\n${hash('sha256', canonical)}`
    return hmac(signingKey(secret, keyScope), text).toString('hex')
  }
}

function sameParts(a: Patch, b: Patch): boolean {
  return (
    Object.keys(a.set).some((name) => name in b.set) ||
    Object.keys(a.headers ?? {}).some((name) => b.headers !== undefined && name in b.headers)
  )
}

function patched(signed: Signing, list: readonly Patch[]): Signing {
  let out = signed
  for (const { set, headers } of list) {
    out = { ...out, ...set }
    if (headers) out = { ...out, headers: new Map([...out.headers, ...Object.entries(headers)]) }
  }
  return out
}

function canonicalOf(signed: Signing): string {
  return `${signed.method}\n${signed.uri}\n${signed.query}\n${headerBlock(signed)}\n${signed.signedHeaders.join(';')}\n${signed.payloadHash}`
}

function headerBlock({ signedHeaders, headers }: Signing): string {
  return signedHeaders.map((name) => `${name}:${headers.get(name) ?? ''}\n`).join('')
}

function signatureOf(signed: Signing): string {
  const text = stringToSign(signed.amzDate, signed.scope, canonicalOf(signed))
  return hmac(signingKey(signed.secret, signed.keyScope), text).toString('hex')
}

/** What was kept of a signature is enough: 64 bits do not match by chance. */
function matches(signed: Signing, { signature }: PresentedSignature): boolean {
  return signatureOf(signed).slice(0, keptDigits) === signature.slice(0, keptDigits)
}

interface Seen {
  cause: CauseId
  detail?: string
}

/** What the server sees before it calculates. */
function visible(
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
    add('wrong-service', `Signed for ${shown(service)}; this endpoint is ${options.service}.`)
  if (region !== options.region) add('wrong-region', `Signed for ${shown(region)}; this endpoint is ${options.region}.`)
  const ahead = Math.round((presented.at - request.at) / 1000)
  const skew = options.maxSkewS ?? 300
  if (ahead > skew) add('clock-ahead', `Signed ${ahead} s in the future; ${skew} s are allowed.`)
  else if (presented.expiresS === undefined && -ahead > skew)
    add('clock-behind', `Signed ${-ahead} s ago; ${skew} s are allowed.`)
  else if (presented.expiresS !== undefined && -ahead > presented.expiresS)
    add('presign-expired', `Good for ${presented.expiresS} s, and ${-ahead} s old.`)
  const key = options.keys.find(({ accessKeyId }) => accessKeyId === presented.accessKeyId)
  if (!key) add('key-unknown', `The access key id ${shown(presented.accessKeyId)} is not known here.`)
  else seen.push(...tokenSeen(presented, key))
  const unsigned = [...headers.keys()].filter(
    (name) => name.startsWith('x-amz-') && !presented.signedHeaders.includes(name),
  )
  for (const name of unsigned)
    add(
      name === 'x-amz-security-token' ? 'session-token-unsigned' : 'header-unsigned',
      `${shown(name)} is sent and not signed.`,
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

/** Sixteen digits and an ellipsis become a signature that can be read. */
function withWholeSignature(raw: readonly string[]): string[] {
  return raw.map((text, at) =>
    at % 2 === 1 && text.endsWith(masked) && raw[at - 1]!.toLowerCase() === 'authorization'
      ? text.replace(
          /(Signature=)([0-9a-f]{0,64})…$/,
          (_, name: string, digits: string) => name + digits.padEnd(64, '0'),
        )
      : text,
  )
}

function withWholeQuery(pairs: readonly [string, string][]): [string, string][] {
  return pairs.map(([name, value]) =>
    name === 'X-Amz-Signature' && value.endsWith(masked) ? [name, value.slice(0, -1).padEnd(64, '0')] : [name, value],
  )
}

function withToken(headers: ReadonlyMap<string, string>, keys: readonly Credentials[]): Map<string, string> {
  const sent = headers.get('x-amz-security-token')
  const token = keys.find(
    ({ sessionToken }) => sessionToken !== undefined && hashOf(sessionToken) === sent,
  )?.sessionToken
  return new Map(token === undefined ? headers : [...headers, ['x-amz-security-token', token]])
}

function queryWithToken(pairs: readonly [string, string][], key: Credentials | undefined): [string, string][] {
  const token = key?.sessionToken
  return pairs.map(([name, value]) =>
    name === 'X-Amz-Security-Token' && token !== undefined && value === hashOf(token) ? [name, token] : [name, value],
  )
}

function differing(client: Signing, server: Signing): Sigv4Explanation['difference'] | undefined {
  const [a, b] = [canonicalOf(client).split('\n'), canonicalOf(server).split('\n')]
  const line = a.findIndex((text, at) => text !== b[at])
  if (line >= 0)
    return {
      line: line + 1,
      of: b.length,
      what: lineName(line, client),
      client: cut(a[line]!),
      server: cut(b[line] ?? ''),
    }
  return undefined
}

function lineName(line: number, { signedHeaders }: Signing): string {
  const header = signedHeaders[line - 3]
  if (line < 3) return ['method', 'path', 'query'][line]!
  if (header !== undefined) return `header ${header}`
  return line === signedHeaders.length + 4 ? 'signed headers' : 'payload hash'
}

/** The four steps, as the AWS page has them. */
function steps(
  signed: Signing,
  presented: PresentedSignature,
  { key, keys }: { key: Credentials | undefined; keys: readonly Credentials[] },
): Sigv4Explanation['steps'] {
  const canonical = canonicalOf(signed)
  const [day, region, service] = presented.scope as [string, string, string]
  return [
    { name: 'canonical request', text: hide(canonical, keys) },
    { name: 'string to sign', text: stringToSign(signed.amzDate, signed.scope, canonical) },
    {
      name: 'signing key',
      text: `HMAC(HMAC(HMAC(HMAC("AWS4" + secret of ${shown(presented.accessKeyId)}, "${day}"), "${shown(region)}"), "${shown(service)}"), "aws4_request")`,
    },
    {
      name: 'signature',
      text: key
        ? `calculated ${signatureOf(signed).slice(0, keptDigits)}${masked}\npresented  ${presented.signature.slice(0, keptDigits)}${masked}`
        : `presented  ${presented.signature.slice(0, keptDigits)}${masked}`,
    },
  ]
}

function hidden(
  difference: NonNullable<Sigv4Explanation['difference']>,
  keys: readonly Credentials[],
): NonNullable<Sigv4Explanation['difference']> {
  return { ...difference, client: hide(difference.client, keys), server: hide(difference.server, keys) }
}

function hide(text: string, keys: readonly Credentials[]): string {
  const tokens = keys.flatMap(({ sessionToken }) => sessionToken ?? [])
  const shownText = tokens.reduce(
    (all, token) => all.replaceAll(token, hashOf(token)).replaceAll(encode(token), encode(hashOf(token))),
    text,
  )
  return shownText.replaceAll(/^(cookie|x-api-key|proxy-authorization):.+$/gm, `$1:${masked}`)
}

function cut(line: string): string {
  return line.length > 400 ? `${line.slice(0, 400)}${masked}` : line
}

/** What a client sent goes to a terminal. */
function shown(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 128)
}

export function causeText(id: CauseId): { why: string; fix: string } {
  const [why, fix] = causes[id]
  return { why, fix }
}
