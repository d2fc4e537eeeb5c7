import { signInMachine, type SignedIn } from './sign-in.ts'
import type { TokenSource } from './tokens.ts'

const marginMs = 10_000

/** Makes a source of tokens for a client itself. They are kept in memory, until they end or are refused. */
export function machineTokens(options: Parameters<typeof signInMachine>[0]): TokenSource {
  let kept: Promise<SignedIn> | undefined
  const { now = Date.now } = options
  return {
    async token({ rejected, scopes } = {}) {
      const current = await kept?.catch(() => undefined)
      const has = new Set(current?.scope.split(' '))
      const usable =
        current !== undefined &&
        current.accessToken !== rejected &&
        current.expiresAt - marginMs > now() &&
        (scopes ?? []).every((each) => has.has(each))
      if (usable) return current
      kept = signInMachine({ ...options, ...(scopes && scopes.length > 0 ? { scopes } : {}) })
      return kept
    },
  }
}
