import type { Parameter } from './operation.ts'
import { plain } from './plain.ts'

/** An argument that cannot be put where it belongs, however right its type is. */
export class UnsendableArgument extends Error {}

/**
 * Encodes for a URL: everything but letters, digits and `-._~`. Reserved characters are kept where the document asks for it
 * (`allowReserved`), but never those that would end the value.
 */
export function encode(text: string, allowReserved = false): string {
  const encoded = encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  if (!allowReserved) return encoded
  return encoded.replaceAll(/%(3A|2F|3F|5B|5D|40|21|24|27|28|29|2A|2C|3B)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** A value in a path, after RFC 6570. It may not be empty, or a dot segment, since either would lead to another resource. */
export function pathValue({ name, style, explode, json }: Parameter, value: unknown): string {
  const text = json ? encode(JSON.stringify(value)) : pathText(name, style, explode, value)
  if (text === '' || /^\.{1,2}$/.test(text))
    throw new UnsendableArgument(`${name} must not be empty, "." or ".." in a path`)
  return text
}

function pathText(name: string, style: Parameter['style'], explode: boolean, value: unknown): string {
  if (style === 'label') return `.${joined(value, explode, explode ? '.' : ',', (each) => encode(each))}`
  if (style === 'matrix') {
    if (isObject(value) && explode)
      return Object.entries(value)
        .map(([key, each]) => `;${encode(key)}=${encode(plain(each))}`)
        .join('')
    if (Array.isArray(value) && explode) return value.map((each) => `;${encode(name)}=${encode(plain(each))}`).join('')
    return `;${encode(name)}=${joined(value, false, ',', (each) => encode(each))}`
  }
  return joined(value, explode, ',', (each) => encode(each))
}

/** The `name=value` pairs of a query parameter, encoded. */
export function queryPairs(parameter: Parameter, value: unknown): string[] {
  const { name, style, explode, allowReserved, json } = parameter
  if (value === null) return []
  const enc = (text: string) => encode(text, allowReserved)
  const pair = (key: string, text: string) => `${encode(key)}=${text}`
  if (json) return [pair(name, enc(JSON.stringify(value)))]
  if (style === 'deepObject' && isObject(value)) return deep(name, value, 0).map(([key, text]) => pair(key, enc(text)))
  if (Array.isArray(value)) {
    if (value.length === 0) return []
    if (explode) return value.map((each) => pair(name, enc(plain(each))))
    return [pair(name, value.map((each) => enc(plain(each))).join(delimiters[style] ?? ','))]
  }
  if (isObject(value)) {
    const entries = Object.entries(value)
    if (entries.length === 0) return []
    if (explode) return entries.map(([key, each]) => pair(key, enc(plain(each))))
    return [
      pair(
        name,
        entries
          .flat()
          .map((each) => enc(plain(each)))
          .join(delimiters[style] ?? ','),
      ),
    ]
  }
  return [pair(name, enc(plain(value)))]
}

const delimiters: Partial<Record<Parameter['style'], string>> = {
  spaceDelimited: '%20',
  pipeDelimited: '%7C',
  tabDelimited: '%09',
}

function deep(prefix: string, value: unknown, depth: number): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((each) => deep(prefix, each, depth + 1))
  if (!isObject(value) || depth > 20) return [[prefix, plain(value)]]
  return Object.entries(value).flatMap(([key, each]) => deep(`${prefix}[${key}]`, each, depth + 1))
}

/** A header's value: one line, and what a header can carry. */
export function headerValue({ name, explode, json }: Parameter, value: unknown): string {
  const text = json ? JSON.stringify(value) : joined(value, explode, ',', (each) => each)
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
    throw new UnsendableArgument(`${name} has characters that a header cannot carry`)
  return text.trim()
}

export function cookiePairs(parameter: Parameter, value: unknown): string[] {
  return queryPairs({ ...parameter, allowReserved: false }, value)
}

function joined(value: unknown, explode: boolean, separator: string, enc: (text: string) => string): string {
  if (Array.isArray(value)) return value.map((each) => enc(plain(each))).join(separator)
  if (!isObject(value)) return enc(plain(value))
  const entries = Object.entries(value).map(([key, each]) => [enc(key), enc(plain(each))] as const)
  return explode ? entries.map(([key, each]) => `${key}=${each}`).join(separator) : entries.flat().join(',')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
