import { createHash } from 'node:crypto'
import type { Decision } from '../aws/permissions.ts'
import type { SessionProcess } from '../http/note.ts'
import type { KeptRequest } from './kept.ts'
import { maskBody, maskHeaders, maskTarget } from './mask.ts'

/** A request and its answer as they were on the wire: what a kept request is made of. */
export interface Wire {
  target: string
  rawHeaders: readonly string[]
  /** As much of it as there is at hand. */
  body: Uint8Array | undefined
  answer?: { headers: readonly string[]; body?: string }
}

/** What is known of a request beside its bytes. */
export type Facts = Pick<KeptRequest, 'id' | 'at' | 'platform' | 'method' | 'status' | 'ms'> & {
  requestBytes: number
  principal?: string
  call?: string
  code?: string
  why?: string
  policies?: readonly string[]
  decision?: Decision
  process?: SessionProcess
}

/** How much of a body is kept. What was refused is kept longer: its bytes may be the cause. */
const caps = { accepted: 4 * 1024, refused: 256 * 1024, answer: 4 * 1024 } as const

/** Makes what is kept of a request: one line of JSON. Secrets are masked, the body is capped. */
export function keptLine(facts: Facts, wire: Wire): string {
  const refused = facts.status >= 400 || facts.code !== undefined
  const { requestBytes, ...rest } = facts
  const kept: KeptRequest = {
    ...rest,
    target: maskTarget(wire.target),
    headers: maskHeaders(wire.rawHeaders),
    bodyBytes: requestBytes,
    ...bodyOf(wire, requestBytes, refused ? caps.refused : caps.accepted),
    ...(refused && wire.body?.byteLength === requestBytes ? { bodySha256: sha256(wire.body) } : {}),
    ...(refused && wire.answer ? { answer: answerOf(wire.answer) } : {}),
  }
  return JSON.stringify(kept)
}

function bodyOf({ body, rawHeaders }: Wire, bytes: number, cap: number): Partial<KeptRequest> {
  if (!body || bytes === 0) return bytes === 0 ? {} : { altered: true }
  const cut = body.byteLength > cap || body.byteLength < bytes
  const part = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, cap))
  const text = part.toString('utf8')
  // What is no text would come back as other bytes.
  if (!cut && text.includes('\ufffd') && !part.equals(Buffer.from(text)))
    return { body: part.toString('base64'), base64: true }
  const shown = maskBody(text, contentType(rawHeaders))
  return { body: shown, ...(cut || shown !== text ? { altered: true } : {}) }
}

function answerOf({ headers, body }: NonNullable<Wire['answer']>): NonNullable<KeptRequest['answer']> {
  return { headers: maskHeaders(headers), ...(body === undefined ? {} : { body: body.slice(0, caps.answer) }) }
}

function contentType(raw: readonly string[]): string {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at]!.toLowerCase() === 'content-type') return raw[at + 1]!
  return ''
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
