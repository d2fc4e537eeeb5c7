import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import {
  algorithm,
  canonicalHeaders,
  canonicalRequest,
  parseQuery,
  sha256,
  splitTarget,
  type SigningRequest,
} from './canonical.ts'
import type { Credentials } from './credentials.ts'

export interface SignOptions {
  service: string
  region: string
  now?: () => Date
}

/**
 * Signs a request with AWS Signature Version 4 and returns the headers to add, `authorization` among them.
 * `host` must be among the request's headers. Signs host, content-type and every x-amz-*; what a hop may change is left out.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function sign(request: SigningRequest, credentials: Credentials, options: SignOptions): Record<string, string> {
  const amzDate = (options.now?.() ?? new Date()).toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
  const payloadHash = sha256(request.body)
  const added: Record<string, string> = {
    'x-amz-date': amzDate,
    'x-amz-content-sha256': payloadHash,
    ...(credentials.sessionToken ? { 'x-amz-security-token': credentials.sessionToken } : {}),
  }
  const headers = canonicalHeaders([...request.rawHeaders, ...Object.entries(added).flat()])
  const signedHeaders = [...headers.keys()]
    .filter((name) => name === 'host' || name === 'content-type' || name.startsWith('x-amz-'))
    .toSorted()
  const { path, query } = splitTarget(request.target)
  const canonical = canonicalRequest({
    method: request.method,
    path,
    query: parseQuery(query),
    headers,
    signedHeaders,
    payloadHash,
  })
  const scope = `${amzDate.slice(0, 8)}/${options.region}/${options.service}/aws4_request`
  const signature = hmac(
    signingKey(credentials.secretAccessKey, scope),
    stringToSign(amzDate, scope, canonical),
  ).toString('hex')
  const authorization = `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
  return { ...added, authorization }
}

export function stringToSign(amzDate: string, scope: string, canonical: string): string {
  return [algorithm, amzDate, scope, sha256(canonical)].join('\n')
}

const keys = new Map<string, KeyObject>()
const maxKeys = 256

/** Derives the signing key of a day, region and service, and keeps the last 256: as key objects, which Node hashes with in a fifth of the time. */
export function signingKey(secret: string, scope: string): KeyObject {
  const id = `${scope}\0${secret}`
  const known = keys.get(id)
  if (known) return known
  const bytes = scope.split('/').reduce<Buffer>((from, part) => hmac(from, part), Buffer.from(`AWS4${secret}`))
  const key = createSecretKey(bytes)
  if (keys.size >= maxKeys) keys.delete(keys.keys().next().value!)
  keys.set(id, key)
  return key
}

export function hmac(key: Buffer | KeyObject, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
