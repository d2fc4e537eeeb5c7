import type { LightAnswer } from './light-fetch.ts'

/** Quotes what another side said, for an error or a log line: one line, 300 characters, and what looks like a secret left out. */
export function quoted(text: string, longest = 300): string {
  return text
    .replaceAll(/(x-amz-security-token\s*[:=]\s*)[^\s'"&\\]+/gi, '$1…')
    .replaceAll(/((?:Bearer|DPoP|Basic)\s+)[\w.~+/=-]{8,}/gi, '$1…')
    .replaceAll(/(Signature\s*=\s*)[0-9a-f]{16,}/gi, '$1…')
    .replaceAll(
      // A code of OAuth is a secret; the `Status Code` and the `HandlerErrorCode` that AWS ends its reasons with are none.
      /("?(?:access_token|refresh_token|id_token|client_secret|password|(?<!(?:status|error)[ _]?)code)"?\s*[:=]\s*"?)[^\s"&,}]+/gi,
      '$1…',
    )
    .replaceAll(/eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '…')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, longest)
}

/** A URL without user, query and fragment, any of which may carry a secret. */
export function withoutQuery(url: string | URL): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

/** Reads a body to its end, or to `maxBytes`: undefined when it is larger. */
export async function readText(response: LightAnswer, maxBytes: number): Promise<string | undefined> {
  if (!response.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.byteLength
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
