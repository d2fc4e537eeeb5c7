import { randomUUID } from 'node:crypto'
import type { Argument, BodyKind } from './arguments.ts'
import { isObject, type Json } from './document.ts'
import { bareType, type Body } from './operation.ts'
import { plain } from './plain.ts'
import { UnsendableArgument } from './serialize.ts'

/** A body as it goes on the wire. */
export interface EncodedBody {
  contentType: string
  bytes: string | Buffer
}

/** Encodes the arguments that are the body's. Undefined: none of them was given, and none is needed. */
export function encodeBody(body: Body, kind: BodyKind, list: readonly Argument[], args: Json): EncodedBody | undefined {
  const whole = list.find(({ destination }) => destination.kind === 'body')
  if (whole) {
    if (!Object.hasOwn(args, whole.name)) return undefined
    return encodeWhole(body, kind, args[whole.name])
  }
  const given = list.flatMap(({ name, destination }) =>
    destination.kind === 'property' && Object.hasOwn(args, name)
      ? [{ property: destination.property, file: destination.file, value: args[name] }]
      : [],
  )
  if (given.length === 0 && !body.required) return undefined
  const pairs = given.map(({ property, value }) => [property, value] as const)
  if (kind === 'json') return { contentType: body.contentType, bytes: JSON.stringify(Object.fromEntries(pairs)) }
  if (kind === 'form') return encodeForm(body, pairs)
  return encodeMultipart(body, given)
}

function encodeWhole(body: Body, kind: BodyKind, value: unknown): EncodedBody {
  const { contentType } = body
  if (kind === 'json') return { contentType, bytes: JSON.stringify(value) }
  if (kind === 'text') return { contentType, bytes: String(value) }
  if (kind === 'binary')
    return {
      contentType: contentType.includes('*') ? 'application/octet-stream' : contentType,
      bytes: decode64(value, 'body'),
    }
  const pairs = isObject(value) ? Object.entries(value) : []
  return kind === 'form'
    ? encodeForm(body, pairs)
    : encodeMultipart(
        body,
        pairs.map(([property, each]) => ({ property, file: false, value: each })),
      )
}

/** Lists repeat their name unless the document says otherwise; what is inside a value is JSON. */
function encodeForm({ encoding }: Body, pairs: readonly (readonly [string, unknown])[]): EncodedBody {
  const form = new URLSearchParams()
  for (const [name, value] of pairs) {
    const rule = isObject(encoding[name]) ? encoding[name] : {}
    if (Array.isArray(value) && rule.explode !== false) for (const each of value) form.append(name, plain(each))
    else if (Array.isArray(value)) form.append(name, value.map(plain).join(separators[String(rule.style)] ?? ','))
    else if (isObject(value) && rule.style === 'deepObject')
      for (const [key, each] of Object.entries(value)) form.append(`${name}[${key}]`, plain(each))
    else form.append(name, plain(value))
  }
  return { contentType: 'application/x-www-form-urlencoded', bytes: form.toString() }
}

const separators: Record<string, string> = { spaceDelimited: ' ', pipeDelimited: '|', tabDelimited: '\t' }

/** @see https://www.rfc-editor.org/rfc/rfc7578 */
function encodeMultipart(
  { contentType, encoding }: Body,
  given: readonly { property: string; file: boolean; value: unknown }[],
): EncodedBody {
  const boundary = `fairlead-${randomUUID()}`
  const parts = given.flatMap(({ property, file, value }) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).map((each) =>
      file ? filePart(property, each) : fieldPart(property, each, encoding[property]),
    ),
  )
  const chunks = parts.flatMap(({ head, bytes }) => [
    Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
  return {
    contentType: `${bareType(contentType)}; boundary=${boundary}`,
    bytes: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  }
}

function filePart(name: string, value: unknown): { head: string; bytes: Buffer } {
  const {
    filename,
    contentType = 'application/octet-stream',
    data,
  } = (isObject(value) ? value : {}) as { filename?: string; contentType?: string; data?: string }
  if (!/^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.-]+)*$/.test(contentType))
    throw new UnsendableArgument(`${name}.contentType is not a media type`)
  const head = `content-disposition: form-data; name="${quoted(name)}"; filename="${quoted(filename ?? 'file')}"\r\ncontent-type: ${contentType}`
  return { head, bytes: decode64(data, `${name}.data`) }
}

function fieldPart(name: string, value: unknown, rule: unknown): { head: string; bytes: Buffer } {
  const { contentType } = isObject(rule) ? rule : {}
  const type =
    typeof contentType === 'string' && !/[\r\n]/.test(contentType)
      ? contentType
      : isObject(value)
        ? 'application/json'
        : undefined
  const head = `content-disposition: form-data; name="${quoted(name)}"${type === undefined ? '' : `\r\ncontent-type: ${type}`}`
  return { head, bytes: Buffer.from(plain(value)) }
}

/** As browsers do it: a quote or a line break in a name ends nothing. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function decode64(value: unknown, name: string): Buffer {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}\s*$/.test(value))
    throw new UnsendableArgument(`${name} is not base64`)
  return Buffer.from(value, 'base64')
}
