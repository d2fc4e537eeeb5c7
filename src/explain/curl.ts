import { FairleadError } from '../errors.ts'
import { rawTarget } from './har.ts'
import type { KeptRequest } from './kept.ts'

/** Options of curl that take a value and change nothing that is explained. */
const withValue = new Set([
  '-o',
  '--output',
  '-m',
  '--max-time',
  '--connect-timeout',
  '-w',
  '--write-out',
  '--cacert',
  '-x',
  '--proxy',
  '--resolve',
  '--retry',
  '-c',
  '--cookie-jar',
])

/**
 * Reads a curl command, as browsers copy it and people paste it, into the request that it sends. Throws CAPTURE_UNREADABLE.
 * What curl itself would add, Host and a form's content type, is added; `--aws-sigv4` and files are refused by name.
 */
export function readCurl(text: string, now = Date.now()): KeptRequest {
  const words = shellWords(text.trim())
  if (words[0] !== 'curl') throw unreadable('That is not a curl command: it does not begin with curl')
  let method: string | undefined
  let address: string | undefined
  let body: string | undefined
  const headers: string[] = []
  for (let at = 1; at < words.length; at++) {
    const word = words[at]!
    const [option, inline] =
      word.startsWith('--') && word.includes('=')
        ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]
        : [word, undefined]
    const value = () => inline ?? words[++at] ?? missing(option)
    if (option === '-X' || option === '--request') method = value()
    else if (option.startsWith('-X') && option.length > 2) method = option.slice(2)
    else if (option === '-H' || option === '--header') headers.push(...headerOf(value()))
    else if (
      option === '-d' ||
      option === '--data' ||
      option === '--data-raw' ||
      option === '--data-binary' ||
      option === '--data-ascii' ||
      option === '--json'
    ) {
      const data = value()
      if (data.startsWith('@') && option !== '--data-raw')
        throw unreadable(`${option} ${data} reads a file; put its text into the command`)
      if (option === '--json') headers.push('content-type', 'application/json', 'accept', 'application/json')
      body = body === undefined ? data : `${body}&${data}`
    } else if (option === '-A' || option === '--user-agent') headers.push('user-agent', value())
    else if (option === '-b' || option === '--cookie') headers.push('cookie', value())
    else if (option === '-u' || option === '--user')
      headers.push('authorization', `Basic ${Buffer.from(value()).toString('base64')}`)
    else if (option === '--oauth2-bearer') headers.push('authorization', `Bearer ${value()}`)
    else if (option === '--url') address = value()
    else if (option === '-I' || option === '--head') method ??= 'HEAD'
    else if (option === '--aws-sigv4')
      throw unreadable(
        'With --aws-sigv4 the signature is made by curl: take the request from curl -v, with its headers',
      )
    else if (withValue.has(option)) value()
    else if (!option.startsWith('-')) address ??= option
  }
  if (address === undefined) throw unreadable('The command has no URL')
  const whole = /^https?:\/\//.test(address) ? address : `http://${address}`
  if (!URL.canParse(whole)) throw unreadable('The URL of the command cannot be read')
  const url = new URL(whole)
  const has = (name: string) => headers.some((each, at) => at % 2 === 0 && each.toLowerCase() === name)
  if (!has('host')) headers.unshift('host', url.host)
  if (body !== undefined && !has('content-type')) headers.push('content-type', 'application/x-www-form-urlencoded')
  return {
    id: 'curl',
    at: now,
    platform: 'curl',
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    target: rawTarget(whole, url),
    headers,
    ...(body === undefined ? {} : { body }),
    bodyBytes: body === undefined ? 0 : Buffer.byteLength(body),
    status: 0,
    ms: 0,
  }
}

/** Words of a POSIX shell: quotes of both kinds, $'…', backslashes and continued lines. Nothing is expanded. */
function shellWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char === "'" || (char === '$' && text[at + 1] === "'")) {
      const ansi = char === '$'
      const start = at + (ansi ? 2 : 1)
      let end = start
      while (end < text.length && text[end] !== "'") end += ansi && text[end] === '\\' ? 2 : 1
      if (end >= text.length) throw unreadable('A quote of the command is not closed')
      const inside = text.slice(start, end)
      word = (word ?? '') + (ansi ? unescaped(inside) : inside)
      at = end
    } else if (char === '"') {
      let end = at + 1
      let inside = ''
      while (end < text.length && text[end] !== '"') {
        if (text[end] === '\\' && '"\\$`\n'.includes(text[end + 1] ?? '')) end++
        inside += text[end++] ?? ''
      }
      if (end >= text.length) throw unreadable('A quote of the command is not closed')
      word = (word ?? '') + inside
      at = end
    } else if (char === '\\') {
      if (text[at + 1] === '\n') at++
      else if (text[at + 1] === '\r') at += 2
      else word = (word ?? '') + (text[++at] ?? '')
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (word !== undefined) words.push(word)
  return words
}

function unescaped(text: string): string {
  const named: Record<string, string> = { n: '\n', t: '\t', r: '\r' }
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gs, (_, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (named[code] ?? code),
  )
}

function headerOf(line: string): string[] {
  const at = line.indexOf(':')
  return at < 1 ? [] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
}

function missing(option: string): never {
  throw unreadable(`${option} has no value`)
}

function unreadable(message: string): FairleadError {
  return new FairleadError('CAPTURE_UNREADABLE', message)
}
