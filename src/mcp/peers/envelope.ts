import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { RequestContext } from '../../http/fetch-handler.ts'

/** A client's request, as the task that it reached sends it on. The client's token is not part of it. */
export interface ForwardedCall {
  method: string
  target: string
  headers: Record<string, string>
  context: RequestContext
}

/** What one task sends to another; the body of the request is covered by its hash. */
export interface Envelope {
  to: string
  nonce: string
  /** Milliseconds since 1970. */
  at: number
  sha256: string
  /** Absent: the body has events of the bus. */
  call?: ForwardedCall
}

/** The header that has the envelope and its authentication code. */
export const envelopeHeader = 'x-fairlead-peer'

/** How far the clocks of two tasks may be apart. */
export const maxSkewMs = 30_000

/** Larger ones are not sent: a header has its limit. */
export const maxEnvelopeLength = 12_000

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

/** Writes an envelope with its HMAC-SHA256. */
export function sealEnvelope(key: Uint8Array, envelope: Envelope): string {
  const text = Buffer.from(JSON.stringify(envelope)).toString('base64url')
  return `${text}.${codeOf(key, text).toString('base64url')}`
}

/** Opens an envelope that was made with the same key, for this task, now; undefined for any other. */
export function openEnvelope(
  key: Uint8Array,
  sealed: string | null,
  expected: { to: string; now: number },
): Envelope | undefined {
  const [text, code] = sealed?.split('.') ?? []
  if (!text || !code) return undefined
  const given = Buffer.from(code, 'base64url')
  const right = codeOf(key, text)
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
  const envelope = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Envelope
  if (envelope.to !== expected.to || Math.abs(expected.now - envelope.at) > maxSkewMs) return undefined
  return envelope
}

function codeOf(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
