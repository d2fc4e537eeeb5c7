import { createHash } from 'node:crypto'
import { originSecretHeader } from '../aws/viewer-request.ts'

/** Stands where something was left out. */
export const masked = '…'

/** How much of a signature is kept: enough to compare (64 bits), and useless to send. */
export const keptDigits = 16

const secretHeaders = new Set(['cookie', 'set-cookie', 'proxy-authorization', 'x-api-key', originSecretHeader])

/** Parameters of queries and forms, and keys of JSON, that are secrets or lead to one. */
const secretNames =
  'code|code_verifier|client_secret|client_assertion|assertion|refresh_token|access_token|id_token|id_token_hint|subject_token|actor_token|token|password|passwd|secret|api_key|apikey|secretAccessKey|sessionToken|authorization'
const inForm = new RegExp(`(^|[?&])(${secretNames}|state|csrf)=[^&]*`, 'gi')
const inJson = new RegExp(`("(?:${secretNames})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'gi')

/** Masks what nobody may read later; what an explanation compares stays, as a hash or cut short. */
export function maskHeaders(raw: readonly string[]): string[] {
  const out: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!
    out.push(name, maskHeader(name.toLowerCase(), raw[at + 1]!))
  }
  return out
}

function maskHeader(name: string, value: string): string {
  switch (name) {
    case 'authorization':
      return maskAuthorization(value)
    case 'x-amz-security-token':
      return hashOf(value)
    case 'dpop':
      return withoutSignature(value)
    case 'mcp-session-id':
    case 'x-amzn-bedrock-agentcore-runtime-session-id':
      // One of less than 33 characters is none that AgentCore takes: its length is the cause.
      return value.length >= 16 ? value.slice(0, 8) + masked : value
    case 'location':
    case 'referer':
      return maskForm(value)
    default:
      return secretHeaders.has(name) || name.endsWith('-secret') ? masked : value
  }
}

/** A SigV4 header keeps all but most of its signature, a JWT its header and claims; anything else only its scheme. */
function maskAuthorization(value: string): string {
  if (value.startsWith('AWS4-HMAC-SHA256 ')) return maskSignature(value)
  const space = value.indexOf(' ')
  if (space < 0) return masked
  const scheme = value.slice(0, space)
  return /^(Bearer|DPoP)$/i.test(scheme)
    ? `${scheme} ${withoutSignature(value.slice(space + 1))}`
    : `${scheme} ${masked}`
}

export function maskSignature(text: string): string {
  return text.replace(/(Signature=)([0-9a-fA-F]{0,16})[0-9a-fA-F]*/, `$1$2${masked}`)
}

/** Of a JWT what anyone may know: without its signature it opens nothing. */
function withoutSignature(token: string): string {
  const last = token.lastIndexOf('.')
  const isJwt = last > 0 && token.indexOf('.') !== last && token.startsWith('ey')
  return isJwt ? token.slice(0, last + 1) + masked : masked
}

/** What a session token is compared by, in place of the token. */
export function hashOf(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex').slice(0, keptDigits)}`
}

export function maskTarget(target: string): string {
  if (!target.includes('?')) return target
  return maskSignature(
    maskForm(target).replace(
      /([?&]X-Amz-Security-Token=)([^&]*)/,
      (_, name: string, token: string) => name + encodeURIComponent(hashOf(decoded(token))),
    ),
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function maskForm(text: string): string {
  return text.replace(inForm, `$1$2=${masked}`)
}

/** Masks a body by the names in it: form parameters, and keys of JSON whose values are texts. */
export function maskBody(text: string, contentType: string): string {
  if (contentType.startsWith('application/x-www-form-urlencoded')) return maskForm(text)
  // Most bodies have none of these words, and a search is cheaper than a replacement.
  return /secret|token|password|passwd|assertion|code|key|authorization/i.test(text)
    ? text.replace(inJson, `$1"${masked}"`)
    : text
}
