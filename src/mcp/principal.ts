import type { Principal } from '../http/fetch-handler.ts'

/**
 * Says who called, from the context that the SDK gives to a tool; undefined when nobody was asked who they are.
 * @example async (args, ctx) => audit(principalOf(ctx)?.id)
 */
export function principalOf(context: {
  http?: { authInfo?: { extra?: Record<string, unknown> } | undefined } | undefined
}): Principal | undefined {
  return context.http?.authInfo?.extra?.principal as Principal | undefined
}
