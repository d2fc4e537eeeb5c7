import { crc32 } from 'node:zlib'

/**
 * Encodes one message of an event stream: lengths and a checksum, headers, payload, and a checksum over all.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the format of application/vnd.amazon.eventstream)
 */
export function eventMessage(eventType: string, contentType: string, payload: Uint8Array): Buffer {
  const headers = Buffer.concat([
    header(':event-type', eventType),
    header(':content-type', contentType),
    header(':message-type', 'event'),
  ])
  const total = 12 + headers.length + payload.byteLength + 4
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(total, 0)
  prelude.writeUInt32BE(headers.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const message = Buffer.concat([prelude, headers, payload, Buffer.alloc(4)])
  message.writeUInt32BE(crc32(message.subarray(0, total - 4)), total - 4)
  return message
}

const stringType = 7

function header(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)]
  const length = Buffer.alloc(2)
  length.writeUInt16BE(text.length)
  return Buffer.concat([Buffer.from([key.length]), key, Buffer.from([stringType]), length, text])
}
