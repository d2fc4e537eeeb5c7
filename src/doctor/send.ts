import { request as plain } from 'node:http'
import { request as secure } from 'node:https'

export interface Sent {
  method?: string
  url: string
  headers?: Record<string, string>
  body?: string
  /** Milliseconds until the answer must have ended; what came until then is given back. */
  timeoutMs?: number
  /** Stops reading, and says so, when this matches what came. */
  until?: (text: string) => boolean
}

export interface Answered {
  status: number
  headers: Record<string, string[]>
  body: string
  /** Milliseconds to the head of the answer, and to the end of it. */
  headMs: number
  ms: number
  /** Whether it came to its end by itself. */
  ended: boolean
}

/** Why nothing was answered. */
export interface Failed {
  failed: 'timeout' | 'refused' | 'name' | 'tls' | 'not-http' | 'closed'
  says: string
}

const maxBytes = 4 * 1024 * 1024
const maxHeaderBytes = 64 * 1024

/** Sends one request with its headers as they are given, Host too, follows nothing, and ends in time whatever comes back. */
export async function send(sent: Sent): Promise<Answered | Failed> {
  const { method = 'GET', timeoutMs = 8000, until } = sent
  const url = new URL(sent.url)
  const started = performance.now()
  return new Promise((resolve) => {
    const make = url.protocol === 'https:' ? secure : plain
    let timer: NodeJS.Timeout | undefined
    const finish = (result: Answered | Failed) => {
      clearTimeout(timer)
      resolve(result)
      request.destroy()
    }
    const headers = {
      ...sent.headers,
      ...(sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) }),
    }
    const request = make(url, { method, headers, maxHeaderSize: maxHeaderBytes, agent: false }, (response) => {
      const headMs = performance.now() - started
      let body = ''
      let size = 0
      const decoder = new TextDecoder()
      const answered = (ended: boolean): Answered => ({
        status: response.statusCode ?? 0,
        headers: allOf(response.rawHeaders),
        body,
        headMs,
        ms: performance.now() - started,
        ended,
      })
      timerEnds = () => finish(answered(false))
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        body += decoder.decode(chunk, { stream: true })
        if (size > maxBytes || until?.(body)) finish(answered(false))
      })
      response.on('end', () => finish(answered(true)))
      response.on('error', () => finish(answered(false)))
    })
    let timerEnds = () => finish({ failed: 'timeout', says: `Nothing came within ${timeoutMs / 1000} s.` })
    timer = setTimeout(() => timerEnds(), timeoutMs)
    request.on('error', (error: NodeJS.ErrnoException) => finish(failure(error, url)))
    request.end(sent.body)
  })
}

function failure(error: NodeJS.ErrnoException, { host }: URL): Failed {
  const code = error.code ?? ''
  if (code === 'ECONNREFUSED') return { failed: 'refused', says: `Nothing listens at ${host}.` }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { failed: 'name', says: `The name ${host} leads nowhere.` }
  if (
    code === 'EPROTO' ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_SSL') ||
    /CERT|SELF_SIGNED|UNABLE_TO/.test(code)
  )
    return { failed: 'tls', says: `TLS does not come about: ${code}.` }
  if (code.startsWith('HPE_'))
    return {
      failed: 'not-http',
      says: `What answers does not speak HTTP/1.1, or sends more than ${maxHeaderBytes / 1024} kB of headers: ${code}.`,
    }
  return { failed: 'closed', says: `The connection was closed without an answer${code ? `: ${code}` : ''}.` }
}

function allOf(raw: readonly string[]): Record<string, string[]> {
  const all: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (let at = 0; at + 1 < raw.length; at += 2) (all[raw[at]!.toLowerCase()] ??= []).push(raw[at + 1]!)
  return all
}

export function header(answer: Answered, name: string): string | undefined {
  return answer.headers[name]?.[0]
}
