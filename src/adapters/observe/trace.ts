import { randomBytes } from 'node:crypto'

/** Where a request stands in a trace. */
export interface TraceContext {
  traceId: string
  spanId: string
  sampled: boolean
}

/** Reads a `traceparent`. @see https://www.w3.org/TR/trace-context/#traceparent-header */
export function readTraceparent(text: unknown): TraceContext | undefined {
  if (typeof text !== 'string' || text.length > 200) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text) ?? []
  const valid = version !== undefined && version !== 'ff' && (version !== '00' || more === undefined)
  if (!valid || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/**
 * Reads AWS's own header; `Parent` is not always there.
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function readAmznTraceId(
  text: string | null,
): { traceId: string; spanId?: string; sampled?: boolean } | undefined {
  const [, seconds, rest] = /(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})/.exec(text ?? '') ?? []
  if (seconds === undefined || rest === undefined) return undefined
  const spanId = /(?:^|;)\s*Parent=([0-9a-f]{16})/.exec(text!)?.[1]
  const sampled = /(?:^|;)\s*Sampled=([01])/.exec(text!)?.[1]
  return {
    traceId: seconds + rest,
    ...(spanId === undefined ? {} : { spanId }),
    ...(sampled === undefined ? {} : { sampled: sampled === '1' }),
  }
}

export function newTraceId(): string {
  return randomHex(16)
}

export function newSpanId(): string {
  return randomHex(8)
}

let pool = Buffer.alloc(0)
let used = 0

/** From a pool: asking for random bytes costs more than many a tool. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    pool = randomBytes(4096)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}
