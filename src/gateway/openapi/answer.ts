import type { Answer } from '../outbound/upstream.ts'
import { TargetFailure, type ToolResult } from '../tool.ts'
import { bareType, isJson } from './operation.ts'

/** How an answer becomes structured: `fits` says whether it is what the output schema promises. */
export interface Structure {
  wrapped: boolean
  fits(value: unknown): boolean
}

const maxSaid = 2000

/**
 * Makes a result of what the API answered: its body as text, unchanged; an image or sound as such; other bytes as a resource.
 * Throws TargetFailure for anything but 2xx: a redirect is not followed, since what it leads to was not asked for.
 */
export function resultOf({ status, headers, bytes }: Answer, structure: Structure | undefined): ToolResult {
  const type = one(headers['content-type'])
  if (status < 200 || status > 299) {
    const said = isText(bareType(type)) ? `: ${bytes.toString('utf8').slice(0, maxSaid)}` : ''
    throw new TargetFailure('OpenAPIClientException', `the API answered ${status}${said}`)
  }
  const bare = bareType(type)
  const structured = structure ? structuredOf(bytes, type, structure) : {}
  if (bytes.length > 0 && /^(image|audio)\//.test(bare) && bare !== 'image/svg+xml')
    return {
      isError: false,
      content: [
        { type: bare.startsWith('image/') ? 'image' : 'audio', data: bytes.toString('base64'), mimeType: bare },
      ],
      ...structured,
    }
  if (bytes.length === 0 || isText(bare) || isUtf8(bytes, bare))
    return { isError: false, content: [{ type: 'text', text: bytes.toString('utf8') }], ...structured }
  const resource = {
    uri: `data:${bare || 'application/octet-stream'}`,
    mimeType: bare || 'application/octet-stream',
    blob: bytes.toString('base64'),
  }
  return { isError: false, content: [{ type: 'resource', resource }], ...structured }
}

function structuredOf(bytes: Buffer, type: string, structure: Structure): { structuredContent: unknown } {
  if (bytes.length === 0) return { structuredContent: {} }
  if (type !== '' && !isJson(type)) return { structuredContent: {} }
  try {
    const value = JSON.parse(bytes.toString('utf8')) as unknown
    const whole = structure.wrapped ? { result: value } : value
    // An API that does not keep to its document: nothing is lost, and no promise is broken.
    return { structuredContent: structure.fits(whole) ? whole : { result: value } }
  } catch {
    return { structuredContent: {} }
  }
}

function isText(type: string): boolean {
  return (
    type.startsWith('text/') ||
    isJson(type) ||
    /^application\/(xml|yaml|x-yaml|javascript|x-www-form-urlencoded|problem\+.+|.+\+xml)$/.test(type) ||
    type === 'image/svg+xml'
  )
}

/** Without a type, text is what is text. */
function isUtf8(bytes: Buffer, type: string): boolean {
  if (type !== '') return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}
