import { crc32 } from 'node:zlib'

const largest = 0xffff

/**
 * Wraps bytes as gzip without compressing them. What zlib makes of the same bytes differs between its versions and between
 * processors, and a digest must not; every registry and runtime reads gzip. A bundle of a megabyte loses nothing that counts
 * beside the base image.
 * @see https://www.rfc-editor.org/rfc/rfc1952 and https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
 */
export function gzipStored(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])]
  for (let at = 0; at === 0 || at < bytes.byteLength; at += largest) {
    const part = bytes.subarray(at, at + largest)
    const head = Buffer.alloc(5)
    head[0] = at + largest >= bytes.byteLength ? 1 : 0
    head.writeUInt16LE(part.byteLength, 1)
    head.writeUInt16LE(part.byteLength ^ largest, 3)
    parts.push(head, part)
  }
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(bytes), 0)
  trailer.writeUInt32LE(bytes.byteLength % 2 ** 32, 4)
  return Buffer.concat([...parts, trailer])
}
