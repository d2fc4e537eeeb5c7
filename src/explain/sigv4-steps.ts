import { encode } from '../auth/sigv4/canonical.ts'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import type { PresentedSignature } from '../auth/sigv4/presented.ts'
import { stringToSign } from '../auth/sigv4/sign.ts'
import { hashOf, keptDigits, masked } from './mask.ts'
import { printable } from './printable.ts'
import type { Signing } from './sigv4-signing.ts'
import { canonicalOf, signatureOf } from './sigv4-search.ts'
import type { Sigv4Explanation } from './sigv4.ts'

export function differing(client: Signing, server: Signing): Sigv4Explanation['difference'] | undefined {
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
export function steps(
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
      text: `HMAC(HMAC(HMAC(HMAC("AWS4" + secret of ${printable(presented.accessKeyId)}, "${day}"), "${printable(region)}"), "${printable(service)}"), "aws4_request")`,
    },
    {
      name: 'signature',
      text: key
        ? `calculated ${signatureOf(signed).slice(0, keptDigits)}${masked}\npresented  ${presented.signature.slice(0, keptDigits)}${masked}`
        : `presented  ${presented.signature.slice(0, keptDigits)}${masked}`,
    },
  ]
}

export function hidden(
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
