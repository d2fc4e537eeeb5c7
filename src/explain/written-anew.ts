/** The same JSON as other serialisers write it: JavaScript, Python (with and without spaces, sorted, escaped), Go, pretty-printers. */
export function writtenAnew(body: Uint8Array): string[] {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const plain = [text.trim(), `${text}\n`, text.replaceAll('\r\n', '\n'), text.replaceAll('\n', '\r\n')]
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return plain
  }
  const compact = JSON.stringify(value)
  const python = spaced(compact)
  const sorted = JSON.stringify(inOrder(value))
  return [
    compact,
    JSON.stringify(value, null, 2),
    JSON.stringify(value, null, 4),
    python,
    ascii(python),
    ascii(compact),
    sorted,
    spaced(sorted),
    compact.replaceAll(/[<>&]/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    compact.replaceAll('/', '\\/'),
    ...plain,
  ]
}

/** One space after each colon and comma outside of texts, as Python's json.dumps writes. */
function spaced(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|[:,]/g, (each) => (each === ':' || each === ',' ? `${each} ` : each))
}

function ascii(json: string): string {
  return json.replaceAll(/[\u0080-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, inOrder(each)]),
  )
}
