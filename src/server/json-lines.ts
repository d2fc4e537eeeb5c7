import type { Readable } from 'node:stream'

export interface LineReader {
  onMessage: (message: Record<string, unknown>) => void
  /** A line that is not a JSON-RPC message: a server that prints to stdout by mistake. */
  onGarbage: (line: string) => void
  /** A line longer than `maxBytes`: what follows cannot be trusted. */
  onTooLong: () => void
}

const maxLineBytes = 10 * 1024 * 1024

/** Reads one JSON-RPC message a line. @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio */
export function readJsonLines(stream: Readable, reader: LineReader): void {
  let parts: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at))
      takeLine(Buffer.concat(parts).toString(), reader)
      parts = []
      size = 0
      from = at + 1
    }
    if (from >= chunk.length) return
    parts.push(chunk.subarray(from))
    size += chunk.length - from
    if (size <= maxLineBytes) return
    parts = []
    size = 0
    reader.onTooLong()
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
