import { algorithm } from './canonical.ts'

/** A signature as a request presents it. */
export interface PresentedSignature {
  accessKeyId: string
  /** Day, region, service, `aws4_request`. */
  scope: string[]
  signedHeaders: string[]
  /** 64 hexadecimal digits. */
  signature: string
  amzDate: string
  /** `amzDate` in milliseconds since 1970. */
  at: number
  sessionToken?: string
  /** Of a presigned URL. */
  expiresS?: number
  inQuery: boolean
}

interface Unreadable {
  reason: 'SIGV4_MISSING' | 'SIGV4_MALFORMED'
  why: string
}

/** Reads the signature from the Authorization header, or else from the query. */
export function readAuthorization(
  raw: readonly string[],
  headers: ReadonlyMap<string, string>,
  query: readonly [string, string][],
): PresentedSignature | Unreadable {
  const sent = raw.filter((_, at) => at % 2 === 0 && raw[at]!.toLowerCase() === 'authorization').length
  if (sent > 1) return malformed('There is more than one Authorization header.')
  const header = headers.get('authorization')
  const inQuery = query.some(([name]) => name === 'X-Amz-Signature')
  if (header !== undefined && inQuery) return malformed('There is a signature in the header and one in the query.')
  if (header !== undefined) return fromHeader(header, headers)
  if (inQuery) return fromQuery(query)
  return { reason: 'SIGV4_MISSING', why: 'The request is not signed: it has no Authorization header.' }
}

function fromHeader(header: string, headers: ReadonlyMap<string, string>): PresentedSignature | Unreadable {
  if (!header.startsWith(`${algorithm} `))
    return {
      reason: 'SIGV4_MISSING',
      why: `The Authorization header is ${
        header
          .split(' ')[0]!
          .replaceAll(/[^A-Za-z0-9-]/g, '')
          .slice(0, 32) || 'empty'
      }, not ${algorithm}.`,
    }
  const parts = new Map(
    header
      .slice(algorithm.length + 1)
      .split(',')
      .map((part) => part.trim().split('=', 2) as [string, string]),
  )
  return assemble({
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    amzDate: headers.get('x-amz-date'),
    sessionToken: headers.get('x-amz-security-token'),
    inQuery: false,
  })
}

function fromQuery(query: readonly [string, string][]): PresentedSignature | Unreadable {
  const named = new Map(query)
  const repeated =
    query.filter(([name]) => name.startsWith('X-Amz-')).length !==
    [...named.keys()].filter((name) => name.startsWith('X-Amz-')).length
  if (repeated) return malformed('A parameter of the presigned URL is there twice.')
  if (named.get('X-Amz-Algorithm') !== algorithm) return malformed(`X-Amz-Algorithm is not ${algorithm}.`)
  const expires = named.get('X-Amz-Expires') ?? ''
  // A presigned URL is good for a week at most.
  if (!/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > 604_800)
    return malformed('X-Amz-Expires is not a number from 1 to 604800.')
  return assemble({
    credential: named.get('X-Amz-Credential'),
    signedHeaders: named.get('X-Amz-SignedHeaders'),
    signature: named.get('X-Amz-Signature'),
    amzDate: named.get('X-Amz-Date'),
    sessionToken: named.get('X-Amz-Security-Token'),
    expiresS: Number(expires),
    inQuery: true,
  })
}

function assemble(parts: {
  credential: string | undefined
  signedHeaders: string | undefined
  signature: string | undefined
  amzDate: string | undefined
  sessionToken: string | undefined
  expiresS?: number
  inQuery: boolean
}): PresentedSignature | Unreadable {
  const [accessKeyId = '', ...scope] = (parts.credential ?? '').split('/')
  if (accessKeyId === '' || scope.length !== 4 || scope[3] !== 'aws4_request')
    return malformed('Credential is not KEY/DAY/REGION/SERVICE/aws4_request.')
  if (!/^[0-9a-f]{64}$/.test(parts.signature ?? '')) return malformed('Signature is not 64 hexadecimal digits.')
  const signedHeaders = (parts.signedHeaders ?? '').split(';')
  if (
    signedHeaders.some(
      (name, at) => name === '' || name !== name.toLowerCase() || (at > 0 && name <= signedHeaders[at - 1]!),
    )
  )
    return malformed('SignedHeaders is not a sorted list of lower-case names.')
  const at = timeOf(parts.amzDate ?? '')
  if (at === undefined) return malformed('x-amz-date is missing or is not of the form 20261122T100000Z.')
  return {
    accessKeyId,
    scope,
    signedHeaders,
    signature: parts.signature!,
    amzDate: parts.amzDate!,
    at,
    inQuery: parts.inQuery,
    ...(parts.sessionToken === undefined ? {} : { sessionToken: parts.sessionToken }),
    ...(parts.expiresS === undefined ? {} : { expiresS: parts.expiresS }),
  }
}

function timeOf(amzDate: string): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(amzDate)
  if (!parts) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function malformed(why: string): Unreadable {
  return { reason: 'SIGV4_MALFORMED', why }
}
