import {
  algorithm,
  canonicalHeaders,
  canonicalPath,
  canonicalQuery,
  encode,
  sha256,
} from '../../auth/sigv4/canonical.ts'
import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { hmac, signingKey, stringToSign } from '../../auth/sigv4/sign.ts'
import { LightRequest } from '../../http/light-request.ts'
import {
  add,
  pairsOf,
  pathOf,
  queried,
  without,
  type Client,
  type Draft,
  type Parts,
  type SignatureFault,
} from './signature-fault.ts'
import { signatureFaults, type SignatureFaultName } from './signatures.ts'

/**
 * Signs a request again as a client with these faults would have, and changes it as their hops would. A request that is not
 * signed with a known key is left as it is.
 */
export function breakSignature(
  request: LightRequest,
  names: readonly SignatureFaultName[],
  endpoint: { service: string; region: string; keys: readonly Credentials[]; now?: number },
): LightRequest {
  const id = /Credential=([^/,]+)\//.exec(request.headers.get('authorization') ?? '')?.[1]
  const key = endpoint.keys.find(({ accessKeyId }) => accessKeyId === id)
  if (!key) return request
  const chosen: SignatureFault[] = names.map((name) => signatureFaults[name])
  const others = endpoint.keys.filter((each) => each !== key)
  const { service, region, now = Date.now() } = endpoint
  const client = chosen.reduce<Client>((so, { client: as }) => as?.(so, others) ?? so, { ...key, service, region, now })
  const bare = ['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'].reduce(without, {
    method: request.method,
    target: request.target,
    rawHeaders: request.rawHeaders,
    body: request.bytes,
  })
  const wire = chosen.reduce((parts, { wire: prepare }) => prepare?.(parts) ?? parts, bare)
  const signed = signedBy(wire, client, chosen)
  const sent = chosen.reduce((parts, { sends }) => sends?.(parts) ?? parts, signed)
  return new LightRequest({
    method: sent.method,
    origin: new URL(request.url).origin,
    target: sent.target,
    rawHeaders: sent.rawHeaders,
    bytes: sent.body,
    signal: request.signal,
  })
}

function signedBy(parts: Parts, client: Client, chosen: readonly SignatureFault[]): Parts {
  const amzDate = new Date(client.now).toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
  const scope = `${amzDate.slice(0, 8)}/${client.region}/${client.service}/aws4_request`
  const presigned = client.presignS !== undefined
  const payloadHash = sha256(parts.body)
  const own: [string, string][] = presigned
    ? []
    : [
        ['x-amz-date', amzDate],
        ['x-amz-content-sha256', payloadHash],
        ...(client.sessionToken ? [['x-amz-security-token', client.sessionToken] as [string, string]] : []),
      ]
  const withOwn = own.reduce((so, [name, value]) => add(so, name, value), parts)
  const headers = canonicalHeaders(withOwn.rawHeaders)
  const signedHeaders = [...headers.keys()]
    .filter((name) => name === 'host' || name === 'content-type' || name.startsWith('x-amz-'))
    .toSorted()
  const inQuery: [string, string][] = presigned
    ? [
        ['X-Amz-Algorithm', algorithm],
        ['X-Amz-Credential', `${client.accessKeyId}/${scope}`],
        ['X-Amz-Date', amzDate],
        ['X-Amz-Expires', String(client.presignS)],
        ['X-Amz-SignedHeaders', signedHeaders.join(';')],
        ...(client.sessionToken ? [['X-Amz-Security-Token', client.sessionToken] as [string, string]] : []),
      ]
    : []
  const draft: Draft = {
    method: parts.method,
    uri: canonicalPath(pathOf(parts)),
    query: canonicalQuery([...pairsOf(parts), ...inQuery]),
    headers,
    signedHeaders,
    payloadHash,
    keyScope: scope,
    secret: client.secretAccessKey,
  }
  const final = chosen.reduce((so, { signs }) => ({ ...so, ...signs?.(so, withOwn) }), draft)
  const lines = final.signedHeaders.map((name) => `${name}:${final.headers.get(name) ?? ''}\n`).join('')
  const canonical = [
    final.method,
    final.uri,
    final.query,
    lines,
    final.signedHeaders.join(';'),
    final.payloadHash,
  ].join('\n')
  const signature = hmac(signingKey(final.secret, final.keyScope), stringToSign(amzDate, scope, canonical)).toString(
    'hex',
  )
  if (presigned) {
    const query = [...inQuery, ['X-Amz-Signature', signature] as const].map(
      ([name, value]) => `${name}=${encode(value)}`,
    )
    return queried(() => query.join('&'))(withOwn)
  }
  return add(
    withOwn,
    'authorization',
    `${algorithm} Credential=${client.accessKeyId}/${scope}, SignedHeaders=${final.signedHeaders.join(';')}, Signature=${signature}`,
  )
}
