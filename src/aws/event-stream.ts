import { crc32 } from 'node:zlib'

/** One message of an event stream. */
export interface EventMessage {
  /** `:event-type`, or `:exception-type`. */
  type: string
  isException: boolean
  payload: Buffer
}

const maxMessageBytes = 32 * 1024 * 1024

/**
 * Reads the messages of an event stream as they arrive. Throws when a checksum is wrong or the stream ends within one.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the format of application/vnd.amazon.eventstream)
 */
export async function* readEventStream(body: AsyncIterable<Uint8Array>): AsyncGenerator<EventMessage> {
  let held = Buffer.alloc(0)
  for await (const chunk of body) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk])
    while (held.length >= 12) {
      const total = held.readUInt32BE(0)
      if (total < 16 || total > maxMessageBytes || crc32(held.subarray(0, 8)) !== held.readUInt32BE(8))
        throw new Error('the event stream is damaged')
      if (held.length < total) break
      yield messageIn(held.subarray(0, total))
      held = held.subarray(total)
    }
  }
  if (held.length > 0) throw new Error('the event stream ends within a message')
}

function messageIn(bytes: Buffer): EventMessage {
  const end = bytes.length - 4
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) throw new Error('the event stream is damaged')
  const headersEnd = 12 + bytes.readUInt32BE(4)
  const headers = headersIn(bytes.subarray(12, headersEnd))
  const exception = headers.get(':exception-type') ?? headers.get(':error-code')
  return {
    type: exception ?? headers.get(':event-type') ?? '',
    isException: exception !== undefined,
    payload: bytes.subarray(headersEnd, end),
  }
}

const stringType = 7

/** Lambda sends headers of text alone. */
function headersIn(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 1 + bytes[at]!
    if (bytes[nameEnd] !== stringType) throw new Error('the event stream has a header that is not text')
    const valueAt = nameEnd + 3
    const valueEnd = valueAt + bytes.readUInt16BE(nameEnd + 1)
    headers.set(bytes.toString('utf8', at + 1, nameEnd), bytes.toString('utf8', valueAt, valueEnd))
    at = valueEnd
  }
  return headers
}
