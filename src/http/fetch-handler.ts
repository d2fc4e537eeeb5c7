import type { Call } from './call.ts'

/** Who called, as the guard proved it. */
export interface Principal {
  kind: 'iam' | 'user' | 'client' | 'anonymous'
  /** The IAM ARN, or the token's subject; empty when anonymous. */
  id: string
  /** The OAuth client, where there is one. */
  clientId?: string
  scopes?: readonly string[]
}

export const anonymous: Principal = { kind: 'anonymous', id: '' }

/** What an adapter knows about a request beside the request itself. */
export interface RequestContext {
  /** The platform's own id of this request: it stands in logs and in sanitised errors. */
  requestId: string
  principal: Principal
  /** Who is at the other end of the connection: perhaps a proxy. */
  remoteAddress?: string
  /** Filled in as the request is answered, where somebody observes it. */
  call?: Call
}

/**
 * The narrow waist: the MCP host, the gateway and the authorization service are each one.
 * An adapter puts it on a platform, a test calls it directly, the local stack puts a socket in front of it.
 */
export type FetchHandler = (request: Request, context: RequestContext) => Promise<Response>
