import { computeScopeUnion, extractWWWAuthenticateParams } from '../auth/oauth-client/sdk.ts'
import { FairleadError } from '../errors.ts'
import type { LightAnswer, LightFetch, LightInit } from '../http/light-fetch.ts'
import type { SignedIn } from './sign-in.ts'
import type { TokenSource } from './tokens.ts'

export interface OauthFetchOptions {
  source: TokenSource
  username: string
  /** The scopes that the person may have, where they are known: no sign-in is tried for others. */
  may?: readonly string[]
  /** Names somebody who may have a scope, for the fix. */
  whoMay?: (scope: string) => string | undefined
  fetch?: LightFetch
}

/**
 * Makes a `fetch` that sends a person's token. A token that is refused (401) is replaced once; where a scope is missing
 * (403 insufficient_scope) it signs in once more with that scope as well.
 * Throws ACCESS_DENIED, naming the scope, when the person cannot have it; SIGN_IN_FAILED.
 */
export function oauthFetch(options: OauthFetchOptions): LightFetch {
  const { source, fetch: inner = fetch } = options
  let current: SignedIn | undefined
  const send = (url: string | URL, init: LightInit | undefined, { accessToken }: SignedIn) =>
    inner(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${accessToken}` } })
  return async (url, init) => {
    current = await source.token(current ? { scopes: words(current.scope) } : {})
    let response = await send(url, init, current)
    if (response.status === 401) {
      await response.body?.cancel()
      current = await source.token({
        rejected: current.accessToken,
        ...(current.scope ? { scopes: words(current.scope) } : {}),
      })
      response = await send(url, init, current)
    }
    const needed = missingScopes(response)
    if (!needed) return response
    await response.body?.cancel()
    refuseWhatCannotBe(needed, options)
    current = await source.token({ scopes: words(computeScopeUnion(current.scope, needed.join(' '))) })
    const lacking = needed.filter((scope) => !words(current!.scope).includes(scope))
    if (lacking.length > 0) throw denied(lacking, options, 'The authorization server did not grant it.')
    response = await send(url, init, current)
    if (missingScopes(response)) throw denied(needed, options, 'The endpoint refused a token that has it.')
    return response
  }
}

/** The scopes that a 403 with insufficient_scope names. */
function missingScopes(response: LightAnswer): string[] | undefined {
  if (response.status !== 403) return undefined
  const { error, scope } = extractWWWAuthenticateParams(response as Response)
  return error === 'insufficient_scope' && scope ? words(scope) : undefined
}

function refuseWhatCannotBe(needed: string[], options: OauthFetchOptions): void {
  const { may } = options
  const beyond = may ? needed.filter((scope) => !may.includes(scope)) : []
  if (beyond.length > 0) throw denied(beyond, options, 'The groups of this user do not give it.')
}

function denied(scopes: string[], { username, whoMay }: OauthFetchOptions, why: string): FairleadError {
  const other = scopes.map((scope) => whoMay?.(scope)).find((each) => each !== undefined)
  const plural = scopes.length > 1 ? 'scopes' : 'scope'
  return new FairleadError('ACCESS_DENIED', `${username} does not have the ${plural} ${scopes.join(' ')}`, {
    why: `The call needs the ${plural} ${scopes.join(' ')}. ${why}`,
    fix: other ? `Call as one who has it: --as ${other}` : 'Call as a user whose groups give it: --as USER',
  })
}

function words(scope: string | undefined): string[] {
  return (scope ?? '').split(' ').filter((word) => word !== '')
}
