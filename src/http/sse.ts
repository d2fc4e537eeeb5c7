/** One event of a stream. */
export interface ServerSentEvent {
  /** The id that came with this event. */
  id?: string
  event?: string
  data: string
  /** Milliseconds to wait before a stream is asked for again. */
  retry?: number
}

/** A single event that is larger than this ends the reading: a stream has no other bound. */
const maxEventChars = 64 * 1024 * 1024

/**
 * Reads a `text/event-stream` as it arrives. Comments are skipped; an event without data is given too, since it may carry
 * an id. Throws what the stream throws, and RangeError for an event beyond 64 MB.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  // What has come of a line that has not ended, in pieces: put together once, or a large event takes quadratic time.
  let pieces: string[] = []
  let size = 0
  let event = emptyEvent()
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true })
    if (text === '') continue
    const ends = pieces.at(-1)?.endsWith('\r') === true || text.includes('\n') || text.includes('\r')
    pieces.push(text)
    size += text.length
    if (size + event.size > maxEventChars) throw new RangeError('an event of the stream is larger than 64 MB')
    if (!ends) continue
    const { lines, left } = splitLines(pieces.join(''))
    pieces = left === '' ? [] : [left]
    size = left.length
    for (const line of lines) {
      if (line !== '') takeField(event, line)
      else {
        if (event.any) yield finished(event)
        event = emptyEvent()
      }
    }
  }
}

interface Building {
  any: boolean
  size: number
  data: string[]
  id?: string
  event?: string
  retry?: number
}

const emptyEvent = (): Building => ({ any: false, size: 0, data: [] })

/** Lines end with LF, CR or CRLF; a CR at the end of what came may be half of one. */
function splitLines(text: string): { lines: string[]; left: string } {
  const held = text.endsWith('\r') ? '\r' : ''
  const lines = text.slice(0, text.length - held.length).split(/\r\n|\n|\r/)
  return { left: `${lines.pop()!}${held}`, lines }
}

function takeField(event: Building, line: string): void {
  const colon = line.indexOf(':')
  if (colon === 0) return
  const name = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
  event.any = true
  event.size += value.length
  if (name === 'data') event.data.push(value)
  else if (name === 'event') event.event = value
  else if (name === 'id' && !value.includes('\0')) event.id = value
  else if (name === 'retry' && /^\d{1,9}$/.test(value)) event.retry = Number(value)
}

function finished({ data, id, event, retry }: Building): ServerSentEvent {
  return {
    data: data.join('\n'),
    ...(id === undefined ? {} : { id }),
    ...(event === undefined ? {} : { event }),
    ...(retry === undefined ? {} : { retry }),
  }
}
