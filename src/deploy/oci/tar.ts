export interface TarFile {
  /** With slashes, without one at its beginning. */
  name: string
  bytes: Uint8Array
  executable?: boolean
}

const block = 512

/**
 * Writes a tar archive that has the same bytes for the same files, wherever and whenever it is written: sorted by the bytes
 * of their names, of root, of 1970, files 0644 or 0755. Folders that the names imply are in it.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 (ustar)
 */
export function writeTar(files: readonly TarFile[]): Buffer {
  const folders = new Set(files.flatMap(({ name }) => parentsOf(name)))
  const entries = [
    ...[...folders].map((name) => ({ name: `${name}/`, bytes: new Uint8Array(), mode: 0o755, type: '5' })),
    ...files.map(({ name, bytes, executable }) => ({ name, bytes, mode: executable ? 0o755 : 0o644, type: '0' })),
  ].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(2 * block)])
}

function parentsOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1)
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'))
}

interface Entry {
  name: string
  bytes: Uint8Array
  mode: number
  type: string
}

function entryBlocks(entry: Entry): Buffer[] {
  const fields = fieldsOf(entry.name)
  const own = [header(fields ?? { name: 'long', prefix: '' }, entry), padded(entry.bytes)]
  if (fields) return own
  // A name that does not fit, or is not ASCII, stands in a record before its entry.
  const record = paxRecord('path', entry.name)
  return [
    header({ name: 'pax', prefix: '' }, { name: '', bytes: record, mode: 0o644, type: 'x' }),
    padded(record),
    ...own,
  ]
}

/** The name as ustar has it: 100 bytes, and 155 of folders before. */
function fieldsOf(name: string): { name: string; prefix: string } | undefined {
  // oxlint-disable-next-line no-control-regex
  if (!/^[\x01-\x7f]+$/.test(name)) return undefined
  if (name.length <= 100) return { name, prefix: '' }
  const cut = name.indexOf('/', name.length - 101)
  if (cut < 1 || cut > 155 || cut === name.length - 1) return undefined
  return { name: name.slice(cut + 1), prefix: name.slice(0, cut) }
}

function header(fields: { name: string; prefix: string }, { bytes, mode, type }: Entry): Buffer {
  const head = Buffer.alloc(block)
  const octal = (value: number, at: number, length: number) =>
    head.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
  head.write(fields.name, 0, 'latin1')
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(bytes.byteLength, 124, 12)
  octal(0, 136, 12)
  head.write(' '.repeat(8), 148, 'latin1')
  head.write(type, 156, 'latin1')
  head.write('ustar\x0000', 257, 'latin1')
  octal(0, 329, 8)
  octal(0, 337, 8)
  head.write(fields.prefix, 345, 'latin1')
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return head
}

/** `LENGTH key=value\n`, where LENGTH counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length > String(rest).length) length = rest + String(length).length
  return Buffer.from(`${length} ${key}=${value}\n`)
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((block - (bytes.byteLength % block)) % block)])
}
