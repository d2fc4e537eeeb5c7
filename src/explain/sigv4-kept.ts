import type { Credentials } from '../auth/sigv4/credentials.ts'
import { hashOf, masked } from './mask.ts'

/** Sixteen digits and an ellipsis become a signature that can be read. */
export function withWholeSignature(raw: readonly string[]): string[] {
  return raw.map((text, at) =>
    at % 2 === 1 && text.endsWith(masked) && raw[at - 1]!.toLowerCase() === 'authorization'
      ? text.replace(
          /(Signature=)([0-9a-f]{0,64})…$/,
          (_, name: string, digits: string) => name + digits.padEnd(64, '0'),
        )
      : text,
  )
}

export function withWholeQuery(pairs: readonly [string, string][]): [string, string][] {
  return pairs.map(([name, value]) =>
    name === 'X-Amz-Signature' && value.endsWith(masked) ? [name, value.slice(0, -1).padEnd(64, '0')] : [name, value],
  )
}

export function withToken(headers: ReadonlyMap<string, string>, keys: readonly Credentials[]): Map<string, string> {
  const sent = headers.get('x-amz-security-token')
  const token = keys.find(
    ({ sessionToken }) => sessionToken !== undefined && hashOf(sessionToken) === sent,
  )?.sessionToken
  return new Map(token === undefined ? headers : [...headers, ['x-amz-security-token', token]])
}

export function queryWithToken(pairs: readonly [string, string][], key: Credentials | undefined): [string, string][] {
  const token = key?.sessionToken
  return pairs.map(([name, value]) =>
    name === 'X-Amz-Security-Token' && token !== undefined && value === hashOf(token) ? [name, token] : [name, value],
  )
}
