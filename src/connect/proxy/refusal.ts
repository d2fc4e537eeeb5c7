import { FairleadError } from '../../errors.ts'
import type { LightAnswer } from '../../http/light-fetch.ts'
import { quoted, withoutQuery } from '../../http/quoted.ts'
import type { Message, RpcError } from './message.ts'

/** Turns a response that is not what MCP says into one of our errors. `text` is its body, where it was read. */
export function refusal(response: LightAnswer, url: string, text: string): FairleadError {
  const at = withoutQuery(url)
  const { status } = response
  const said = text === '' || isHtml(response, text) ? undefined : `It said: ${quoted(text)}`
  if (status === 401 || status === 403)
    return new FairleadError('ACCESS_DENIED', `${at} refused the caller with ${status}`, {
      ...(said ? { why: said } : {}),
      fix: status === 401 ? 'Sign in: --auth oauth, or sign: --auth sigv4' : 'Call as somebody who may: --profile NAME',
    })
  if (status >= 300 && status < 400)
    return new FairleadError('REDIRECTED', `${at} redirects to ${originOf(response, url)}`)
  if (status >= 500) return new FairleadError('UNREACHABLE', `${at} answered ${status}`, said ? { why: said } : {})
  const what = isHtml(response, text) ? 'a web page' : `${status}, and not as an MCP server does`
  return new FairleadError('NOT_MCP', `${at} answered ${what}`, said ? { why: said } : {})
}

function isHtml(response: LightAnswer, text: string): boolean {
  return response.headers.get('content-type')?.includes('html') === true || /^\s*<(?:!doctype|html)/i.test(text)
}

function originOf(response: LightAnswer, url: string): string {
  try {
    return withoutQuery(new URL(response.headers.get('location') ?? '', url))
  } catch {
    return 'somewhere else'
  }
}

/** Turns what `fetch` threw into one of our errors. `safe`: it was not sent, or may be sent again. */
export function unreachable(error: unknown, url: string): FairleadError {
  if (error instanceof FairleadError) return error
  const at = withoutQuery(url)
  const reason = codeOf(error)
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(reason ?? ''))
    return new FairleadError('UNREACHABLE', `The certificate of ${new URL(url).host} is not trusted (${reason})`, {
      why: 'It has ended, is for another name, or is signed by an authority that Node does not know, as inside a company.',
      fix: 'Name the file with the authority: NODE_EXTRA_CA_CERTS=FILE',
      cause: error,
    })
  if (wasNotSent(error))
    return new FairleadError('UNREACHABLE', `Nothing answers at ${at}${reason ? ` (${reason})` : ''}`, { cause: error })
  return new FairleadError('CONNECTION_LOST', `${at} broke off before it answered`, { cause: error })
}

const unsent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID']) // prettier-ignore

export function wasNotSent(error: unknown): boolean {
  return (error as { unsent?: true }).unsent === true || unsent.has(codeOf(error) ?? '')
}

function codeOf(error: unknown): string | undefined {
  for (let each = error as { code?: unknown; cause?: unknown; errors?: unknown[] } | undefined; each;) {
    if (typeof each.code === 'string') return each.code
    each = (each.cause ?? each.errors?.[0]) as typeof each
  }
  return undefined
}

/** Our error as JSON-RPC has it: a client shows the message, so it says what to do as well. */
export function rpcErrorOf(error: FairleadError): RpcError {
  const { code, message, why, fix } = error
  return { code: -32000, message: `${code} ${message}. ${why} Fix: ${fix}`, data: { code, why, fix } }
}

/** The JSON-RPC messages of a body: none when it is something else. */
export function messagesIn(text: string): Message[] {
  try {
    const parsed = JSON.parse(text) as unknown
    const list = Array.isArray(parsed) ? (parsed as unknown[]) : [parsed]
    return list.every(isMessage) ? list : []
  } catch {
    return []
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && (value as Message).jsonrpc === '2.0'
}
