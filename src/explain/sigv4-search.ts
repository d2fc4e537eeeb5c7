import { hash } from 'node:crypto'
import { algorithm } from '../auth/sigv4/canonical.ts'
import type { PresentedSignature } from '../auth/sigv4/presented.ts'
import { hmac, signingKey, stringToSign } from '../auth/sigv4/sign.ts'
import { keptDigits } from './mask.ts'
import type { Patch, Signing } from './sigv4-signing.ts'

/** One change, or two of different parts. */
export function search(signed: Signing, presented: PresentedSignature, all: readonly Patch[]): Patch[] | undefined {
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

/** What is signed as these changes have it. */
export function patched(signed: Signing, list: readonly Patch[]): Signing {
  let out = signed
  for (const { set, headers } of list) {
    out = { ...out, ...set }
    if (headers) out = { ...out, headers: new Map([...out.headers, ...Object.entries(headers)]) }
  }
  return out
}

export function canonicalOf(signed: Signing): string {
  return `${signed.method}\n${signed.uri}\n${signed.query}\n${headerBlock(signed)}\n${signed.signedHeaders.join(';')}\n${signed.payloadHash}`
}

function headerBlock({ signedHeaders, headers }: Signing): string {
  return signedHeaders.map((name) => `${name}:${headers.get(name) ?? ''}\n`).join('')
}

export function signatureOf(signed: Signing): string {
  const text = stringToSign(signed.amzDate, signed.scope, canonicalOf(signed))
  return hmac(signingKey(signed.secret, signed.keyScope), text).toString('hex')
}

/** What was kept of a signature is enough: 64 bits do not match by chance. */
export function matches(signed: Signing, { signature }: PresentedSignature): boolean {
  return signatureOf(signed).slice(0, keptDigits) === signature.slice(0, keptDigits)
}
