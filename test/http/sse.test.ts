import { describe, expect, it } from 'vitest'
import { readEvents, type ServerSentEvent } from '../../src/http/sse.ts'

async function read(bytes: Uint8Array, chunk: number): Promise<ServerSentEvent[]> {
  async function* body() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
  }
  const events: ServerSentEvent[] = []
  for await (const event of readEvents(body())) events.push(event)
  return events
}

describe('readEvents', () => {
  const text = ': hi\r\n\r\nid: 1\r\nretry: 20\r\ndata: Zürich\r\n\r\nevent: message\ndata:two\ndata: lines\n\nid: 2\rdata\r\rdata: cut off\n' // prettier-ignore
  const events = [
    { id: '1', retry: 20, data: 'Zürich' },
    { event: 'message', data: 'two\nlines' },
    { id: '2', data: '' },
  ]

  it.each([1, 2, 3, 5, 8, 1000])('reads the same in pieces of %i bytes', async (chunk) => {
    expect(await read(Buffer.from(text), chunk)).toEqual(events)
  })

  it('puts a large event together from many pieces', async () => {
    const data = 'x'.repeat(3 * 1024 * 1024)
    expect(await read(Buffer.from(`data: ${data}\n\ndata: next\n\n`), 1024)).toEqual([{ data }, { data: 'next' }])
  })

  it('ends the reading at an event beyond 64 MB', async () => {
    await expect(read(Buffer.from(`data: ${'x'.repeat(65 * 1024 * 1024)}`), 1024 * 1024)).rejects.toThrow(RangeError)
  })
})
