import { FairleadError } from '../errors.ts'
import type { KeptRequest } from './kept.ts'

interface Entry {
  startedDateTime?: unknown
  time?: unknown
  request?: { method?: unknown; url?: unknown; headers?: unknown; postData?: { text?: unknown }; bodySize?: unknown }
  response?: { status?: unknown; headers?: unknown; content?: { text?: unknown; encoding?: unknown } }
}

const pseudo = /^:/

/**
 * Reads the requests of an HTTP archive: Chrome, Firefox, Safari and the proxies write it, each a little otherwise.
 * What an entry lacks is left out; an entry without method and URL is skipped. Throws CAPTURE_UNREADABLE.
 * @see http://www.softwareishard.com/blog/har-12-spec/
 */
export function readHar(text: string): KeptRequest[] {
  const { entries, creator } = archiveOf(text)
  const read = entries.flatMap((entry, at) => requestOf(entry, at) ?? [])
  // Chrome leaves Authorization and Cookie out, unless it is told otherwise.
  const isSanitised = creator === 'WebInspector' && read.every(({ headers }) => !hasSecret(headers))
  const kept = isSanitised ? read.map((each) => ({ ...each, sanitised: true as const })) : read
  if (kept.length > 0) return kept
  throw new FairleadError('CAPTURE_UNREADABLE', 'The archive has no request', {
    why: 'A HAR file is {"log":{"entries":[{"request":{"method","url",…}}]}}.',
  })
}

function hasSecret(headers: readonly string[]): boolean {
  return headers.some((name, at) => at % 2 === 0 && /^(authorization|cookie)$/i.test(name))
}

function archiveOf(text: string): { entries: Entry[]; creator: unknown } {
  let document: unknown
  try {
    document = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new FairleadError('CAPTURE_UNREADABLE', 'That is not a HAR file: it is not JSON, or it was cut off', {
      cause: error,
    })
  }
  const { entries, creator } =
    (document as { log?: { entries?: unknown; creator?: { name?: unknown } } } | null)?.log ?? {}
  if (Array.isArray(entries)) return { entries: entries as Entry[], creator: creator?.name }
  throw new FairleadError('CAPTURE_UNREADABLE', 'That is not a HAR file: it has no log.entries')
}

function requestOf(entry: Entry, at: number): KeptRequest | undefined {
  const { request, response } = entry ?? {}
  if (typeof request?.url !== 'string' || typeof request.method !== 'string' || !URL.canParse(request.url))
    return undefined
  const url = new URL(request.url)
  const headers = pairsOf(request.headers)
  if (!headers.some((name, place) => place % 2 === 0 && name.toLowerCase() === 'host')) headers.push('host', url.host)
  const body = typeof request.postData?.text === 'string' ? request.postData.text : undefined
  const bodySize = Number(request.bodySize ?? 0) || 0
  const { text, encoding } = response?.content ?? {}
  const said = encoding === 'base64' ? Buffer.from(String(text), 'base64').toString() : text
  const status = Number(response?.status ?? 0) || 0
  return {
    id: String(at + 1),
    at: typeof entry.startedDateTime === 'string' ? Date.parse(entry.startedDateTime) || Date.now() : Date.now(),
    platform: 'har',
    method: request.method,
    target: rawTarget(request.url, url),
    headers,
    ...(body === undefined ? {} : { body }),
    bodyBytes: body === undefined ? Math.max(bodySize, 0) : Buffer.byteLength(body),
    // It had a body, which the archive has not.
    ...(body === undefined && bodySize > 0 ? { altered: true as const } : {}),
    status,
    ms: typeof entry.time === 'number' ? entry.time : 0,
    ...(status >= 400
      ? { answer: { headers: pairsOf(response?.headers), ...(typeof said === 'string' ? { body: said } : {}) } }
      : {}),
  }
}

/** As it was written, since a parser may encode it otherwise. */
export function rawTarget(written: string, url: URL): string {
  const after = written.slice(written.indexOf('://') + 3)
  const slash = after.search(/[/?#]/)
  const target = slash < 0 ? '/' : after.slice(slash).split('#')[0]!
  return target.startsWith('/') ? target : url.pathname + url.search
}

function pairsOf(headers: unknown): string[] {
  if (!Array.isArray(headers)) return []
  return headers.flatMap((each: { name?: unknown; value?: unknown } | null) =>
    typeof each?.name === 'string' && typeof each.value === 'string' && !pseudo.test(each.name)
      ? [each.name, each.value]
      : [],
  )
}
