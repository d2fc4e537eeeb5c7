import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { deriveKey, sharedSecret } from '../state/shared-secret.ts'
import { principalOf } from './principal.ts'

/** What is used of the SDK's ServerContext. */
export interface StateContext {
  mcpReq: { method: string }
  http?: {
    authInfo?: { extra?: Record<string, unknown> } | undefined
    req?: { headers: { get(name: string): string | null } } | undefined
  }
}

export interface RequestState {
  /** Seals a JSON value for the retry of the request that is being answered; `ttlS` is 600 by default. */
  seal(value: unknown, context: StateContext, options?: { ttlS?: number }): string
  /** Opens what was sealed, or throws: the SDK then answers -32602. It is the hook that `McpServer` asks for. */
  verify(state: string, context: StateContext): unknown
}

export interface RequestStateOptions {
  /** The deployment's shared secret; FAIRLEAD_SECRET by default. */
  secret?: string
  now?: () => number
}

const version = 'v1.'
const [ivBytes, tagBytes] = [12, 16]

/**
 * Makes `requestState` for servers that ask their client something in the middle of a call (2026-07-28): encrypted with
 * AES-256-GCM, and bound to the caller, the method, the tool's (or prompt's or resource's) name and an end. Any process
 * with the same secret opens it. The name is the `Mcp-Name` header, which the SDK holds against the body; over stdio,
 * where there is none, the method alone binds.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
export function createRequestState(options: RequestStateOptions = {}): RequestState {
  const now = options.now ?? Date.now
  let key: Buffer | undefined
  const keyOnce = () => (key ??= deriveKey(options.secret ?? sharedSecret(), 'request-state'))
  return {
    seal: (value, context, { ttlS = 600 } = {}) => {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', keyOnce(), iv).setAAD(boundTo(context))
      const text = JSON.stringify({ ends: now() + ttlS * 1000, value })
      const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return version + sealed.toString('base64url')
    },
    verify: (state, context) => {
      const sealed = Buffer.from(state.slice(version.length), 'base64url')
      if (!state.startsWith(version) || sealed.length < ivBytes + tagBytes || !isCanonical(state, sealed))
        throw new Error('The requestState is not one of ours')
      const decipher = createDecipheriv('aes-256-gcm', keyOnce(), sealed.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(boundTo(context))
        .setAuthTag(sealed.subarray(-tagBytes))
      const bytes = Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
      const { ends, value } = JSON.parse(bytes.toString('utf8')) as { ends: number; value: unknown }
      if (ends <= now()) throw new Error('The requestState has expired')
      return value
    },
  }
}

/**
 * Seals and opens `requestState` with the deployment's secret.
 * @example
 * const server = new McpServer({ name: 'orders', version: '1' }, { requestState })
 * server.registerTool('order', {}, async (ctx) => {
 *   const before = ctx.mcpReq.requestState<{ step: number }>()
 *   return inputRequired({ inputRequests, requestState: requestState.seal({ step: 1 }, ctx) })
 * })
 */
export const requestState: RequestState = /* @__PURE__ */ createRequestState()

function boundTo(context: StateContext): Buffer {
  const { kind = 'anonymous', id = '', clientId = '' } = principalOf(context) ?? {}
  const name = context.http?.req?.headers.get('mcp-name') ?? ''
  return Buffer.from(JSON.stringify([kind, id, clientId, context.mcpReq.method, decoded(name)]))
}

/** A name that is not ASCII travels as `=?base64?…?=`. */
function decoded(name: string): string {
  const [, base64] = /^=\?base64\?(.*)\?=$/i.exec(name) ?? []
  return base64 === undefined ? name : Buffer.from(base64, 'base64').toString('utf8')
}

/** Node reads base64 leniently: what it would not write is refused, so that no changed text opens. */
function isCanonical(state: string, sealed: Buffer): boolean {
  return sealed.toString('base64url') === state.slice(version.length)
}
