import type { Readable } from 'node:stream'

export interface LineReader {
  onMessage: (message: Record<string, unknown>) => void
  /** A line that is not a JSON-RPC message: a server that prints to stdout by mistake. */
  onGarbage: (line: string) => void
  /** A line longer than 10 MB: it is not kept. `head` are its first characters. */
  onTooLong: (head: string) => void
  /** The end of such a line has come; `tail` are its last characters. */
  onSkipped?: (tail: string) => void
}

const maxLineBytes = 10 * 1024 * 1024
const tailBytes = 512

/** Reads one JSON-RPC message a line. @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio */
export function readJsonLines(stream: Readable, reader: LineReader): void {
  let parts: Buffer[] = []
  let size = 0
  /** While a line is passed over that is too long: its last bytes. */
  let skipped: Buffer | undefined
  const skip = (bytes: Buffer) => (skipped = Buffer.concat([skipped!, bytes.subarray(-tailBytes)]).subarray(-tailBytes))
  const tooLong = (chunk: Buffer) => {
    reader.onTooLong(Buffer.concat(parts.slice(0, 2)).subarray(0, tailBytes).toString())
    skipped = Buffer.alloc(0)
    skip(chunk)
    parts = []
    size = 0
  }
  stream.on('data', (chunk: Buffer) => {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at)
      parts.push(end)
      if (skipped) skip(end)
      else if (size + end.length > maxLineBytes) tooLong(end)
      if (skipped) reader.onSkipped?.(skipped.toString())
      else takeLine(Buffer.concat(parts).toString(), reader)
      skipped = undefined
      parts = []
      size = 0
      from = at + 1
    }
    if (from >= chunk.length) return
    const rest = chunk.subarray(from)
    if (skipped) return void skip(rest)
    parts.push(rest)
    size += rest.length
    if (size > maxLineBytes) tooLong(rest)
  })
  stream.on('error', () => {})
}

function takeLine(line: string, { onMessage, onGarbage }: LineReader): void {
  if (line.trim() === '') return
  try {
    const message = JSON.parse(line) as Record<string, unknown>
    if (typeof message === 'object' && message !== null && message.jsonrpc === '2.0') return onMessage(message)
  } catch {
    // not JSON
  }
  onGarbage(line)
}
